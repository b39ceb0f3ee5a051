import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { CniVersion } from "../../../src/cni/versions.ts";
import { formatAddress, formatPrefix } from "../../../src/ip/address.ts";
import { openDelegate } from "../../../src/ipam/delegate.ts";
import type { Ipam } from "../../../src/ipam/ipam.ts";
import { beginCall, timeLeft } from "../../../src/system/time-budget.ts";
import { errorOf, network, temporaryFolder } from "./lib/network.ts";

const result =
  '{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3/24","gateway":"10.1.2.1"}],"routes":[{"dst":"0.0.0.0/0"}],"dns":{"domain":"x"}}';

interface Delegate {
  readonly ipam: Ipam;
  /** The commands that the program was run with. */
  commands(): string[];
}

/** @param script what the program does, in sh, after it has noted its command and read its input */
function delegate(
  t: Tap,
  script: string,
  {
    version = "1.1.0",
    budget = () => 5000,
    mode = 0o755,
    name = "own",
  }: { version?: CniVersion; budget?: () => number; mode?: number; name?: string } = {},
): Delegate {
  const folder = temporaryFolder(t);
  const log = join(folder, "log");
  writeFileSync(
    join(folder, name),
    `#!/bin/sh\necho "$CNI_COMMAND" >> ${log}\ncat > ${folder}/stdin\nenv > ${folder}/env\n${script}\n`,
  );
  chmodSync(join(folder, name), mode);
  const environment = {
    PATH: process.env.PATH,
    CNI_PATH: `/none:${folder}`,
    CNI_COMMAND: "ADD",
    CNI_ARGS: "A=b c",
    CNI_NETNS: "/x",
  };
  const context = {
    containerId: "a",
    ifname: "eth0",
    cniVersion: version,
    stdin: '{"name":"n","own":{"ü":1}}\n',
    environment,
  };
  return {
    ipam: openDelegate(context, name, budget),
    commands: () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []),
  };
}

type Tap = { teardown: (work: () => void) => void };

const answer = (text: string) => `cat <<'END'\n${text}\nEND`;

t.test("the program gets the configuration and environment as they came, with its command", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "one"));
  mkdirSync(join(folder, "two"));
  writeFileSync(join(folder, "two/own"), `#!/bin/sh\ncat > ${folder}/stdin\nenv > ${folder}/env\necho '${result}'\n`, {
    mode: 0o755,
  });
  const environment = {
    PATH: process.env.PATH as string,
    CNI_PATH: `${folder}/one:${folder}/two`,
    CNI_COMMAND: "X",
    CNI_ARGS: "A=b c",
  };
  const net = network(folder, "n", { type: "own", anything: ["else"] });
  const { addresses, routes, dns } = net.ipam("a", { environment }).add();
  t.strictSame(
    addresses.map(({ address, gateway }) => [formatPrefix(address), gateway && formatAddress(gateway)]),
    [["10.1.2.3/24", "10.1.2.1"]],
  );
  t.equal(routes.length, 1);
  t.equal(dns?.domain, "x");
  t.match(JSON.parse(readFileSync(`${folder}/stdin`, "utf8")), {
    name: "n",
    ipam: { type: "own", anything: ["else"] },
  });
  const got = readFileSync(`${folder}/env`, "utf8").split("\n");
  for (const line of ["CNI_COMMAND=ADD", "CNI_ARGS=A=b c", `CNI_PATH=${folder}/one:${folder}/two`])
    t.ok(got.includes(line), line);
});

t.test("every command reaches it", async (t) => {
  const { ipam, commands } = delegate(t, answer(result));
  ipam.add();
  ipam.check({ interfaces: [], ips: [], routes: [], dns: {} });
  ipam.del();
  ipam.gc([]);
  ipam.status();
  t.strictSame(commands(), ["ADD", "CHECK", "DEL", "GC", "STATUS"]);
});

t.test("results of every version are understood", async (t) => {
  const old = '{"ip4":{"ip":"10.1.2.3/24","gateway":"10.1.2.1","routes":[{"dst":"0.0.0.0/0"}]}}';
  for (const [version, text] of [
    ["0.1.0", old],
    ["0.2.0", old.replace("{", '{"cniVersion":"0.2.0",')],
    ["0.3.1", '{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.1.2.3/24"}]}'],
    ["1.0.0", '{"ips":[{"address":"10.1.2.3/24","interface":0}]}'],
    ["1.1.0", result],
    [
      "1.1.0",
      '{"IPs":[{"Address":"10.1.2.3/24","Gateway":null,"Interface":7}],"Interfaces":[{"Name":"x"}],"DNS":null}',
    ],
  ] as [CniVersion, string][]) {
    const { addresses } = delegate(t, answer(text), { version }).ipam.add();
    t.strictSame(
      addresses.map(({ address }) => formatPrefix(address)),
      ["10.1.2.3/24"],
      version,
    );
  }
});

t.test("its error reaches the caller as it is, and a failed ADD is followed by DEL", async (t) => {
  const { ipam, commands } = delegate(
    t,
    `${answer('{"cniVersion":"1.0.0","code":11,"msg":"no lease","details":"later"}')}\nexit 1`,
  );
  t.strictSame(
    errorOf(() => ipam.add()),
    { code: 11, message: "no lease", details: "later" },
  );
  t.strictSame(commands(), ["ADD", "DEL"]);
  t.equal(errorOf(() => ipam.del()).message, "no lease");
  t.equal(errorOf(() => ipam.status()).code, 11);
});

