// The commands that tell what there is on a host: list, show, graph, plan, metrics, release. Two containers on a link, one in a VLAN
// that is made for it, one isolated.
import { readFileSync } from "node:fs";
import t from "tap";
import { root } from "../../../build/paths.ts";
import { manual } from "../../../src/cli/manual.ts";
import { type Call, executable, pluginPath, quote } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const lab = await openLab();

const networks = {
  lan: { master: "eth0", ipam: { subnets: [{ subnet: "192.168.50.0/24", gateway: "192.168.50.1" }] } },
  vlan: {
    master: "eth0",
    vlan: 20,
    mode: "l3",
    ipam: { subnets: [{ subnet: "10.20.0.0/29" }, { subnet: "fd20::/64" }] },
  },
  alone: { ipam: { subnets: [{ subnet: "10.30.0.0/24" }] } },
} as const;
type Name = keyof typeof networks;

const list = (name: Name) => ({ cniVersion: "1.0.0", name, plugins: [{ type: "ipvlan", ...networks[name] }] });
const call = (name: Name, netns: string): Call => ({
  netns,
  config: { cniVersion: "1.0.0", name, type: "ipvlan", ...networks[name] },
  args: `IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-${netns}`,
});

await lab.ok(`
  host h1; host sw; container c1 c2 c3 c4
  cable h1 eth0 sw p1
  ip -n h1 addr add 192.168.50.11/24 dev eth0
  mkdir -p /etc/cni/net.d
  on h1 mount -t tmpfs tmpfs /etc/cni
  on h1 mkdir /etc/cni/net.d
  ${(Object.keys(networks) as Name[])
    .map(
      (name) =>
        `printf %s ${quote(JSON.stringify(list(name)))} | on h1 tee /etc/cni/net.d/10-${name}.conflist > /dev/null`,
    )
    .join("\n  ")}`);

const attached: [Name, string][] = [
  ["lan", "c1"],
  ["lan", "c2"],
  ["vlan", "c3"],
  ["alone", "c4"],
];

/** Output of a command line on the host; fails unless it ends with the code. */
async function ipvlan(words: string, code = 0): Promise<string> {
  const answer = await lab.sh(`on h1 ${pluginPath} ${words}`);
  t.equal(answer.code, code, `${words}: ${answer.stderr}${answer.stdout}`);
  return answer.stdout;
}

/** What the kernel and the plugin's files hold, which plan and release without --yes must not change. */
const state = () =>
  lab.ok(`
    for name in h1 c1 c2 c3 c4; do ip -n $name -d addr; ip -n $name route show table all; done | grep -Ev 'valid_lft|fe80::'
    on h1 find /run/ipvlan-cni /var/lib/cni -type f | sort`);

t.test("plan: the ip commands that it prints make what an ADD makes", async (t) => {
  const interfaceOf = (name: string) =>
    lab.ok(
      `ip -n ${name} -d link show eth0 | sed 's/^[0-9]*: eth0@if[0-9]*/eth0/; s/ether [0-9a-f:]* brd/ether brd/'; ip -n ${name} addr show eth0 | grep inet | grep -v fe80; ip -n ${name} route; ip -n ${name} -6 route | grep -v fe80 || true`,
    );
  for (const [name, container] of attached.slice(1)) {
    const before = await state();
    const planned = await ipvlan(`plan /etc/cni/net.d/10-${name}.conflist --container ${container}`);
    t.equal(await state(), before, "plan changes nothing");
    const commands = planned.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    await lab.ok(`cat > /tmp/lab/plan <<'END'\nset -eu\n${commands.join("\n")}\nEND\non h1 sh /tmp/lab/plan`);
    const byHand = await interfaceOf(container);
    const parents = await lab.ok(
      "ip -n h1 -d -o link | grep -E 'vlan|dummy' | grep -v ipvlan | sed 's/^[0-9]*: //; s/ qdisc.*mode/ mode/' || true",
    );
    await lab.ok(
      `ip -n ${container} link del eth0; for link in eth0.20 di-alone; do ip -n h1 link del $link 2>/dev/null || true; done`,
    );
    await lab.add(call(name, container));
    t.equal(await interfaceOf(container), byHand, `${name}: the interface`);
    const made = await lab.ok(
      "ip -n h1 -d -o link | grep -E 'vlan|dummy' | grep -v ipvlan | sed 's/^[0-9]*: //; s/ qdisc.*mode/ mode/' || true",
    );
    t.equal(made.replace(/link\/ether \S+/g, ""), parents.replace(/link\/ether \S+/g, ""), `${name}: the parent`);
    await lab.del(call(name, container));
  }
  t.match(await ipvlan("plan /etc/cni/net.d/10-lan.conflist --ip 192.168.50.99"), "addr add 192.168.50.99/24");
});

