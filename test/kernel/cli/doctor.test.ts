// `ipvlan doctor` on broken hosts: one fault each, which it finds and nothing else, and whose mend, run as it is printed, mends it.
import t from "tap";
import { type Call, executable, pluginPath, quote } from "../lib/lab.ts";
import { openLab } from "../lib/open-lab.ts";

const lab = await openLab();

const networks = {
  lan: {
    master: "eth0",
    hostAccess: true,
    ipam: { subnets: [{ subnet: "192.168.50.0/24", gateway: "192.168.50.1", ipRange: "192.168.50.96/28" }] },
  },
  vlan: { master: "eth0.20", ipam: { subnets: [{ subnet: "10.20.0.0/24" }, { subnet: "fd20::/64" }] } },
  alone: { ipam: { subnets: [{ subnet: "10.30.0.0/24" }] } },
  bridged: { master: "br0.30", mtu: 1400, mode: "l3", ipam: { subnets: [{ subnet: "10.40.0.0/24" }] } },
  flat: {
    master: "eth3",
    mode: "l3s",
    announce: true,
    ipam: { subnets: [{ subnet: "10.70.0.0/24" }, { subnet: "fd70::/64" }] },
  },
  idle: { master: "eth1", mtu: 1400, mode: "l3", ipam: { subnets: [{ subnet: "10.50.0.0/24" }] } },
  tagged: { master: "eth2", vlan: 7, mode: "l3", ipam: { subnets: [{ subnet: "10.60.0.0/24" }] } },
} as const;
type Name = keyof typeof networks;

const list = (name: Name) => ({
  cniVersion: "1.0.0",
  name,
  plugins: [{ type: "ipvlan", ...networks[name] }, ...(name === "idle" ? [{ type: "tuning" }] : [])],
});
const call = (name: Name, netns: string): Call => ({
  netns,
  config: { cniVersion: "1.0.0", name, type: "ipvlan", ...networks[name] },
});

