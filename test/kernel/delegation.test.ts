// IPAM plugins that are programs of their own: the packaged ones under other names, and third parties of every kind.
import t from "tap";
import { type Call, executable } from "./lib/lab.ts";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

/** Notes what it is given, holds one address, and does what `does` in its configuration says. */
const own = `#!/bin/sh
cd /tmp/lab/own
config=$(cat; echo .)
printf %s "\${config%.}" > $CNI_COMMAND.stdin
env > $CNI_COMMAND.env
echo $CNI_COMMAND >> commands
does=\${config##*'"does":"'}
does=\${does%%'"'*}
result='{"ips":[{"address":"192.168.1.44/24","gateway":"192.168.1.1"}],"routes":[{"dst":"0.0.0.0/0"}]}'
case $CNI_COMMAND in DEL | GC) ip -n c1 -o link show type ipvlan > links-at-$CNI_COMMAND ;; esac
case $does-$CNI_COMMAND in
*-DEL) rm -f 192.168.1.44-$CNI_CONTAINERID ;;
*-ADD) : > 192.168.1.44-$CNI_CONTAINERID ;;
esac
case $does-$CNI_COMMAND in
nothing-ADD) ;;
text-ADD) echo "lease 192.168.1.44" ;;
empty-ADD) echo '{"cniVersion":"1.1.0","ips":[]}' ;;
bare-ADD) echo '{"ips":[{"address":"192.168.1.44"}]}' ;;
error-ADD | error-in-$CNI_COMMAND-$CNI_COMMAND)
  echo '{"cniVersion":"1.0.0","code":117,"msg":"no lease","details":"the server is away"}'; exit 1 ;;
words-ADD) echo "no server" >&2; exit 3 ;;
killed-ADD) kill -KILL $$ ;;
*-ADD) echo "$result" ;;
esac
`;

const setUp = `reset; host h1; container peer c1; cable h1 eth0 peer eth0
  mkdir -p /tmp/lab/own /tmp/lab/bin
  cat > /tmp/lab/bin/own <<'END'\n${own}END
  cp /tmp/lab/bin/own /tmp/lab/bin/plain
  printf '#!/none/such\\n' > /tmp/lab/bin/lost
  chmod +x /tmp/lab/bin/own /tmp/lab/bin/lost`;

const config = (ipam: object, more: object = {}) => ({
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  ipam,
  ...more,
});
const call = (command: Call["command"], given: object | string, more: object = {}): Call => ({
  command: command as "ADD",
  netns: "c1",
  path: "/nowhere:/tmp/lab/bin",
  config: given,
  ...more,
});

