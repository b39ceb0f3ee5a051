// npm run demo: the main job, shown on a real kernel: two containers on one parent.
import { tellFailures } from "../build/obstacle.ts";
import { createLab, pluginPath } from "./kernel/lib/lab.ts";
import { leftovers } from "./kernel/lib/leftovers.ts";
import { openTestHost } from "./machine/host.ts";

tellFailures("demo");

const config = {
  cniVersion: "1.1.0",
  name: "db_net",
  type: "ipvlan",
  master: "eth0",
  ipam: { subnets: [{ subnet: "192.168.1.0/24", gateway: "192.168.1.1" }, { subnet: "2001:db8:1::/64" }] },
};

function step(text: string): void {
  console.log(`\n== ${text}`);
}

step("Starting the test machine (this kernel if it has ipvlan, else a virtual machine)");
const machine = await openTestHost();
try {
  const lab = await createLab(machine);
  console.log((await lab.ok("uname -sr")).trim());

  step("A host with eth0 on a wire, and two containers (network namespaces)");
  await lab.ok("host h1; container wire c1 c2; cable h1 eth0 wire eth0; on h1 ip addr add 192.168.1.250/24 dev eth0");
  console.log(await lab.ok("on h1 ip addr show eth0"));

  step(`The network's configuration, given to ${pluginPath.slice(pluginPath.indexOf("dist"))} on standard input`);
  console.log(JSON.stringify(config, undefined, 2));

  for (const netns of ["c1", "c2"]) {
    step(`CNI_COMMAND=ADD CNI_CONTAINERID=${netns} CNI_NETNS=/run/netns/${netns} CNI_IFNAME=eth0 ipvlan`);
    console.log(JSON.stringify(await lab.add({ netns, config }), undefined, 2));
  }

  step("Inside container c1: ip -d link, ip addr, ip route, ip -6 route");
  console.log(await lab.ok("ip -n c1 -d link show eth0; ip -n c1 addr show eth0; ip -n c1 route; ip -n c1 -6 route"));

  step("From c1 to c2, over IPv4 and IPv6");
  console.log(await lab.ok("inside c1 ping -c 2 192.168.1.3; inside c1 ping -c 2 2001:db8:1::3"));

  step("DEL for both");
  for (const netns of ["c1", "c2"]) await lab.del({ netns, config });
  const left = await lab.ok(`ip -n c1 -o link show type ipvlan; ip -n c2 -o link show type ipvlan; ${leftovers("h1")}`);
  if (left !== "") throw new Error(`something is left:\n${left}`);
  console.log("Nothing is left: no interface, no reservation, no record.");
} finally {
  await machine.close();
}