await lab.ok(`
  host h1; host sw; container c1 c2 c3 c4 c5 c6 c7
  for i in 0 1 2 3; do cable h1 eth$i sw p$i; done
  ip -n h1 -batch - <<'END'
addr add 192.168.50.11/24 dev eth0
addr add 10.70.1.11/24 dev eth3
addr add fd71::11/64 dev eth3 nodad
link add br0 up type bridge vlan_filtering 1
link add port0 up type dummy
link set port0 master br0
link add link br0 name br0.30 up type vlan id 30
END
  bridge -n h1 vlan add dev br0 vid 30 self
  ip -n sw -batch - <<'END'
addr add 192.168.50.1/24 dev p0
link add link p0 name p0.20 up type vlan id 20
addr add 10.20.0.1/24 dev p0.20
addr add fd20::1/64 dev p0.20 nodad
END
  on h1 sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
  on h1 sysctl -qw net.ipv4.conf.eth3.forwarding=1 net.ipv6.conf.eth3.forwarding=1
  mkdir -p /etc/cni /etc/containerd /opt/cni
  for folder in cni containerd; do on h1 mount -t tmpfs tmpfs /etc/$folder; done
  on h1 mount -t tmpfs tmpfs /opt/cni
  on h1 mkdir /etc/cni/net.d /opt/cni/bin
  on h1 ln -s ${pluginPath} /opt/cni/bin/ipvlan
  on h1 cp /usr/lib/cni/loopback /usr/lib/cni/tuning /opt/cni/bin
  on h1 tee /etc/containerd/config.toml > /dev/null <<'END'
version = 2
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "/etc/cni/net.d"
END
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
  ["bridged", "c5"],
  ["flat", "c7"],
];
for (const [name, container] of attached) await lab.add(call(name, container));

interface Fault {
  readonly what: string;
  /** Shell, in the test machine; what begins with `h1: ` on the host. */
  readonly broken: string;
  readonly id: string;
  /** Of place and message. */
  readonly said: RegExp;
  /** What is printed as the mend; undefined where nothing is. */
  readonly mend?: RegExp;
  /** Behind the mend, or in its place. */
  readonly after?: string;
}

const address = "$(on h1 ls /var/lib/cni/networks/lan | grep 192 | grep -v last | head -n 1)";
const file = (name: Name) => `/etc/cni/net.d/10-${name}.conflist`;
const rewrite = (name: Name, from: string, to: string) => `on h1 sed -i 's/${from}/${to}/' ${file(name)}`;

const hostLink = (parent: string): string => `ivh$(on h1 ip -o link show dev ${parent} | cut -d: -f1)`;
const repair = /^ipvlan doctor --repair$/;

const faults: readonly Fault[] = [
  {
    what: "a parent is down",
    broken: "ip -n h1 link set eth1 down",
    id: "parent-down",
    said: /network idle.*eth1 is down/,
    mend: /^ip link set eth1 up$/,
  },
  {
    what: "a VLAN's base is down",
    broken: "ip -n h1 link set eth2 down",
    id: "parent-down",
    said: /network tagged.*eth2, the base of its parent eth2\.7, is down/,
    mend: /^ip link set eth2 up$/,
  },
  {
    what: "a parent is a bridge's port",
    broken: "ip -n h1 link set eth1 master br0",
    id: "parent-busy",
    said: /eth1 is a port of a bridge/,
    mend: /^ip link set eth1 nomaster$/,
  },
  {
    what: "a parent carries a macvlan",
    broken: "ip -n h1 link add link eth1 name mv0 type macvlan",
    id: "parent-busy",
    said: /eth1 is the lower device of the macvlan mv0/,
    mend: /^ip link del mv0$/,
  },
  {
    what: "somebody else's ipvlan has another mode",
    broken: "ip -n h1 link add link eth1 name other type ipvlan mode l2",
    id: "mode-conflict",
    said: /eth1 is l2 bridge by the link other, and this network is l3 bridge/,
    mend: /^ip link del other$/,
  },
  {
    what: "a parent's MTU is smaller than the network's",
    broken: "ip -n h1 link set eth1 mtu 1300",
    id: "mtu",
    said: /mtu is 1400, and its parent eth1 has 1300/,
    mend: /^ip link set eth1 mtu 1400$/,
    after: "ip -n h1 link set eth1 mtu 1500",
  },
  {
    what: "a parent is gone",
    broken: "ip -n h1 link set eth1 down && ip -n h1 link set eth1 name lost1 && ip -n h1 link set lost1 up",
    id: "parent-missing",
    said: /network idle.*its parent eth1 does not exist: this host has .*lost1/,
    after: "ip -n h1 link set lost1 down && ip -n h1 link set lost1 name eth1 && ip -n h1 link set eth1 up",
  },
  {
    what: "a VLAN's base is gone",
    broken: "ip -n h1 link set eth2 down && ip -n h1 link set eth2 name lost2 && ip -n h1 link set lost2 up",
    id: "parent-missing",
    said: /network tagged.*eth2, the base of eth2\.7, does not exist/,
    after: "ip -n h1 link set lost2 down && ip -n h1 link set lost2 name eth2 && ip -n h1 link set eth2 up",
  },
  {
    what: "a parent has no carrier",
    broken: "ip -n sw link set p1 down; until ip -n h1 link show eth1 | grep -q NO-CARRIER; do sleep 0.1; done",
    id: "no-carrier",
    said: /network idle.*eth1 has no carrier/,
    after: "ip -n sw link set p1 up; while ip -n h1 link show eth1 | grep -q NO-CARRIER; do sleep 0.1; done",
  },
  {
    what: "a gateway is silent",
    broken: "ip -n sw addr del 192.168.50.1/24 dev p0",
    id: "gateway-silent",
    said: /network lan.*192\.168\.50\.1 does not answer ARP on eth0/,
    after: "ip -n sw addr add 192.168.50.1/24 dev p0",
  },
  {
    what: "an IPv6 gateway is silent",
    broken: "ip -n sw addr del fd20::1/64 dev p0.20",
    id: "gateway-silent",
    said: /network vlan.*fd20::1 does not answer neighbour solicitations on eth0\.20/,
    after: "ip -n sw addr add fd20::1/64 dev p0.20 nodad",
  },
  {
    what: "the host's link is gone",
    broken: `ip -n h1 link del ${hostLink("eth0")}`,
    id: "host-access",
    said: /parent eth0: the host's link ivh\d+ on eth0 is gone/,
    mend: repair,
  },
  {
    what: "the host's link was set down",
    broken: `ip -n h1 link set ${hostLink("eth0")} down`,
    id: "host-access",
    said: /parent eth0: the host's link ivh\d+ was set down/,
    mend: repair,
  },
  {
    what: "the host's route to a container is gone",
    broken: "ip -n h1 route del $(ip -n c2 -o -4 addr show dev eth0 | grep -o '192[.0-9]*' | head -n 1) table 86",
    id: "host-route",
    said: /network lan, container c2: the host's route to 192\.168\.50\.\d+ over ivh\d+ is gone/,
    mend: repair,
  },
  {
    what: "the host's IPv6 route to a container is gone",
    broken: "ip -n h1 -6 route del $(ip -n c7 -o -6 addr show dev eth0 | grep -o 'fd70[^/]*') proto 86",
    id: "host-access",
    said: /parent eth3: the host's route to fd70::\w+ /,
    mend: repair,
  },
  {
    what: "the rule for the host's routes is gone",
    broken: "ip -n h1 rule del pref 30086",
    id: "host-access",
    said: /the rule for the host's routes to containers is gone/,
    mend: repair,
  },
  {
    what: "a firewall was loaded anew",
    broken: "inside h1 nft flush ruleset",
    id: "host-access",
    said: /parent eth0: the nf_tables rule is gone/,
    mend: repair,
  },
  {
    what: "reverse path filtering is strict",
    broken: "on h1 sysctl -qw net.ipv4.conf.eth0.rp_filter=1",
    id: "rp-filter",
    said: /network lan: reverse path filtering of eth0 is strict/,
    mend: /^sysctl -w net\.ipv4\.conf\.eth0\.rp_filter=2$/,
  },
  {
    what: "a container's next hop to the host is stale",
    broken: "ip -n c1 neigh replace 169.254.1.1 lladdr 02:00:00:00:00:99 dev eth0 nud permanent",
    id: "host-access",
    said: /parent eth0: the container's next hop 169\.254\.1\.1/,
    mend: repair,
  },
  {
    what: "the host does not answer for a container",
    broken:
      "ip -n h1 neigh del proxy $(ip -n c7 -o -4 addr show dev eth0 | grep -o '10.70[.0-9]*' | head -n 1) dev eth3",
    id: "host-access",
    said: /parent eth3: the host does not answer for 10\.70\.0\.\d+ any more/,
    mend: repair,
  },
  {
    what: "a parent does not forward",
    broken: "on h1 sysctl -qw net.ipv4.conf.eth3.forwarding=0",
    id: "forwarding",
    said: /network flat: eth3 does not forward/,
    mend: /^sysctl -w net\.ipv4\.conf\.eth3\.forwarding=1$/,
  },
  {
    what: "the host's firewall drops what containers in mode l3s receive",
    broken:
      "inside h1 nft add table ip filter; inside h1 nft add chain ip filter in '{ type filter hook input priority 0; policy drop; }'",
    id: "firewall",
    said: /network flat: the host's chain ip filter in drops .* what comes to 10\.70\.0\.0\/24/,
    mend: /^nft insert rule ip filter in ip daddr 10\.70\.0\.0\/24 accept$/,
    after: "inside h1 nft delete table ip filter",
  },
  {
    what: "a bridge filters a parent's VLAN",
    broken: "bridge -n h1 vlan del dev br0 vid 30 self",
    id: "vlan-filtered",
    said: /br0\.30 is VLAN 30 of the bridge br0/,
    mend: /^bridge vlan add dev br0 vid 30 self$/,
  },
  {
    what: "a parent of the plugin's is left over",
    broken:
      "ip -n h1 link add eth2.9 link eth2 up type vlan id 9 && ip -n h1 link set eth2.9 alias 'made by ipvlan-cni'",
    id: "parent-unused",
    said: /link eth2\.9/,
    mend: /^ip link del eth2\.9$/,
  },
  {
    what: "a container is gone with its namespace",
    broken: "",
    id: "attachment-dead",
    said: /network alone, container c6 eth0/,
    mend: /^ipvlan release --dead --yes$/,
  },
  {
    what: "a container's interface is gone",
    broken: "ip -n c4 link del eth0",
    id: "attachment-dead",
    said: /network alone, container c4 eth0/,
    mend: /^ipvlan release --dead --yes$/,
  },
  {
    what: "an interface was set down",
    broken: "ip -n c3 link set eth0 down",
    id: "interface-down",
    said: /container c3 eth0/,
    mend: /^ip -n c3 link set eth0 up && ip -n c3 route replace default via 10\.20\.0\.1 dev eth0 && /,
    after: "ip -n c3 route | grep -q '^default via 10.20.0.1 '; ip -n c3 -6 route | grep -q '^default via fd20::1 '",
  },
  {
    what: "an interface has lost its IPv4 address",
    broken: "ip -n c3 -4 addr flush dev eth0",
    id: "address-lost",
    said: /container c3 .*its address 10\.20\.0\.\d+ is not on the interface/,
    mend: /^ip -n c3 addr add 10\.20\.0\.\d+\/24 brd \+ dev eth0 && ip -n c3 route replace default via 10\.20\.0\.1 dev eth0$/,
    after: "ip -n c3 route | grep -q '^default via 10.20.0.1 '",
  },
  {
    what: "an interface has lost its IPv6 address",
    broken: "ip -n c3 addr del $(ip -n c3 -o -6 addr show dev eth0 | grep -o 'fd20[^ ]*') dev eth0",
    id: "address-lost",
    said: /container c3 .*its address fd20::\w+ is not/,
    mend: /^ip -n c3 addr add fd20::\w+\/64 nodad dev eth0 && /,
    after: "ip -n c3 -6 route | grep -q '^default via fd20::1 '",
  },
  {
    what: "an address is not reserved any more",
    broken: `on h1 rm /var/lib/cni/networks/lan/${address}`,
    id: "address-not-reserved",
    said: /container c1 eth0.*192\.168\.50\.\d+ is not reserved/,
    mend: /^printf .*networks\/lan\/192/,
  },
  {
    what: "an address is reserved for another container",
    broken: `printf 'cX\\r\\neth0' | on h1 tee /var/lib/cni/networks/lan/${address} > /dev/null`,
    id: "address-not-reserved",
    said: /container c1 eth0.*is reserved for cX eth0/,
    mend: /^printf /,
  },
  {
    what: "a reservation is torn",
    broken: "on h1 touch /var/lib/cni/networks/vlan/10.20.0.77",
    id: "reservation-torn",
    said: /10\.20\.0\.77: the file names no holder/,
    mend: /^rm .*10\.20\.0\.77$/,
  },
  {
    what: "a reservation is of an earlier boot",
    broken:
      "printf 'cY\\r\\neth0' | on h1 tee /var/lib/cni/networks/vlan/10.20.0.88 > /dev/null; on h1 touch -d 2020-01-01 /var/lib/cni/networks/vlan/10.20.0.88",
    id: "reservation-old",
    said: /network vlan.*1 address is reserved since before this boot/,
    mend: /^ipvlan release --dead --network vlan --yes$/,
  },
  {
    what: "a pool is nearly full",
    broken:
      "for i in $(seq 96 111); do on h1 sh -c \"[ -e /var/lib/cni/networks/lan/192.168.50.$i ] || { [ $i -lt 111 ] && printf 'x$i\\r\\neth0' > /var/lib/cni/networks/lan/192.168.50.$i; } || true\"; done",
    id: "pool-nearly-full",
    said: /network lan.*15 of 16 addresses/,
    after: "on h1 sh -c 'grep -l ^x /var/lib/cni/networks/lan/192* | xargs rm'",
  },
  {
    what: "a pool is full",
    broken:
      "for i in $(seq 96 111); do on h1 sh -c \"[ -e /var/lib/cni/networks/lan/192.168.50.$i ] || printf 'x$i\\r\\neth0' > /var/lib/cni/networks/lan/192.168.50.$i\"; done",
    id: "pool-full",
    said: /network lan.*16 of 16 addresses/,
    after: "on h1 sh -c 'grep -l ^x /var/lib/cni/networks/lan/192* | xargs rm'",
  },
  {
    what: "a file is in the place of a folder of reservations",
    broken: "on h1 touch /var/lib/cni/networks/idle",
    id: "no-folder",
    said: /networks\/idle: a file is where/,
    mend: /^rm .*networks\/idle$/,
  },
  {
    what: "a configuration is no JSON",
    broken: `on h1 cp ${file("idle")} /etc/cni/idle.bak; ${rewrite("idle", "}", ",")}`,
    id: "configuration",
    said: /10-idle\.conflist:1:\d+: .* expected/,
    after: `on h1 mv /etc/cni/idle.bak ${file("idle")}`,
  },
  {
    what: "a configuration has a value that is unknown",
    broken: rewrite("idle", '"l3"', '"l4"'),
    id: "configuration",
    said: /10-idle\.conflist:1:\d+: mode "l4" is unknown/,
    after: rewrite("idle", '"l4"', '"l3"'),
  },
  {
    what: "two networks have one name",
    broken: `on h1 cp ${file("idle")} /etc/cni/net.d/20-idle.conflist; on h1 sed -i 's/10.50/10.51/' /etc/cni/net.d/20-idle.conflist`,
    id: "configuration",
    said: /20-idle\.conflist:1:\d+: network idle is in .*10-idle/,
    after: "on h1 rm /etc/cni/net.d/20-idle.conflist",
  },
  {
    what: "two networks give the same addresses",
    broken: rewrite("idle", "10.50.0.0", "10.60.0.0"),
    id: "configuration",
    said: /10\.60\.0\.0\/24 has addresses that network idle/,
    after: rewrite("idle", "10.60.0.0", "10.50.0.0"),
  },
  {
    what: "others may write a configuration",
    broken: `on h1 chmod o+w ${file("idle")}`,
    id: "configuration-writable",
    said: /10-idle\.conflist: others than root/,
    mend: /^chmod go-w /,
  },
  {
    what: "a plugin is missing in the runtime's folder",
    broken: "on h1 rm /opt/cni/bin/ipvlan",
    id: "plugin-missing",
    said: /\/opt\/cni\/bin: containerd looks for plugins here, and ipvlan is not there/,
    mend: /^mkdir -p \/opt\/cni\/bin && cp .* \/opt\/cni\/bin\/ipvlan$/,
  },
  {
    what: "a plugin of a chain is missing",
    broken: "on h1 rm /opt/cni/bin/tuning",
    id: "plugin-missing",
    said: /tuning is not there/,
    mend: /cp \/usr\/lib\/cni\/tuning \/opt\/cni\/bin\/tuning$/,
  },
  {
    what: "containerd's loopback is missing",
    broken: "on h1 rm /opt/cni/bin/loopback",
    id: "plugin-missing",
    said: /loopback is not there/,
    mend: /cp \/usr\/lib\/cni\/loopback/,
  },
  {
    what: "a plugin is not executable",
    broken: "on h1 chmod a-x /opt/cni/bin/tuning",
    id: "plugin-not-executable",
    said: /tuning is not executable/,
    mend: /^chmod 755 \/opt\/cni\/bin\/tuning$/,
  },
  {
    what: "others may write a plugin",
    broken: "on h1 chmod o+w /opt/cni/bin/tuning",
    id: "plugin-writable",
    said: /tuning: others than root/,
    mend: /^chmod go-w \/opt\/cni\/bin\/tuning$/,
  },
  {
    what: "another plugin has the name",
    broken: "on h1 rm /opt/cni/bin/ipvlan; on h1 cp /usr/lib/cni/ipvlan /opt/cni/bin/ipvlan",
    id: "plugin-other",
    said: /ipvlan that containerd starts is another program/,
    mend: /^cp .* \/opt\/cni\/bin\/ipvlan$/,
  },
  {
    what: "CRI-O looks for plugins elsewhere",
    broken:
      "mkdir -p /etc/crio; on h1 mount -t tmpfs tmpfs /etc/crio; printf '[crio.network]\\nplugin_dirs = [\"/opt/cni/crio/\"]\\n' | on h1 tee /etc/crio/crio.conf > /dev/null; on h1 mkdir /opt/cni/crio; on h1 cp /opt/cni/bin/tuning /opt/cni/crio",
    id: "plugin-missing",
    said: /\/opt\/cni\/crio: CRI-O looks for plugins here, and ipvlan is not there/,
    mend: /^mkdir -p \/opt\/cni\/crio && cp .* \/opt\/cni\/crio\/ipvlan$/,
    after: "on h1 umount /etc/crio; on h1 rm -r /opt/cni/crio",
  },
  {
    what: "Podman looks for networks where there is no folder",
    broken:
      'mkdir -p /etc/containers; on h1 mount -t tmpfs tmpfs /etc/containers; printf \'[network]\\nnetwork_backend = "cni"\\ncni_plugin_dirs = ["/opt/cni/bin"]\\nnetwork_config_dir = "/etc/cni/podman"\\n\' | on h1 tee /etc/containers/containers.conf > /dev/null',
    id: "no-network-folder",
    said: /Podman looks for networks in \/etc\/cni\/podman/,
    mend: /^mkdir -p \/etc\/cni\/podman$/,
    after: "on h1 umount /etc/containers; on h1 rmdir /etc/cni/podman",
  },
  {
    what: "the runtime's configuration is no TOML",
    broken: "echo '[plugins' | on h1 tee -a /etc/containerd/config.toml > /dev/null",
    id: "runtime-configuration",
    said: /config\.toml:5:\d+.*containerd cannot read it/,
    after: "on h1 sed -i '$d' /etc/containerd/config.toml",
  },
  {
    what: "the runtime looks for networks where there is no folder",
    broken: "on h1 sed -i s,net.d,nets.d, /etc/containerd/config.toml",
    id: "no-network-folder",
    said: /\/etc\/cni\/nets\.d, which does not exist/,
    mend: /^mkdir -p \/etc\/cni\/nets\.d$/,
    after: "on h1 sed -i s,nets.d,net.d, /etc/containerd/config.toml; on h1 rmdir /etc/cni/nets.d",
  },
];

const doctor = `on h1 env PATH=${pluginPath.replace(/\/ipvlan$/, "")}:$PATH ${pluginPath} doctor`;
const healthy = /^nothing found: 7 networks, [56] attachments, containerd\n$/;

t.test("nothing is found on a healthy host", async (t) => {
  const { code, stdout } = await lab.sh(doctor);
  t.equal(code, 0);
  t.match(stdout, healthy);
  t.strictSame(JSON.parse((await lab.sh(`${doctor} --json`)).stdout), { findings: [] });
});

// A node has a hundred of them, and the agent looks once a minute.
t.test("of the containers of a parent, one is looked at closely", async (t) => {
  await lab.ok(doctor.replace("on h1", "on h1 strace -f -qq -o /tmp/lab/trace -e trace=openat"));
  const trace = await lab.ok("spill /tmp/lab/trace");
  const entered = (container: string): number => trace.split(`/run/netns/${container}"`).length - 1;
  t.equal(entered("c1"), entered("c2") + 1);
});

