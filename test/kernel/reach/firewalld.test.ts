// Beside firewalld: whom it lets through in its default zone, what a zone for the parent changes, and what a reload leaves.
import t from "tap";
import { nothingLeft } from "../lib/open-lab.ts";
import { kubeProxy } from "./lib/kube-proxy.ts";
import { addressesOf, both, type Mode, openLan, pod } from "./lib/lan.ts";

const lan = await openLan(["firewalld"]);
const { lab } = lan;
const node = ["192.168.50.11", "fd50::11"];
const machine = ["192.168.50.20", "fd50::20"];
const service = ["10.96.0.10", "fd96::10"];
const nobody = ["-", "-"];
/** firewalld is a Python program, and everything here is emulated. */
const slow = { timeoutMs: 400_000 };

/** Its D-Bus interface is what firewall-cmd speaks, which itself takes long to start. */
const words = `
  firewalld() {
    _method=$1
    shift
    on h1 dbus-send --system --print-reply --reply-timeout=300000 --dest=org.fedoraproject.FirewallD1 \\
      /org/fedoraproject/FirewallD1 "$_method" "$@"
  }
  running() {
    firewalld org.freedesktop.DBus.Properties.Get string:org.fedoraproject.FirewallD1 string:state 2> /dev/null |
      grep -q RUNNING
  }`;
const firewalld = (script: string) => lab.ok(`${words}\n${script}`, slow);

await lan.sh(`
  grep -q ^messagebus: /etc/passwd || {
    echo 'messagebus:x:992:992::/nonexistent:/usr/sbin/nologin' >> /etc/passwd
    echo 'messagebus:x:992:' >> /etc/group
  }
  mkdir -p /run/dbus /etc/firewalld/zones
  on h1 dbus-daemon --system --fork
  serve h1 p1 p2 lan
  inside h1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'`);
await firewalld(`
  on h1 sh -c 'firewalld --nofork --nopid > /tmp/lab/firewalld.log 2>&1 &'
  until running; do sleep 0.5; done`);

function network(mode: Mode) {
  const flat = [
    { subnet: "192.168.50.0/24", gateway: "192.168.50.1", ipRange: "192.168.50.96/27" },
    { subnet: "fd50::/64", gateway: "fd50::1", ipRange: "fd50::100/120" },
  ];
  const ipam = { subnets: mode === "l2" ? flat : [{ subnet: "10.244.1.0/24" }, { subnet: "fd44::1:0/112" }] };
  const serviceCIDRs = ["10.96.0.0/12", "fd96::/112"];
  return {
    cniVersion: "1.0.0",
    name: "net1",
    type: "ipvlan",
    master: "eth0",
    mode,
    hostAccess: true,
    serviceCIDRs,
    ipam,
  };
}

for (const mode of ["l3s", "l3", "l2"] as const) {
  t.test(mode, async (t) => {
    const config = network(mode);
    const first = await lab.add(pod("p1", config));
    const client = addressesOf(first);
    const near = addressesOf(await lab.add(pod("p2", config)));
    await lan.sh(`
      on h1 nft -f - <<'END'
${kubeProxy([[service, near]], false)}
END
      if [ ${mode} != l2 ]; then
        ip -n lan route replace 10.244.1.0/24 via 192.168.50.11
        ip -n lan route replace fd44::1:0/112 via fd50::11
      fi`);
    /** Each with the sources that are seen, `-` where nothing answers. */
    type Seen = Record<"service" | "host" | "container" | "fromHost" | "fromLan", readonly string[]>;
    const reaches = async (seen: Seen, what: string) => {
      t.strictSame(
        await lan.ask("p1", [...both(service, ["tcp"]), ...both(node, ["tcp"])], 5),
        { ...both(service, ["tcp"], seen.service), ...both(node, ["tcp"], seen.host) },
        `${what}: a container asks a Service, and its host`,
      );
      t.strictSame(
        await lan.ask("h1", both(near, ["tcp"]), 5),
        both(near, ["tcp"], seen.container),
        `${what}: the host asks a container`,
      );
      t.strictSame(
        await lan.ask("lan", [...both(node, ["tcp"]), ...both(near, ["tcp"])], 5),
        { ...both(node, ["tcp"], seen.fromHost), ...both(near, ["tcp"], seen.fromLan) },
        `${what}: a machine of the LAN asks the host, and a container`,
      );
      t.equal((await lan.check("p1", config, first)).stdout, "", `${what}: CHECK finds nothing missing`);
    };
    const all = { service: node, host: client, container: node, fromHost: machine, fromLan: machine };
    const v4 = (sources: readonly string[]) => [sources[0] as string, "-"];
    // Of IPv6, its filter of reverse paths drops what containers in l2 send to the host: it comes in by the parent.
    const trusted = mode === "l2" ? { ...all, service: v4(node), host: v4(client), container: v4(node) } : all;
    const shut = { fromHost: nobody, fromLan: mode === "l3s" ? nobody : machine };
    await reaches({ ...trusted, ...shut, ...(mode === "l2" && { host: nobody }) }, "zone public");
    await firewalld("firewalld org.fedoraproject.FirewallD1.zone.addInterface string:trusted string:eth0");
    await reaches(trusted, "zone trusted");
    if (mode === "l2") {
      await firewalld(`
        sed -i s/^IPv6_rpfilter=.*/IPv6_rpfilter=no/ /etc/firewalld/firewalld.conf
        printf '<zone target="ACCEPT"><short>Trusted</short><interface name="eth0"/></zone>' > /etc/firewalld/zones/trusted.xml
        firewalld org.fedoraproject.FirewallD1.reload`);
      await reaches(all, "loaded anew without IPv6_rpfilter");
    } else {
      await firewalld("firewalld org.fedoraproject.FirewallD1.zone.removeInterface string:trusted string:eth0");
    }
    await lan.sh("on h1 nft 'delete table ip kube-proxy; delete table ip6 kube-proxy'");
    for (const name of ["p1", "p2"]) await lab.del(pod(name, config));
    await nothingLeft(t, lab);
  });
}
