// ipam.sticky: addresses that stay with the name of a container when it is gone.
import { rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { errorOf, type Network, network, type Options, temporaryFolder } from "./lib/network.ts";

const pod = (name: string): Options => ({
  environment: { CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=${name};K8S_POD_UID=1` },
});
const subnets = [{ subnet: "10.0.0.0/28" }, { subnet: "fd00::/120" }];

/** Makes a file as old as that many days. */
function age(net: Network, address: string, days: number): void {
  const then = Date.now() / 1000 - days * 86_400;
  utimesSync(join(net.folder, address), then, then);
}

/** The kernel has another boot id, by which the seal of the folder is broken, too. */
function reboot(net: Network): void {
  net.write("../.ipvlan-cni/networks/n/boot", "an-earlier-one");
  net.write(".seal.tmp", "");
}

t.test("a pod of a StatefulSet gets the addresses again that it had, whatever others got meanwhile", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets, sticky: true });
  const first = net.add("c1", pod("web-0"));
  net.add("c2", pod("web-1"));
  net.del("c1", pod("web-0"));
  for (let i = 0; i < 5; i++) t.notOk(first.includes(net.add(`x${i}`)[0] as string));
  t.strictSame(net.add("c3", pod("web-0")), first);
  t.match(net.held()["10.0.0.2"], /^c3 eth0/);
  net.del("c3");
  t.match(net.held()["10.0.0.2"], /^=db\/web-0 eth0$/, "also where DEL does not say whose it was");
  t.strictSame(net.add("c4", pod("web-0")), first);
});

t.test("names that are made up anew each time, and containers without one, keep nothing", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets, sticky: true });
  for (const options of [pod("web-7d4b9c6f5-x2x9z"), pod("web"), {}]) {
    net.add("c", options);
    net.del("c", options);
  }
  t.strictSame(net.held(), {});
  const podman = { environment: { CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=db" } };
  const given = net.add("c", podman);
  net.del("c");
  t.strictSame(net.add("d", podman), given, "outside of Kubernetes any name is a lasting one");
});

t.test("nothing is kept without the key", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets });
  net.add("c1", pod("web-0"));
  t.strictSame(net.held()["10.0.0.2"], "c1 eth0");
  net.del("c1");
  t.strictSame(net.held(), {});
});

t.test("two containers of a name at once: the second has others, and the name keeps one of each family", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets, sticky: true });
  const first = net.add("c1", pod("web-0"));
  const second = net.add("c2", pod("web-0"));
  t.notOk(second.some((address) => first.includes(address)));
  net.del("c1");
  net.del("c2");
  t.strictSame(Object.keys(net.held()), ["10.0.0.2", "fd00::2"]);
  t.strictSame(net.add("c3", pod("web-0")), first);
});

t.test("an address that is asked for goes before the one that is kept; nobody else gets a kept one", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: subnets.slice(0, 1), sticky: true });
  net.add("c1", pod("web-0"));
  net.del("c1");
  t.match(
    errorOf(() => net.add("c2", { ips: ["10.0.0.2"] })),
    { code: 103, message: "requested address 10.0.0.2 is held by the name db/web-0, for which it is kept" },
  );
  t.strictSame(net.add("c3", { ...pod("web-0"), ips: ["10.0.0.9"] }), ["10.0.0.9/28"]);
  net.del("c3");
  t.strictSame(net.add("c4", { ...pod("web-0"), ips: ["10.0.0.2"] }), ["10.0.0.2/28"], "its own may be asked for");
});

t.test("what is kept outlasts GC, a boot and a lost index; after a week without use it is free", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets, sticky: true });
  const first = net.add("c1", pod("web-0"));
  net.ipam("").gc([]);
  t.match(net.held()["10.0.0.2"], "=db/web-0 eth0", "GC takes the container's away, and the name keeps it");
  net.ipam("").gc([]);
  reboot(net);
  net.add("c2");
  t.match(net.held()["10.0.0.2"], "=db/web-0 eth0", "a boot");
  rmSync(join(net.dataDir, ".ipvlan-cni"), { recursive: true });
  t.strictSame(net.add("c3", pod("web-0")), first, "without the index");
  net.del("c3");
  age(net, "10.0.0.2", 6.9);
  net.ipam("").gc([{ containerId: "c2", ifname: "eth0" }]);
  t.ok(net.held()["10.0.0.2"]);
  age(net, "10.0.0.2", 7.1);
  net.ipam("").gc([{ containerId: "c2", ifname: "eth0" }]);
  t.notOk(net.held()["10.0.0.2"]);
});

t.test("a boot leaves to the name what its container had", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets, sticky: true });
  const first = net.add("c1", pod("web-0"));
  reboot(net);
  t.strictSame(net.add("c2", pod("web-0")), first);
});

t.test("a full pool takes back what was kept for too long, and says what is kept", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: [{ subnet: "10.0.0.0/29" }], sticky: true });
  net.add("c1", pod("web-0"));
  net.del("c1");
  for (let i = 0; i < 4; i++) net.add(`x${i}`);
  t.match(
    errorOf(() => net.add("y")),
    { code: 11, message: /all 5 are held, .*by the name db\/web-0, for which it is kept since 20/ },
  );
  age(net, "10.0.0.2", 8);
  t.strictSame(net.add("y"), ["10.0.0.2/29"]);
});

t.test("a kept address that the network gives no more is passed over", async (t) => {
  const net = network(temporaryFolder(t), "n", { subnets: subnets.slice(0, 1), sticky: true });
  net.add("c1", pod("web-0"));
  net.del("c1");
  const moved = { subnets: [{ subnet: "10.9.0.0/28" }], sticky: true, dataDir: net.dataDir };
  t.strictSame(net.add("c2", { ...pod("web-0"), config: { ipam: moved } }), ["10.9.0.2/28"]);
});

t.test("any order of ADD and DEL: one holder an address, and a name that nobody has gets what it had", async (t) => {
  const folder = temporaryFolder(t);
  let run = 0;
  const step = fc.record({ name: fc.integer({ min: 0, max: 3 }), isAdd: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const net = network(folder, `n${run++}`, { subnets: [{ subnet: "10.0.0.0/27" }], sticky: true });
      const alive = new Map<string, { name: number; addresses: string }>();
      const had = new Map<number, string>();
      for (const [serial, { name, isAdd }] of steps.entries()) {
        const own = [...alive].find(([, one]) => one.name === name);
        if (isAdd) {
          const addresses = net.add(`c${serial}`, pod(`web-${name}`)).join();
          if ([...alive.values()].some((one) => one.addresses === addresses)) return false;
          if (own === undefined && had.has(name) && had.get(name) !== addresses) return false;
          if (own === undefined) had.set(name, addresses);
          alive.set(`c${serial}`, { name, addresses });
        } else if (own !== undefined) {
          net.del(own[0]);
          alive.delete(own[0]);
          // Of several the one that ended first stays with the name.
          if (![...alive.values()].some((one) => one.name === name)) {
            const kept = Object.entries(net.held()).filter(([, holder]) => holder === `=db/web-${name} eth0`);
            if (kept.length !== 1) return false;
            had.set(name, `${kept[0]?.[0]}/27`);
          } else had.delete(name);
        }
      }
      return true;
    }),
    { numRuns: 40 },
  );
});
