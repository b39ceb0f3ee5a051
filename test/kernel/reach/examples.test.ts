// The examples in which host, Services and the parent's network reach the containers.
import t, { type Test } from "tap";
import { nothingLeft } from "../lib/open-lab.ts";
import { example, executionConfig, type Network } from "../networks/lib/examples.ts";
import { kubeProxy } from "./lib/kube-proxy.ts";
import { addressesOf, both, openLan, pod } from "./lib/lan.ts";

const lan = await openLan();
const { lab } = lan;
const node = ["192.168.50.11", "fd50::11"];
const machine = ["192.168.50.20", "fd50::20"];
const kinds = ["tcp", "udp"];

await lan.sh(`
  serve h1 lan p1 p2
  inside h1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'`);

/** Two containers of an example's network: their addresses, while they are there. */
async function attached(
  t: Test,
  network: Network,
  look: (first: readonly string[], second: readonly string[]) => Promise<void>,
): Promise<void> {
  const config = executionConfig(network);
  const names = ["p1", "p2"];
  const results = [];
  for (const name of names) results.push(await lab.add(pod(name, config)));
  const [first = [], second = []] = results.map(addressesOf);
  await look(first, second);
  for (const [index, name] of names.entries()) {
    t.equal((await lan.check(name, config, results[index])).stdout, "", `CHECK of ${name}`);
  }
  for (const name of names) await lab.del(pod(name, config));
  await nothingLeft(t, lab);
}

const meetHost = (t: Test, network: Network): Promise<void> =>
  attached(t, network, async (first, second) => {
    t.strictSame(await lan.ask("h1", both(first, kinds)), both(first, kinds, node), "host to container");
    t.strictSame(await lan.ask("p1", both(node, kinds)), both(node, kinds, first), "container to host");
    t.strictSame(await lan.ask("p1", both(second, kinds)), both(second, kinds, first), "container to container");
  });

t.test("32-host-access-l2: the host and the containers", (t) => meetHost(t, example("32-host-access-l2.conflist")));
t.test("33-host-access-l3: the host and the containers", (t) => meetHost(t, example("33-host-access-l3.conflist")));
t.test("34-host-access-l3s: the host and the containers", (t) => meetHost(t, example("34-host-access-l3s.conflist")));

t.test("35-services: a Service with its backend on the client's own host", (t) =>
  attached(t, example("35-services.conflist"), async (_, backend) => {
    const service = ["10.96.0.10", "fd96::10"];
    await lan.sh(`on h1 nft -f - <<'END'\n${kubeProxy([[service, backend]], false)}\nEND`);
    t.strictSame(await lan.ask("p1", both(service, kinds)), both(service, kinds, node), "the backend sees the host");
    await lan.sh("on h1 sh -c 'nft delete table ip kube-proxy; nft delete table ip6 kube-proxy'");
  }),
);

t.test("36-flat-lan: machines of the LAN and the containers", (t) =>
  attached(t, example("36-flat-lan.conflist"), async (first) => {
    t.strictSame(await lan.ask("lan", both(first, kinds)), both(first, kinds, machine), "LAN to container");
    t.strictSame(await lan.ask("p1", both(machine, kinds)), both(machine, kinds, first), "container to LAN");
    t.strictSame(await lan.ask("h1", both(first, kinds)), both(first, kinds, node), "host to container");
  }),
);
