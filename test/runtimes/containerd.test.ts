// containerd: containers by its own ctr, and pods by the CRI, as the kubelet makes them.
import { readFileSync } from "node:fs";
import t from "tap";
import { parseAllDocuments } from "yaml";
import { at } from "../../build/paths.ts";
import { render } from "../../src/node/agent/render.ts";
import { example, executionConfig } from "../kernel/networks/lib/examples.ts";
import { must } from "../machine/process.ts";
import { openNodes, openPods, type Pod } from "./lib/nodes.ts";

// Each test stands on the nodes as the one before left them.
t.bail = true;

const nodes = await openNodes("n1", "n2");

/** For ctr, which takes the first network of the folder. */
const flat = {
  cniVersion: "1.0.0",
  name: "flat",
  plugins: [
    { type: "ipvlan", master: "eth0", ipam: { subnets: [{ subnet: "192.168.1.0/24", gateway: "192.168.1.1" }] } },
  ],
};

/** For pods: both families in a VLAN that spans the nodes, each of which gives addresses from a part of its own. */
const vlan20 = (part: number) => ({
  cniVersion: "1.0.0",
  // Of libcni 1.2, which containerd 1 does not have yet.
  cniVersions: ["1.0.0", "1.1.0"],
  name: "vlan20",
  plugins: [
    {
      type: "ipvlan",
      master: "eth0.20",
      ipam: {
        subnets: [
          { subnet: "192.168.20.0/24", gateway: "192.168.20.1", ipRange: `192.168.20.${part * 64}/26` },
          { subnet: "2001:db8:20::/64", gateway: "2001:db8:20::1", ipRange: `2001:db8:20::${part}:0/112` },
        ],
      },
    },
  ],
});

const ctr = (command: string) => `on n1 ctr --namespace k8s.io ${command}`;

t.test("ctr run --cni attaches a container, which reaches the router, and takes all of it away again", async (t) => {
  await nodes.install("n1");
  await nodes.configure("n1", "10-flat.conflist", flat);
  await nodes.sh(`containerd_on n1
    for name in pause busybox; do ${ctr("images import --snapshotter native")} /tmp/lab/$name.tar; done`);
  await nodes.remember();
  const look = `sh -c "ip -o addr show eth0; ip route; ping -c 1 -W 5 192.168.1.1"`;
  const seen = await nodes.sh(ctr(`run --rm --cni --snapshotter native localhost/busybox:1 c1 ${look}`));
  t.match(seen, /inet 192\.168\.1\.2\/24/);
  t.match(seen, /default via 192\.168\.1\.1 dev eth0/);
  t.match(seen, /1 packets received/);
  await nodes.nothingLeft(t);
});

const isNative = process.env.IPVLAN_PLUGIN !== "pkg";
t.test(
  "containerd runs what the image of a release has, without a shell and on a file system that nobody writes to",
  { skip: !isNative && "it holds the native one" },
  async (t) => {
    await must(process.execPath, [at("build/release.ts"), "image"]);
    const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
    const archive = at(`dist/release/ipvlan-cni-${version}-image.tar`);
    const run = (name: string, words: string, options = "") =>
      ctr(
        `run --rm --read-only --snapshotter native ${options} docker.io/library/ipvlan-cni:${version} ${name} ${words}`,
      );
    const said = await nodes.sh(`${ctr("images import --snapshotter native --all-platforms")} ${archive}
    ${run("node", "/ipvlan-cni/ipvlan-node version")} 2>&1
    ${run("plugin", "/ipvlan-cni/ipvlan", "--env CNI_COMMAND=VERSION")} < /dev/null 2>&1
    ${run("agent", "")} 2>&1 || echo "exit code $?"`);
    t.match(said, `ipvlan-node ${version} `);
    t.match(said, "supportedVersions");
    t.match(said, /^ipvlan-node agent: NODE_NAME is not set: .*\nexit code 1$/m, "and by itself, the agent");
  },
);

const first = await openPods(nodes, "n1");
const second = await openPods(nodes, "n2");

t.test("pods get an address of each family in the VLAN; the kubelet is told both", async (t) => {
  await nodes.sh("on n1 rm /etc/cni/net.d/10-flat.conflist");
  await nodes.configure("n1", "10-vlan20.conflist", vlan20(1));
  await nodes.install("n2");
  await nodes.configure("n2", "10-vlan20.conflist", vlan20(2));
  await nodes.sh(`containerd_on n2
    for name in pause busybox; do on n2 ctr --namespace k8s.io images import --snapshotter native /tmp/lab/$name.tar; done`);
  t.match(await first.status(), {
    runtime_name: "containerd",
    conditions: [
      { type: "RuntimeReady", status: true },
      { type: "NetworkReady", status: true },
    ],
  });
  const pods = await first.run("web", "db");
  t.same(
    pods.map(({ ips }) => ips).sort(),
    [
      ["192.168.20.64", "2001:db8:20::1:0"],
      ["192.168.20.65", "2001:db8:20::1:1"],
    ],
    "addresses",
  );
  for (const { name, ips } of pods) {
    const seen = await first.exec(name, "ip", "-o", "addr", "show", "eth0");
    for (const ip of ips) t.match(seen, ` ${ip}/`, `${name} has ${ip}`);
  }
});

t.test("pods reach each other, the router, and pods of another node", async (t) => {
  const [far] = (await second.run("far")) as [Pod];
  t.same(far.ips, ["192.168.20.128", "2001:db8:20::2:0"]);
  for (const ip of ["192.168.20.64", "192.168.20.65", "192.168.20.1", "2001:db8:20::1", ...far.ips]) {
    t.match(await first.exec("web", "ping", "-c", "1", "-W", "5", ip), /1 packets received/, `web reaches ${ip}`);
  }
  await second.remove("far");
});