t.test(
  "a third-party IPAM is executed for each command, with environment and configuration as they came",
  async (t) => {
    await lab.ok(setUp);
    const environment = { TRACE_PARENT: "00-7", CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=web-0" };
    // Its form is no matter of ours.
    const text = (more: object = {}) => JSON.stringify(config({ type: "own", colour: "grün" }, more), undefined, 1);
    const added = await lab.call(call("ADD", text(), { environment }));
    t.match(added, { code: 0, json: { ips: [{ address: "192.168.1.44/24" }], routes: [{ dst: "0.0.0.0/0" }] } });
    const later = { ADD: text(), CHECK: text({ prevResult: added.json }), STATUS: text(), DEL: text() };
    const gc = text({ "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] });
    const answers = await lab.calls([
      call("CHECK", later.CHECK, { environment }),
      call("STATUS", later.STATUS, { environment }),
      call("GC", gc, { environment }),
      call("DEL", later.DEL, { environment }),
    ]);
    for (const { code, stdout } of answers) t.strictSame([code, stdout], [0, ""]);
    t.equal(await lab.ok("cat /tmp/lab/own/commands"), "ADD\nCHECK\nSTATUS\nGC\nDEL\n");
    t.match(await lab.ok("cat /tmp/lab/own/links-at-DEL"), "eth0@", "it may give the address back over the interface");
    for (const [command, given] of Object.entries({ ...later, GC: gc })) {
      t.equal(await lab.ok(`cat /tmp/lab/own/${command}.stdin`), `${given}\n`, `${command}: standard input`);
      const variables = (await lab.ok(`cat /tmp/lab/own/${command}.env`)).split("\n");
      const wanted = {
        ...environment,
        CNI_COMMAND: command,
        CNI_CONTAINERID: "c1",
        CNI_NETNS: "/run/netns/c1",
        CNI_IFNAME: "eth0",
        CNI_PATH: "/nowhere:/tmp/lab/bin",
      };
      for (const [name, value] of Object.entries(wanted))
        t.ok(variables.includes(`${name}=${value}`), `${command}: ${name}`);
    }
    await nothingLeft(t, lab);
  },
);

/** What `own` does, or which other program is named, and the error that the caller gets. */
const everyFailure: { what: string; ipam: object; code: number; msg: RegExp; details?: string; stderr?: string }[] = [
  { what: "answers an error", ipam: { does: "error" }, code: 117, msg: /^no lease$/, details: "the server is away" },
  { what: "writes nothing", ipam: { does: "nothing" }, code: 106, msg: /own succeeded in ADD and wrote no result/ },
  { what: "writes no JSON", ipam: { does: "text" }, code: 106, msg: /own wrote a result that is no JSON: "lease/ },
  { what: "gives no address", ipam: { does: "empty" }, code: 106, msg: /own wrote a result without addresses/ },
  {
    what: "gives an address without length",
    ipam: { does: "bare" },
    code: 106,
    msg: /wrong: result\.ips\[0\]\.address/,
  },
  {
    what: "fails without an error object",
    ipam: { does: "words" },
    code: 106,
    msg: /own failed ADD with exit status 3 without an error on its output: "no server"/,
    stderr: "no server\n",
  },
  { what: "is killed", ipam: { does: "killed" }, code: 106, msg: /own was ended by SIGKILL in ADD/ },
  {
    what: "is not executable",
    ipam: { type: "plain" },
    code: 106,
    msg: /not executable: chmod \+x \/tmp\/lab\/bin\/plain/,
  },
  { what: "has no interpreter", ipam: { type: "lost" }, code: 106, msg: /\/tmp\/lab\/bin\/lost or its interpreter/ },
  {
    what: "is nowhere",
    ipam: { type: "none" },
    code: 106,
    msg: /none is in none of the folders of CNI_PATH: \/nowhere, /,
  },
  {
    what: "is named by a path",
    ipam: { type: "../bin/own" },
    code: 7,
    msg: /must be the name of a program, not a path/,
  },
];
// What the program wrote is read by the same code in both: the executable that starts slowly, twice for a delegate, does the rest.
const failures = everyFailure.filter(({ ipam }) => {
  return executable === "native" || !("does" in ipam) || ["error", "words", "killed"].includes(`${ipam.does}`);
});

t.test(
  "an IPAM that fails in ADD: its error or one that names it reaches the caller, DEL follows, nothing is left",
  async (t) => {
    await lab.ok(setUp);
    const answers = await lab.calls(failures.map(({ ipam }) => call("ADD", config({ type: "own", ...ipam }))));
    for (const [index, { what, code, msg, details, stderr }] of failures.entries()) {
      const json = { cniVersion: "1.1.0", code, msg, ...(details === undefined ? {} : { details }) };
      t.match(answers[index], { code: 1, json, stderr: stderr ?? "" }, what);
    }
    const started = failures.filter(({ ipam }) => "does" in ipam);
    t.equal(await lab.ok("cat /tmp/lab/own/commands"), "ADD\nDEL\n".repeat(started.length));
    t.equal(await lab.ok("ls /tmp/lab/own | grep 192 || :; ip -n c1 -o link show type ipvlan"), "");
    await nothingLeft(t, lab);
  },
);

t.test("an IPAM's reservation is given back when ADD fails after it", async (t) => {
  await lab.ok(`${setUp}; on h1 ip link add link eth0 name other type ipvlan mode l2; on h1 ip link set other up
    on h1 ip addr add 192.168.1.44/24 dev other`);
  const refused = await lab.call(call("ADD", config({ type: "own" })));
  t.match(refused.json, { code: 103, msg: /192\.168\.1\.44\/24 could not be added/ });
  t.equal(await lab.ok("ls /tmp/lab/own | grep 192 || :; cat /tmp/lab/own/commands"), "ADD\nDEL\n");
  t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
  await nothingLeft(t, lab);
});

t.test("an IPAM's error in CHECK, DEL, GC and STATUS is the caller's", async (t) => {
  await lab.ok(setUp);
  const prevResult = await lab.add(call("ADD", config({ type: "own" })));
  const failing = (command: "CHECK" | "DEL" | "GC" | "STATUS") =>
    call(
      command,
      config({ type: "own", does: `error-in-${command}` }, { prevResult, "cni.dev/valid-attachments": [] }),
    );
  // DEL that failed leaves all for the next one; GC takes the attachment away, and DEL has still to succeed.
  const commands = ["CHECK", "STATUS", "DEL", "GC"] as const;
  for (const [index, answer] of (await lab.calls(commands.map(failing))).entries()) {
    t.match(
      answer,
      { code: 1, json: { code: 117, msg: "no lease", details: "the server is away" } },
      commands[index] ?? "",
    );
  }
  t.match(await lab.ok("cat /tmp/lab/own/links-at-GC"), "eth0@", "the interface is there behind DEL, and as GC begins");
  t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "", "and gone behind GC");
  await lab.del(call("DEL", config({ type: "own" })));
  await nothingLeft(t, lab);
});

t.test("the packaged host-local and static do their part under other names", async (t) => {
  await lab.ok(`${setUp}; container c2
    cp /usr/lib/cni/host-local /tmp/lab/bin/my-pool; cp /usr/lib/cni/static /tmp/lab/bin/my-static`);
  const routes = [{ dst: "0.0.0.0/0" }];
  const version = { cniVersion: "1.0.0" };
  const pool = config({ type: "my-pool", subnet: "192.168.1.0/24", rangeStart: "192.168.1.60", routes }, version);
  const addresses = [{ address: "192.168.1.9/24", gateway: "192.168.1.1" }];
  const still = config({ type: "my-static", addresses, routes }, { ...version, name: "net2" });
  const [first, second] = await lab.calls([call("ADD", pool), call("ADD", still, { netns: "c2" })]);
  t.match(first?.json, { ips: [{ address: "192.168.1.60/24", gateway: "192.168.1.1", interface: 0 }] });
  t.match(second?.json, { ips: [{ address: "192.168.1.9/24", gateway: "192.168.1.1", interface: 0 }] });
  const seen = await lab.ok(
    "for c in c1 c2; do ip -n $c addr show eth0; ip -n $c route; done; on h1 cat /var/lib/cni/networks/net1/192.168.1.60",
  );
  for (const part of [
    "inet 192.168.1.60/24",
    "inet 192.168.1.9/24",
    "default via 192.168.1.1 dev eth0",
    "c1\r\neth0",
  ]) {
    t.match(seen, part);
  }
  const whole = await lab.call(call("CHECK", { ...pool, prevResult: first?.json }));
  t.strictSame([whole.code, whole.stdout], [0, ""]);
  await lab.ok("on h1 rm /var/lib/cni/networks/net1/192.168.1.60");
  const lost = await lab.call(call("CHECK", { ...pool, prevResult: first?.json }));
  t.match(lost.json, { msg: "host-local: Failed to find address added by container c1" });
  await lab.calls([call("DEL", pool), call("DEL", still, { netns: "c2" })]);
  t.equal(await lab.ok("for c in c1 c2; do ip -n $c -o link show type ipvlan; done"), "");
  await nothingLeft(t, lab);
});