// The executable on Node starts for so long here that it does a part.
const share = executable === "native" ? faults : faults.filter((_, index) => index % 5 === 0);
for (const { what, broken, id, said, mend, after = "" } of share) {
  t.test(
    `${what}: it finds that alone${mend === undefined ? "" : ", and the mend that it prints mends it"}`,
    async (t) => {
      if (what === "a container is gone with its namespace") {
        await lab.add(call("alone", "c6"));
        await lab.ok("ip netns del c6");
      }
      const answer = await lab.ok(`
      ${broken || ":"}
      ${doctor} > /tmp/lab/found && echo "exit code 0" || [ $? = 1 ]
      spill /tmp/lab/found; echo
      sed -n 's/^    //p' /tmp/lab/found > /tmp/lab/mend
      on h1 env PATH=${pluginPath.replace(/\/ipvlan$/, "")}:$PATH sh -eu /tmp/lab/mend > /dev/null
      ${after}`);
      const [finding = "", second, third] = answer.trimEnd().split("\n");
      t.match(finding, new RegExp(`^(error|warning)  .* \\[${id}\\]$`));
      t.match(finding, said);
      if (mend !== undefined) t.match(second?.trim(), mend);
      t.match(mend === undefined ? second : third, /^1 found: /, "and nothing else: what came before is mended");
    },
  );
}

t.test("everything is mended", async (t) => {
  const { code, stdout } = await lab.sh(doctor);
  t.equal(code, 0);
  t.match(stdout, healthy);
});

t.test("without rights it says so, and looks no further", async (t) => {
  const words = `setpriv --reuid 65534 --clear-groups --bounding-set -all ${pluginPath} doctor --json`;
  const { code, stdout } = await lab.sh(`on h1 ${words}`);
  t.equal(code, 1);
  t.match(JSON.parse(stdout).findings, [{ id: "no-rights", mend: "sudo ipvlan doctor" }]);
});