t.test("plan: the error that an ADD would give, with 1", async (t) => {
  await lab.ok("ip -n h1 link set eth0 down");
  const text = await ipvlan("plan /etc/cni/net.d/10-lan.conflist", 1);
  t.match(text, "# then ADD fails with code 100: parent eth0 cannot carry ipvlan: it is down: ip link set eth0 up\n");
  t.match(JSON.parse(await ipvlan("plan --json /etc/cni/net.d/10-lan.conflist", 1)).error, { code: 100 });
  await lab.ok("ip -n h1 link set eth0 up");
});

t.test("list: every attachment with what it has; filters; JSON", async (t) => {
  const empty = await lab.sh(`on h1 ${pluginPath} list`);
  t.strictSame([empty.code, empty.stdout], [0, ""]);
  t.strictSame(JSON.parse(await ipvlan("list --json")), { attachments: [] });
  for (const [name, container] of attached) await lab.add(call(name, container));
  const lines = (await ipvlan("list")).trimEnd().split("\n");
  t.match(lines[0], /^NETWORK +POD OR CONTAINER +INTERFACE +PARENT +MODE +ADDRESSES +AGE +STATE/);
  t.match(lines.slice(1), [
    /^alone +shop\/web-c4 +eth0 +di-alone +l2 +10\.30\.0\.\d\/24 +\d+s +alive/,
    /^lan +shop\/web-c1 +eth0 +eth0 +l2 +192\.168\.50\.\d+\/24 +\d+s +alive/,
    /^lan +shop\/web-c2 +eth0 +eth0 +l2 +192\.168\.50\.\d+\/24 +\d+s +alive/,
    /^vlan +shop\/web-c3 +eth0 +eth0\.20 +l3 +10\.20\.0\.\d\/29 fd20::\d\/64 +\d+s +alive/,
  ]);
  t.equal(lines.length, 5);
  const names = async (words: string) =>
    JSON.parse(await ipvlan(`list --json ${words}`)).attachments.map((one: { container: string }) => one.container);
  t.strictSame(await names("--network lan"), ["c1", "c2"]);
  t.strictSame(await names("--parent eth0.20"), ["c3"]);
  t.strictSame(await names("--container c2"), ["c2"]);
  t.strictSame(await names("--network nobody"), []);
  const [first] = JSON.parse(await ipvlan("list --json --container c3")).attachments;
  t.match(first, {
    network: "vlan",
    container: "c3",
    pod: "shop/web-c3",
    interface: "eth0",
    netns: "/run/netns/c3",
    parent: "eth0.20",
    mode: "l3",
    flag: "bridge",
    since: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
    alive: true,
  });
});

