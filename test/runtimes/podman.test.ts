// Podman with its CNI backend: a network that it makes by itself, and one that is written by hand.
import t from "tap";
import { openNodes } from "./lib/nodes.ts";

// Each test stands on the node as the one before left it.
t.bail = true;

const nodes = await openNodes("n1");
const podman = (words: string) => nodes.sh(`podman_on n1 ${words}`);
const ping = (container: string, address: string) => podman(`exec ${container} ping -c 1 -W 5 ${address}`);

await nodes.install("n1");
await podman("load --quiet --input /tmp/lab/busybox.tar");
await nodes.remember();

t.test("podman network create -d ipvlan: its conflist, unchanged, stands on the default route's link", async (t) => {
  const subnets = "--subnet 192.168.1.0/24 --gateway 192.168.1.1 --ip-range 192.168.1.64/27 --subnet 2001:db8:1::/64";
  await podman(`network create --driver ipvlan --ipv6 ${subnets} made`);
  await podman("run --detach --network made --name a localhost/busybox:1");
  await podman("run --detach --network made --name b --ip 192.168.1.77 localhost/busybox:1");
  t.match(await podman("exec a ip -o addr show eth0"), /inet 192\.168\.1\.65\/24 [\s\S]*inet6 2001:db8:1::2\/64/);
  t.match(await podman("exec a ip route"), "default via 192.168.1.1 dev eth0");
  for (const address of ["192.168.1.77", "192.168.1.1", "2001:db8:1::3"])
    t.match(await ping("a", address), "1 packets received");
  t.match(JSON.parse(await podman("inspect b")), [
    { NetworkSettings: { Networks: { made: { IPAddress: "192.168.1.77", GlobalIPv6Address: "2001:db8:1::3" } } } },
  ]);
  await podman("rm --force --time 0 a b");
  await podman("network rm made");
  await nodes.nothingLeft(t);
});

t.test("a conflist written by hand: both families in a VLAN, addresses with --ip and --ip6", async (t) => {
  await nodes.configure("n1", "20-vlan20.conflist", {
    cniVersion: "1.0.0",
    // Of libcni 1.2, which Podman 4 does not have yet.
    cniVersions: ["1.0.0", "1.1.0"],
    name: "vlan20",
    plugins: [
      {
        type: "ipvlan",
        master: "eth0.20",
        capabilities: { ips: true },
        ipam: {
          subnets: [
            { subnet: "192.168.20.0/24", gateway: "192.168.20.1" },
            { subnet: "2001:db8:20::/64", gateway: "2001:db8:20::1" },
          ],
        },
      },
    ],
  });
  t.match(await podman("network ls --format '{{.Name}} {{.Driver}}'"), /^vlan20 ipvlan$/m);
  await podman("run --detach --network vlan20 --name a localhost/busybox:1");
  await podman("run --detach --network vlan20 --name b --ip 192.168.20.77 --ip6 2001:db8:20::77 localhost/busybox:1");
  const addresses = ["192.168.20.77", "192.168.20.1", "2001:db8:20::77", "2001:db8:20::1"];
  for (const address of addresses) t.match(await ping("a", address), "1 packets received");
  t.match(await nodes.sh("on n1 ip -o link show type vlan"), "eth0.20@eth0");
  await podman("rm --force --time 0 a b");
  await nodes.nothingLeft(t);
});
