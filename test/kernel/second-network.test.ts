import t from "tap";
import type { Call } from "./lib/lab.ts";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

const network = (name: string, part: number) => ({
  cniVersion: "1.1.0",
  name,
  type: "ipvlan",
  master: "eth0",
  ipam: {
    type: "host-local",
    ranges: [[{ subnet: `192.168.${part}.0/24` }], [{ subnet: `2001:db8:${part}::/64` }]],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }, { dst: `198.18.${part}.0/24` }],
  },
});

t.test("a container's second network keeps the first one's default routes, and each goes by itself", async (t) => {
  await lab.ok("reset; host h1; container peer c1; cable h1 eth0 peer eth0");
  const attachments: Call[] = [
    { netns: "c1", ifname: "eth0", config: network("one", 1) },
    { netns: "c1", ifname: "net1", config: network("two", 2) },
  ];
  const answers = await lab.calls(attachments);
  const routesOf = (index: number) => answers[index]?.json.routes.map(({ dst }: { dst: string }) => dst);
  t.strictSame(routesOf(0), ["0.0.0.0/0", "::/0", "198.18.1.0/24"]);
  t.strictSame(routesOf(1), ["198.18.2.0/24"], "the result has the routes that were made");
  const defaults = "ip -n c1 route show default; ip -n c1 -6 route show default";
  const first = "default via 192.168.1.1 dev eth0 \ndefault via 2001:db8:1::1 dev eth0 metric 1024 pref medium\n";
  t.equal(await lab.ok(defaults), first);
  const check = attachments.map((call, index): Call => {
    return { ...call, command: "CHECK", config: { ...(call.config as object), prevResult: answers[index]?.json } };
  });
  for (const { code, stdout } of await lab.calls(check)) t.strictSame([code, stdout], [0, ""]);

  const [one, two] = attachments as [Call, Call];
  await lab.del(two);
  t.equal(await lab.ok(defaults), first, "DEL of the second leaves the first");
  t.equal(await lab.ok("ip -n c1 -o link show type ipvlan | wc -l"), "1\n");
  t.equal((await lab.call({ ...(check[0] as Call) })).code, 0);
  await lab.del(one);
  await nothingLeft(t, lab);
});