t.test("an error without a code of its own gets ours", async (t) => {
  const { ipam } = delegate(t, `${answer('{"msg":"odd"}')}\nexit 1`);
  t.strictSame(
    errorOf(() => ipam.del()),
    { code: 106, message: "odd", details: "" },
  );
  const shouted = delegate(t, `${answer('{"Code":7,"MSG":"odd","Details":null}')}\nexit 1`);
  t.strictSame(
    errorOf(() => shouted.ipam.del()),
    { code: 7, message: "odd", details: "" },
  );
});

t.test("each way to fail has its own message", async (t) => {
  const add = (script: string, options = {}) => errorOf(() => delegate(t, script, options).ipam.add());
  for (const [script, message] of [
    ["exit 0", /own succeeded in ADD and wrote no result/],
    ["echo '{'", /own wrote a result that is no JSON: "\{"/],
    ["echo '[]'", /own wrote a result that is wrong: result must be an object/],
    ["printf '%05000d' 0 | tr 0 '['", /own wrote a result that is no JSON: "\[\[\[/],
    ["printf '%05000d' 0 | tr 0 '['; exit 1", /exit status 1 with an output that is no CNI error: "\[\[\[/],
    ['echo \'{"code":7,"msg":""}\'; exit 1', /with an output that is no CNI error: "\{/],
    ["echo '{\"ips\":[]}'", /own wrote a result without addresses/],
    ['echo \'{"ips":[{"address":"10.0.0.1"}]}\'', /own wrote a result that is wrong: result\.ips\[0\]\.address/],
    ["exit 3", /own failed ADD with exit status 3 without an error on its output$/],
    ["echo oops >&2; exit 3", /exit status 3 without an error on its output: "oops"/],
    ["echo oops; exit 3", /exit status 3 with an output that is no CNI error: "oops"/],
    ["kill -9 $$", /own was ended by SIGKILL in ADD/],
  ] as const) {
    t.match(add(script), { code: 106, message }, script);
  }
  t.match(add("", { mode: 0o644 }), { code: 106, message: /own is not executable: chmod \+x .*\/own/ });
});

t.test("a program that does not end is not waited for", async (t) => {
  const { ipam } = delegate(t, "sleep 60", { budget: () => 300 });
  t.match(
    errorOf(() => ipam.del()),
    { code: 106, message: /own did not end DEL within 0\.3 s$/ },
  );
});

t.test(
  "one time budget for a call, and one to take it back: DEL that hangs behind ADD is not waited for either",
  async (t) => {
    const { ipam, commands } = delegate(t, "exec sleep 60", { budget: timeLeft });
    const started = performance.now();
    beginCall(400, 300);
    const error = errorOf(() => ipam.add());
    t.teardown(() => beginCall());
    t.match(error, { code: 106, message: /own did not end ADD within 0\.4 s$/ });
    t.strictSame(commands(), ["ADD", "DEL"]);
    const again = errorOf(() => ipam.del());
    t.match(again, { message: /own is not run for DEL: the time of this call is used up$/ });
    t.ok(performance.now() - started < 2000);
  },
);

t.test("the reference's dhcp that hangs in ADD: what that means, and what an ipvlan needs", async (t) => {
  const { ipam } = delegate(t, "exec sleep 60", { budget: () => 200, name: "dhcp" });
  const message = /dhcp did not end ADD within 0\.2 s: no DHCP server answered, .* broadcast \(dhcp daemon -broadcast/;
  t.match(
    errorOf(() => ipam.add()),
    { code: 106, message },
  );
});

t.test("nor is what a program that has ended left running with its output open", async (t) => {
  const { ipam } = delegate(t, `sleep 60 &\n${answer(result)}`);
  const started = performance.now();
  t.equal(ipam.add().addresses.length, 1);
  t.ok(performance.now() - started < 2000);
});

t.test("a program that is nowhere: the folders that were searched, or that there are none", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "own"));
  const net = network(folder, "n", { type: "own" });
  const add = (CNI_PATH: string) => errorOf(() => net.add("a", { environment: { CNI_PATH } }));
  t.match(add(`/none:${folder}`), {
    code: 106,
    message: `IPAM plugin own is in none of the folders of CNI_PATH: /none, ${folder};`,
  });
  t.match(add(""), { code: 4, message: /^CNI_PATH is not set/ });
  for (const [type, meant] of [
    ["hostlocal", "host-local"],
    ["Host-Local", "host-local"],
    ["statik", "static"],
  ] as const) {
    const misspelt = network(folder, "n", { type });
    const error = errorOf(() => misspelt.add("a", { environment: { CNI_PATH: folder } }));
    t.match(error, { code: 106, message: `correct ipam.type; did you mean "${meant}"?` });
  }
});

t.test(
  "GC and STATUS: not for configurations before 1.1.0, and a plugin that does not know them need not",
  async (t) => {
    const early = delegate(t, "exit 1", { version: "1.0.0" });
    early.ipam.gc([]);
    early.ipam.status();
    t.strictSame(early.commands(), []);
    for (const text of [
      '{"code":1,"msg":"plugin version does not allow GC"}',
      '{"code":4,"msg":"unknown CNI_COMMAND: GC"}',
      '{"code":100,"msg":"unknown CNI_COMMAND: STATUS"}',
    ]) {
      const { ipam } = delegate(t, `${answer(text)}\nexit 1`);
      t.doesNotThrow(() => ipam.gc([]), text);
      t.doesNotThrow(() => ipam.status(), text);
    }
  },
);