t.test("pods go on while containerd is dead, and one started anew takes them over and away", async (t) => {
  await nodes.sh("kill_containerd n1; inside wire ping -nq -c 1 -W 5 192.168.20.64");
  await nodes.sh("containerd_on n1");
  t.same((await first.list()).sort(), ["db", "web"]);
  t.match(await first.exec("db", "ping", "-c", "1", "-W", "5", "192.168.20.64"), /1 packets received/);
  await first.remove("db");
  await nodes.sh("kill_containerd n1; containerd_on n1");
  await first.remove("web");
  await nodes.nothingLeft(t);
});

t.test("20 pods at once get addresses of their own on one sub-interface, which goes with the last", async (t) => {
  const names = Array.from({ length: 20 }, (_, index) => `p${index}`);
  const pods = await first.sandbox(...names);
  for (const family of [0, 1]) t.equal(new Set(pods.map(({ ips }) => ips[family])).size, 20);
  t.match(await nodes.sh("on n1 ip -o link show type vlan"), /^\d+: eth0\.20@eth0:[^\n]*\n$/, "one sub-interface");
  const addresses = pods.flatMap(({ ips }) => ips);
  await nodes.sh(`pids=
    for ip in ${addresses.join(" ")}; do inside wire ping -nq -c 1 -w 5 $ip & pids="$pids $!"; done > /dev/null
    for pid in $pids; do wait $pid; done`);
  await first.remove(...names);
  await nodes.nothingLeft(t);
});

t.test("as on Kubernetes, pods of two nodes in mode L3S reach each other by routes between the nodes", async (t) => {
  // A new containerd each, so that it has read the folder before the pods come.
  for (const node of ["n1", "n2"])
    await nodes.sh(`on ${node} rm /etc/cni/net.d/10-vlan20.conflist; kill_containerd ${node}`);
  // The manifests' network, as the agent completes it; containerd 1.6 knows the protocol up to 1.0.0.
  const manifests = parseAllDocuments(readFileSync(at("build/kubernetes/ipvlan-cni.yaml"), "utf8")).map((one) =>
    one.toJS(),
  );
  const file = "10-pods.conflist";
  const template = manifests.find(({ kind }) => kind === "ConfigMap").data[file];
  for (const [node, podCIDRs] of [
    ["n1", ["10.244.1.0/24", "fd00:10:244:1::/64"]],
    ["n2", ["10.244.2.0/24", "fd00:10:244:2::/64"]],
  ] as const) {
    await nodes.configure(node, file, { ...JSON.parse(render(file, template, { podCIDRs })), cniVersion: "1.0.0" });
  }
  await nodes.sh(`
    on n1 ip route add 10.244.2.0/24 via 192.168.1.251
    on n1 ip route add fd00:10:244:2::/64 via 2001:db8:1::251
    on n2 ip route add 10.244.1.0/24 via 192.168.1.250
    on n2 ip route add fd00:10:244:1::/64 via 2001:db8:1::250
    containerd_on n1
    containerd_on n2`);
  const [near] = (await first.run("web")) as [Pod];
  const [far] = (await second.run("db")) as [Pod];
  t.same(
    [near.ips, far.ips],
    [
      ["10.244.1.2", "fd00:10:244:1::2"],
      ["10.244.2.2", "fd00:10:244:2::2"],
    ],
  );
  for (const ip of far.ips) {
    t.match(await first.exec("web", "ping", "-c", "1", "-W", "5", ip), /1 packets received/, `web reaches ${ip}`);
  }
  await first.remove("web");
});

t.test(
  "a second network, called for as Multus does, gets the address that the pod asks for and leaves the default route",
  async (t) => {
    const id = await second.sandboxOf("db");
    const podArguments = `K8S_POD_NAMESPACE=default;K8S_POD_NAME=db;K8S_POD_INFRA_CONTAINER_ID=${id};K8S_POD_UID=uid-db`;
    // Multus itself, the thick one or the thin, needs an API server. What it calls: the configuration in the definition,
    // the sandbox's name, namespace and arguments as the runtime gave them, the addresses of the pod's annotation.
    const call = {
      host: "n2",
      netns: (await nodes.sh("on n2 sh -c 'echo /run/netns/cni-*'")).trim(),
      id,
      ifname: "net1",
      // Multus 4.3.0 says all of it twice.
      args: `IgnoreUnknown=true;${podArguments};${podArguments}`,
      config: executionConfig(example("31-multus.yaml"), ["192.168.20.77/24"]),
    };
    t.match(await nodes.lab.add(call), { interfaces: [{ name: "net1" }], ips: [{ address: "192.168.20.77/24" }] });
    t.match(
      await second.exec("db", "ip", "route"),
      /default dev eth0 [\s\S]*192\.168\.0\.0\/16 via 192\.168\.20\.1 dev net1/,
    );
    t.match(await second.exec("db", "ping", "-c", "1", "-W", "5", "192.168.20.1"), /1 packets received/);
    await nodes.lab.del(call);
    t.notMatch(await second.exec("db", "ip", "-o", "link", "show"), "net1");
    await second.remove("db");
    await nodes.nothingLeft(t);
  },
);

t.test("a pod that cannot be attached is refused in the plugin's words and leaves nothing", async (t) => {
  await nodes.sh("on n2 ip link set eth0 down");
  t.match(await second.refused("lost"), "no link has an IPv4 default route");
  await nodes.nothingLeft(t);
});
