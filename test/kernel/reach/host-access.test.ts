// hostAccess: host and containers reach each other in every mode, and nothing of the host's own traffic changes.
import t from "tap";
import { nothingLeft } from "../lib/open-lab.ts";
import { addressesOf, both, modes, openLan, pod } from "./lib/lan.ts";

const lan = await openLan();
const { lab } = lan;
const node = ["192.168.50.11", "fd50::11"];

/** Subnets of the containers: the LAN's own, or others. */
const subnets = {
  flat: [
    { subnet: "192.168.50.0/24", gateway: "192.168.50.1", ipRange: "192.168.50.96/27" },
    { subnet: "fd50::/64", gateway: "fd50::1", ipRange: "fd50::100/120" },
  ],
  routed: [{ subnet: "10.244.1.0/24" }, { subnet: "fd44::1:0/112" }],
};

const network = (more: object) => ({
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  hostAccess: true,
  ...more,
});

await lan.sh(`
  serve h1 lan p1 p2
  capture wire sw h1 not ip6 multicast
  capture answers lan eth0 'arp[6:2] = 2 or icmp6[0] = 136'`);

/** What host and network look like to each other, which no container may change. */
const surroundings = () =>
  lan.sh(`
    ip -n h1 route get 192.168.50.20 | head -n 1
    ip -n h1 -6 route get fd50::20 | head -n 1
    ip -n h1 route show table main; ip -n h1 -6 route show table main dev eth0
    on h1 sysctl net.ipv4.conf.eth0.rp_filter net.ipv4.conf.all.rp_filter net.ipv4.ip_forward
    # Who is asked by the host itself meanwhile, whether it is still there, knows the host's address and need not ask.
    for attempt in 1 2 3 4 5; do
      inside lan sh -c 'ip neigh flush all; ip -6 neigh flush all'
      packets answers > /dev/null
      ask lan 5 tcp:192.168.50.11:80 tcp:fd50::11:80 > /tmp/lab/asked
      packets answers > /tmp/lab/answers
      grep -q '192.168.50.11 is-at' /tmp/lab/answers && grep -q 'tgt is fd50::11' /tmp/lab/answers && break
    done
    cat /tmp/lab/asked
    echo "ARP: $(grep -c '192.168.50.11 is-at' /tmp/lab/answers), ND: $(grep -c 'tgt is fd50::11' /tmp/lab/answers)"`);

const before = await surroundings();
t.match(before, /^ARP: 1, ND: 1$/m, "the host answers once");

for (const mode of modes) {
  for (const [place, ranges] of Object.entries(subnets)) {
    t.test(
      `${mode}, containers in ${place === "flat" ? "the LAN's own subnet" : "a subnet of their own"}`,
      async (t) => {
        const config = network({ mode, ipam: { subnets: ranges } });
        const results = [await lab.add(pod("p1", config)), await lab.add(pod("p2", config))];
        const [first = [], second = []] = results.map(addressesOf);
        await lan.sh("packets wire");
        const kinds = ["tcp", "udp", "bulk"];
        t.strictSame(await lan.ask("h1", both(first, kinds)), both(first, kinds, node), "host to container");
        t.strictSame(await lan.ask("p1", both(node, kinds)), both(node, kinds, first), "container to host");
        const seen = (await lan.sh("packets wire")).split("\n");
        t.strictSame(
          seen.filter((line) =>
            first.some((address) => line.includes(` ${address}.`) || line.includes(`tell ${address}`)),
          ),
          [],
          "nothing of it is on the wire",
        );
        t.strictSame(
          await lan.ask("p1", both(second, ["tcp"])),
          both(second, ["tcp"], first),
          "container to container",
        );
        t.equal(await surroundings(), before, "the host's own traffic goes as before, and it is answered for once");
        t.equal((await lan.check("p1", config, results[0])).stdout, "", "CHECK");
        await lab.del(pod("p1", config));
        t.match(await lan.ask("h1", both(second, ["tcp"])), both(second, ["tcp"], node), "the other container stays");
        await lab.del(pod("p2", config));
        await nothingLeft(t, lab);
        t.equal(
          await lan.sh(`ip -n h1 -o link show type ipvlan; ip -n h1 rule | grep 86 || true; on h1 nft list ruleset`),
          "",
        );
      },
    );
  }
}
