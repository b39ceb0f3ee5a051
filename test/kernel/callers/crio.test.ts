// The calls that CRI-O 1.36.3 makes, as they were recorded from it; itself it cannot be had from the registries. It asks for garbage to be
// collected when it starts, for the status until the node is ready, and for a check behind each ADD.
import t from "tap";
import type { Call, Lab } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const lab: Lab = await openLab();

const network = {
  cniVersion: "1.1.0",
  name: "pods",
  type: "ipvlan",
  mode: "l3s",
  master: "eth0",
  hostAccess: true,
  ipam: { subnets: [{ subnet: "10.244.1.0/24" }, { subnet: "fd00:244:1::/64" }] },
};

const setUp = "reset; host h1; container wire; cable h1 eth0 wire eth0; on h1 ip addr add 192.168.1.250/24 dev eth0";

const idOf = (pod: string): string => pod.padEnd(64, "0");

/** A call for a pod, with what CRI-O says of it. */
function of(pod: string, config: object = network): Call {
  const args = [
    "IgnoreUnknown=1",
    "K8S_POD_NAMESPACE=default",
    `K8S_POD_NAME=${pod}`,
    `K8S_POD_INFRA_CONTAINER_ID=${idOf(pod)}`,
    `K8S_POD_UID=uid-${pod}`,
  ].join(";");
  return { netns: `/var/run/netns/${pod}`, id: idOf(pod), args, config };
}

/** @param valid what CRI-O takes for living; null where it has no pods */
const collect = (valid: readonly string[] | null): Call => ({
  command: "GC",
  config: {
    ...network,
    "cni.dev/valid-attachments": valid?.map((pod) => ({ containerID: idOf(pod), ifname: "eth0" })) ?? null,
  },
});

async function reservations(): Promise<string[]> {
  const names = await lab.ok("on h1 ls /var/lib/cni/networks/pods 2>/dev/null || true");
  return names.split("\n").filter((name) => /^10\./.test(name));
}

t.test("it starts without pods, and with a parent that is not up: it waits, and knows why", async (t) => {
  await lab.ok(`${setUp}; on h1 ip link set eth0 down`);
  const [collected, asked] = await lab.calls([collect(null), { command: "STATUS", config: network }]);
  t.match(collected, { code: 0, stdout: "", stderr: "" }, "an empty list is said by null, and no reason for a warning");
  t.match(asked?.json, { code: 50, msg: /eth0.*down: ip link set eth0 up/ });
  await lab.ok("on h1 ip link set eth0 up");
  t.match(await lab.call({ command: "STATUS", config: network }), { code: 0, stdout: "" });
});

t.test("a pod is added and checked with the result of that, and deleted twice", async (t) => {
  await lab.ok(`${setUp}; container web`);
  const prevResult = await lab.add(of("web"));
  const again = of("web", { ...network, prevResult });
  t.match(await lab.call({ command: "CHECK", ...again }), { code: 0, stdout: "", stderr: "" });
  await lab.ok("ip -n web route del default");
  t.match(
    (await lab.call({ command: "CHECK", ...again })).json,
    { msg: /default|0\.0\.0\.0\/0/ },
    "CHECK sees what is missing",
  );
  await lab.del(again);
  await lab.del(again);
  await nothingLeft(t, lab);
});

t.test("it starts again: what a pod has held that is gone is given back, the living one keeps all", async (t) => {
  await lab.ok(`${setUp}; container alive; container stale`);
  const living = await lab.add(of("alive"));
  await lab.add(of("stale"));
  // As a reboot of the machine leaves it: the pod's namespace is gone, and no DEL came.
  await lab.ok("ip netns del stale");
  t.match(await lab.call(collect(["alive"])), { code: 0, stdout: "", stderr: "" });
  const [address] = living.ips.map((one: { address: string }) => one.address.split("/")[0]);
  t.strictSame(await reservations(), [address], "only the living pod's address is held");
  t.match(await lab.call({ command: "CHECK", ...of("alive", { ...network, prevResult: living }) }), { code: 0 });
  await lab.ok(`on h1 ping -c1 -W2 ${address}`);
  t.match(await lab.call(collect(null)), { code: 0, stdout: "", stderr: "" });
  t.strictSame(await reservations(), [], "with no pods left, nothing is held");
  await nothingLeft(t, lab);
});
