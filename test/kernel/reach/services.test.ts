// Services as kube-proxy makes them, and ports of the host as portmap does: who gets through in which mode, and whom the backend sees.
import t from "tap";
import { nothingLeft } from "../lib/open-lab.ts";
import { type Backends, kubeProxy } from "./lib/kube-proxy.ts";
import { addressesOf, both, type Mode, modes, openLan, pod } from "./lib/lan.ts";

const lan = await openLan();
const { lab } = lan;
const node = ["192.168.50.11", "fd50::11"];
const machine = ["192.168.50.20", "fd50::20"];
const serviceCIDRs = ["10.96.0.0/12", "fd96::/112"];
/** Of a backend on the client's node, on another node, and of the client itself. */
const same = ["10.96.0.10", "fd96::10"];
const other = ["10.96.0.11", "fd96::11"];
const itself = ["10.96.0.12", "fd96::12"];

await lan.sh(`
  serve h1 p1 p2 q1
  for name in h1 h2 gw; do
    inside $name sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
  done`);

/** In l2 the containers are in the LAN's subnet, in l3 and l3s in one for each node. */
function network(mode: Mode, host: 1 | 2, more: object = {}) {
  const flat = [
    { subnet: "192.168.50.0/24", gateway: "192.168.50.1", ipRange: `192.168.50.${32 * (host + 2)}/27` },
    { subnet: "fd50::/64", gateway: "fd50::1", ipRange: `fd50::${host}00/120` },
  ];
  const routed = [{ subnet: `10.244.${host}.0/24` }, { subnet: `fd44::${host}:0/112` }];
  const ipam = { subnets: mode === "l2" ? flat : routed };
  return { cniVersion: "1.0.0", name: "net1", type: "ipvlan", master: "eth0", mode, hostAccess: true, ipam, ...more };
}

for (const mode of modes) {
  t.test(`Services in ${mode}`, async (t) => {
    const [config, onOther] = [network(mode, 1, { serviceCIDRs }), network(mode, 2)];
    const results = [];
    for (const name of ["p1", "p2", "q1"]) results.push(await lab.add(pod(name, name === "q1" ? onOther : config)));
    const [client = [], near = [], far = []] = results.map(addressesOf);
    await lan.sh(`
      if [ ${mode} != l2 ]; then
        ip -n h1 route add 10.244.2.0/24 via 192.168.50.12; ip -n h2 route add 10.244.1.0/24 via 192.168.50.11
        ip -n h1 route add fd44::2:0/112 via fd50::12; ip -n h2 route add fd44::1:0/112 via fd50::11
      fi`);
    const backends = [
      [same, near],
      [other, far],
      [itself, client],
    ] as const;
    const load = (masquerade: boolean, to: Backends = backends) =>
      lan.sh(`
        on h1 sh -c 'nft delete table ip kube-proxy; nft delete table ip6 kube-proxy' 2> /dev/null || true
        on h1 nft -f - <<'END'
${kubeProxy(to, masquerade)}
END`);
    await load(false);
    const kinds = ["tcp", "udp", "bulk"];
    const throughHost = { ...both(same, kinds, node), ...both(itself, kinds, node) };
    t.strictSame(
      await lan.ask("p1", [...both(same, kinds), ...both(itself, kinds)]),
      throughHost,
      "a backend on the same node, and the client itself, see the node",
    );
    t.strictSame(await lan.ask("h1", both(same, kinds)), both(same, kinds, node), "the host reaches Services");
    const nobody = ["-", "-"];
    t.strictSame(
      await lan.ask("p1", both(other, mode === "l3s" ? kinds : ["tcp", "udp"]), mode === "l3s" ? 8 : 2),
      mode === "l3s" ? both(other, kinds, client) : both(other, ["tcp", "udp"], nobody),
      mode === "l3s"
        ? "a backend on another node sees the client"
        : "one on another node needs kube-proxy --masquerade-all",
    );
    await load(true);
    t.strictSame(
      await lan.ask("p1", [...both(other, kinds), ...both(same, kinds), ...both(itself, kinds)]),
      { ...both(other, kinds, node), ...throughHost },
      "with --masquerade-all all backends answer, and see the node",
    );

    // What other programs do to nf_tables: kube-proxy starts anew, iptables is restored, a firewall is loaded anew.
    await load(false);
    await lan.sh("on h1 sh -c 'iptables-save | iptables-restore'");
    t.strictSame(await lan.ask("p1", both(same, ["tcp"])), both(same, ["tcp"], node), "our rule stays");
    await lan.sh("on h1 nft flush ruleset");
    await load(false);
    t.match((await lan.check("p1", config, results[0])).json, {
      code: 107,
      msg: /the nf_tables rule is gone .* 192\.168\.50\.11: the next ADD on eth0 puts it back/,
    });
    await lab.del(pod("p2", config));
    const again = addressesOf(await lab.add(pod("p2", config)));
    await load(false, [[same, again]]);
    t.strictSame(await lan.ask("p1", both(same, ["tcp"])), both(same, ["tcp"], node), "the next ADD puts it back");
    t.equal((await lan.check("p1", config, results[0])).stdout, "");
    for (const name of ["p1", "p2", "q1"]) await lab.del(pod(name, name === "q1" ? onOther : config));
    await lan.sh(`on h1 nft flush ruleset
      for route in "h1 10.244.2.0/24" "h2 10.244.1.0/24" "h1 fd44::2:0/112" "h2 fd44::1:0/112"; do
        ip -n \${route% *} route del \${route#* } 2> /dev/null || true
      done`);
    await nothingLeft(t, lab, ["h1", "h2"]);
  });
}

for (const mode of modes) {
  t.test(`a port of the host in ${mode}, by portmap behind the plugin`, async (t) => {
    const config = network(mode, 1);
    const [first] = [await lab.add(pod("p1", config)), await lab.add(pod("p2", config))];
    const portMappings = ["tcp", "udp"].map((protocol) => ({ hostPort: 8080, containerPort: 80, protocol }));
    const portmap = {
      cniVersion: "1.0.0",
      name: "net1",
      type: "portmap",
      capabilities: { portMappings: true },
      runtimeConfig: { portMappings },
      prevResult: first,
    };
    const call = pod("p1", portmap, { plugin: "/usr/lib/cni/portmap" });
    t.equal((await lab.call(call)).code, 0);
    const ports = node.flatMap((address) => [`tcp:${address}:8080`, `udp:${address}:8080`]);
    const seen = (sources: readonly string[]) =>
      Object.fromEntries(ports.map((target, index) => [target, sources[index < 2 ? 0 : 1]]));
    t.strictSame(await lan.ask("h1", ports), seen(node), "the host gets through");
    t.strictSame(await lan.ask("lan", ports), seen(mode === "l2" ? node : machine), "so do the LAN's machines");
    t.strictSame(await lan.ask("p2", ports), seen(node), "and another container");
    t.strictSame(await lan.ask("p1", ports), seen(node), "and the container itself");
    t.equal((await lab.call({ ...call, command: "DEL" })).code, 0);
    for (const name of ["p1", "p2"]) await lab.del(pod(name, config));
    await nothingLeft(t, lab);
  });
}
