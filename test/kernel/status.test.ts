import t from "tap";
import type { Call } from "./lib/lab.ts";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

const network = (name: string, subnet: string) => ({
  cniVersion: "1.1.0",
  name,
  type: "ipvlan",
  master: "eth0",
  ipam: { subnets: [{ subnet }] },
});
// Room for two containers beside the gateway.
const small = network("small", "192.168.1.0/29");
const full = network("full", "192.168.2.0/30");
const other = network("other", "192.168.3.0/24");
const status = (config: object): Call => ({ command: "STATUS", config, environment: { CNI_NETNS: undefined } });

t.test(
  "STATUS tells readiness: 50 with the reason, 51 where containers of the network may be cut off, and stops nothing",
  async (t) => {
    await lab.ok("reset; host h1; container peer c1 c2; cable h1 eth0 peer eth0");
    const ready = await lab.calls([status(small), status(full)]);
    for (const { code, stdout } of ready) t.strictSame([code, stdout], [0, ""], "ready");

    await lab.add({ netns: "c1", config: full });
    await lab.add({ netns: "c2", config: small });
    const [exhausted, stillReady, another] = await lab.calls([
      status(full),
      status(small),
      { netns: "c2", ifname: "eth1", config: full },
    ]);
    t.strictSame(
      [exhausted?.code, exhausted?.stdout],
      [0, ""],
      "a full pool would make a node unready, and evict who runs",
    );
    t.match(another?.json, { code: 11, msg: /no free address in .* longest 192\.168\.2\.2 by c1/ }, "ADD tells of it");
    t.strictSame([stillReady?.code, stillReady?.stdout], [0, ""]);

    await lab.ok("on h1 ip link set eth0 down");
    const [cutOff, idle] = await lab.calls([status(small), status(other)]);
    const down = /eth0 cannot carry ipvlan: it is down: ip link set eth0 up/;
    t.match(cutOff, { code: 1, json: { code: 51, msg: down } }, "a network with containers");
    t.match(idle, { code: 1, json: { code: 50, msg: down } }, "one without");

    // Runtimes go on as if nothing had been said.
    await lab.del({ netns: "c1", config: full });
    await lab.ok("on h1 ip link set eth0 up");
    await lab.add({ netns: "c1", config: full });
    await lab.calls([full, small].map((config, index): Call => ({ command: "DEL", netns: `c${index + 1}`, config })));
    await nothingLeft(t, lab);
  },
);

t.test("STATUS says where no default pool is free, and chooses none", async (t) => {
  const config = { ...network("unnumbered", ""), ipam: {} };
  const file = "/var/lib/cni/networks/.ipvlan-cni/pools/unnumbered";
  const ready = await lab.call(status(config));
  t.strictSame([ready.code, ready.stdout], [0, ""]);
  await lab.ok(`on h1 sh -c '
    test ! -e ${file}
    for net in 172.16.0.0/12 192.168.0.0/16; do ip route add blackhole $net; done'`);
  const none = await lab.call(status(config));
  t.match(none, { code: 1, json: { code: 50, msg: /no default IPv4 pool is free for network unnumbered/ } });
  await lab.ok(
    `on h1 sh -c 'for net in 172.16.0.0/12 192.168.0.0/16; do ip route del blackhole $net; done; test ! -e ${file}'`,
  );
  await nothingLeft(t, lab);
});