t.test("show: the configuration with its defaults, the pools' use, the attachments", async (t) => {
  const text = await ipvlan("show vlan");
  for (const line of [
    /^network +vlan, \/etc\/cni\/net\.d\/10-vlan\.conflist$/m,
    /^mode +l3, flag bridge$/m,
    /^parent +eth0\.20, up, mtu 1500$/m,
    /^pool +10\.20\.0\.0\/29$/m,
    /^ +\[####?\.+\] 1 of [56] held, next 10\.20\.0\.\d$/m,
    /^vlan +shop\/web-c3 /m,
  ]) {
    t.match(text, line);
  }
  const json = JSON.parse(await ipvlan("show lan --json"));
  t.match(json, {
    name: "lan",
    mode: "l2",
    parent: "eth0",
    parentUp: true,
    pools: [{ family: 4, held: 2, next: /^192\.168\.50\.\d$/, subnets: [{ gateway: "192.168.50.1" }] }],
    attachments: [{ container: "c1" }, { container: "c2" }],
  });
  const unknown = await lab.sh(`on h1 ${pluginPath} show nobody`);
  t.equal(unknown.code, 2);
  t.match(unknown.stderr, /there is no network nobody: there are alone, lan, vlan/);
});

t.test("graph: the same host as text, Mermaid, DOT and SVG", async (t) => {
  const text = await ipvlan("graph");
  t.match(text, /^├─ di-alone +dummy, up, mtu 1500, made by ipvlan-cni$/m);
  t.match(text, /^└─ eth0 +.*up, mtu 1500, 192\.168\.50\.11\/24$/m);
  t.match(text, /^ {3}└─ eth0\.20 +VLAN 20, up, mtu 1500, made by ipvlan-cni$/m);
  t.match(text, /shop\/web-c3 eth0 +10\.20\.0\.\d\/29 fd20::\d\/64$/m);
  t.match(text, /lan +l2, 192\.168\.50\.0\/24: reach each other and the parent's LAN$/m);
  t.notMatch(await ipvlan("graph --network vlan"), "c1");
  t.match(await ipvlan("graph --format mermaid"), /^flowchart LR\n {2}n0\["di-alone<br>/);
  t.match(await ipvlan("graph --format dot"), /^graph ".*" \{\n[\s\S]* -- [\s\S]*\}\n$/);
  const svg = await ipvlan("graph --format svg");
  for (const name of ["eth0.20", "di-alone", "shop/web-c1 eth0", "shop/web-c4 eth0", "192.168.50.11/24"])
    t.match(svg, `>${name}</text>`);
});

t.test("--json has the keys that the help names, and no others", async (t) => {
  const keysOf = (value: unknown): string[] => {
    if (typeof value !== "object" || value === null) return [];
    if (Array.isArray(value)) return value.flatMap(keysOf);
    return Object.entries(value).flatMap(([key, one]) => [key, ...keysOf(one)]);
  };
  for (const [command, words] of [
    ["list", ""],
    ["show", "vlan"],
    ["graph", ""],
    ["plan", "/etc/cni/net.d/10-lan.conflist"],
    ["version", ""],
  ] as const) {
    // What show tells of attachments is what list does.
    const named = manual.filter(({ name }) => name === command || (command === "show" && name === "list"));
    const text = named.flatMap(({ json }) => json ?? []).join(" ");
    const keys = new Set(keysOf(JSON.parse(await ipvlan(`${command} --json ${words}`))));
    const strangers = [...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(text));
    t.strictSame(strangers, [], command);
  }
});

t.test("metrics: pools and attachments for Prometheus", async (t) => {
  const text = await ipvlan("metrics");
  for (const line of [
    'ipvlan_cni_pool_held{network="lan",family="ipv4",subnets="192.168.50.0/24"} 2',
    'ipvlan_cni_attachments{network="lan",parent="eth0",mode="l2",flag="bridge"} 2',
    'ipvlan_cni_dead_attachments{network="lan",parent="eth0",mode="l2",flag="bridge"} 0',
  ]) {
    t.ok(text.split("\n").includes(line), line);
  }
  for (const line of text.trimEnd().split("\n")) {
    t.match(line, /^(# (HELP|TYPE) ipvlan_cni_\w+ .+|ipvlan_cni_\w+\{.*\} [\d.e+]+)$/);
  }
});

t.test("completions offer what is on the host", async (t) => {
  const offered = async (words: string) => (await ipvlan(`__complete ${words} ''`)).split("\n").filter(Boolean);
  t.strictSame(await offered("show"), ["alone", "lan", "vlan"]);
  t.strictSame(await offered("list --container"), ["c1", "c2", "c3", "c4"]);
  t.strictSame(await offered("list --parent"), ["di-alone", "eth0", "eth0.20"]);
  t.match(await offered("release"), [/^10\.20\.0\.\d$/, /^10\.30\.0\.\d$/, /^192/, /^192/, /^fd20::\d$/]);
});

t.test("release: says what it would do, does it with --yes, and takes nothing from who is alive", async (t) => {
  const before = await state();
  const address = JSON.parse(await ipvlan("list --json --container c1")).attachments[0].addresses[0].split("/")[0];
  t.match(
    await ipvlan(`release ${address}`, 2),
    new RegExp(`^lan: c1 eth0: ${address}, reserved .*; its interface is in /run/netns/c1`),
  );
  t.equal(await state(), before, "nothing is given back while the interface is there");
  t.equal((await lab.sh(`on h1 ${pluginPath} release --dead`)).stderr, "nothing is held by what is gone\n");

  await lab.ok("ip netns del c3; ip -n c4 link del eth0");
  t.match(await ipvlan("list --container c3"), /dead/);
  const gone = await state();
  t.match(await ipvlan("release --dead", 1), /^alone: c4 eth0: its interface is gone .*\nvlan: c3 eth0: /);
  t.equal(await state(), gone, "nothing is given back without --yes");
  t.match(await ipvlan("release --dead --yes"), /2 given back\n$/);
  t.strictSame(
    JSON.parse(await ipvlan("list --json")).attachments.map((one: { container: string }) => one.container),
    ["c1", "c2"],
  );
  t.notMatch(await lab.ok("ip -n h1 -o link"), /eth0\.20|di-alone/, "their parents are gone");
  t.equal(
    await lab.ok("on h1 find /var/lib/cni/networks/vlan /var/lib/cni/networks/alone -name '10.*' -o -name 'fd20*'"),
    "",
  );
  t.equal((await lab.sh(`on h1 ${pluginPath} release 10.99.0.1`)).stderr, "10.99.0.1 is reserved in no network\n");
  await ipvlan(`release ${address} --force --yes`);
  await lab.del(call("lan", "c2"));
  await nothingLeft(t, lab);
});

t.test("every example of the help runs as it stands there", async (t) => {
  await lab.add(call("lan", "c1"));
  await lab.ok(`
    printf %s ${quote(JSON.stringify({ ...list("lan"), name: "db_net" }))} | on h1 tee /etc/cni/net.d/10-db_net.conflist > /dev/null
    on h1 mkdir -p /var/lib/cni/networks/db_net
    printf 'gone\\r\\neth0' | on h1 tee /var/lib/cni/networks/db_net/192.168.1.5 > /dev/null
    mkdir -p /tmp/lab/examples /var/lib/node_exporter /etc/bash_completion.d /usr/share/zsh/site-functions /etc/fish/completions
    cp -r ${root}/conf-examples /tmp/lab/examples
    cat > /tmp/lab/examples/compose.yaml <<'END'
networks:
  lan2:
    driver: ipvlan
    driver_opts: {parent: eth0}
    ipam: {config: [{subnet: 192.168.60.0/24}]}
END
    cat > /tmp/lab/examples/inspected.json <<'END'
[{"Name": "db_net", "Driver": "ipvlan", "IPAM": {"Driver": "default", "Config": [{"Subnet": "192.168.1.0/24", "Gateway": "192.168.1.1"}]}, "Options": {"parent": "eth0"}}]
END`);
  // Those of a cluster's pool are run where an etcd is, in cluster/command-line.
  const examples = manual
    .filter(({ name }) => name !== "cluster")
    .flatMap(({ examples }) => examples.map(({ command }) => command));
  const share = executable === "native" ? examples : examples.filter((_, index) => index % 4 === 0);
  for (const command of share) {
    // There is no Docker here: the text that it prints stands in a file.
    const script = `cd /tmp/lab/examples; docker() { cat inspected.json; }; PATH=${pluginPath.replace(/\/ipvlan$/, "")}:$PATH; ${command}`;
    const { code, stderr } = await lab.sh(`on h1 sh -c ${quote(script)}`);
    t.ok(code === 0 || (code === 1 && /doctor|validate|release/.test(command)), `${command}: ${code} ${stderr}`);
  }
  await lab.del(call("lan", "c1"));
});

const hasJq = (await lab.sh("command -v jq")).code === 0;
t.test(
  "the README's first network, from the file to the DEL",
  { skip: hasJq ? false : "there is no jq" },
  async (t) => {
    const readme = readFileSync(`${root}/README.md`, "utf8");
    const section = readme.slice(readme.indexOf("## A first network"), readme.indexOf("## Documentation"));
    const [, configuration = "", answer = ""] =
      /```json\n([\s\S]*?)```[\s\S]*?```json\n([\s\S]*?)```/.exec(section) ?? [];
    const [, words = ""] = /`(ipvlan convert docker [^`]*)`/.exec(section) ?? [];
    const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block);
    await lab.ok(`
    reset; host h1; host wire; cable h1 eth0 wire eth0
    on h1 mount -t tmpfs tmpfs /etc/cni
    on h1 mkdir /etc/cni/net.d
    printf %s ${quote(configuration)} | on h1 tee /etc/cni/net.d/10-db_net.conflist > /dev/null`);
    const path = `PATH=${pluginPath.replace(/\/ipvlan$/, "")}:$PATH`;
    const converted = JSON.parse(await lab.ok(`on h1 sh -c ${quote(`${path} ${words}`)}`));
    const { capabilities: _, ...entry } = converted.plugins[0];
    t.strictSame(
      { ...converted, plugins: [entry] },
      JSON.parse(configuration),
      "convert writes the same, and that it takes addresses",
    );
    const script = `${path}; ${blocks[0]}\necho @\n${blocks[1]}`;
    const [added = "", listed = ""] = (await lab.ok(`on h1 sh -eu -c ${quote(script)}`)).split(/^@$/m);
    const result = JSON.parse(added);
    const wanted = JSON.parse(answer);
    wanted.interfaces[0].mac = result.interfaces[0].mac;
    t.strictSame(result, wanted);
    t.match(listed, /^db_net +c1 +eth0 +eth0 +l2 +192\.168\.1\.2\/24 +\d+s +alive$/m);
    t.match(listed, /^default via 192\.168\.1\.1 dev eth0 $/m);
    await nothingLeft(t, lab);
  },
);
