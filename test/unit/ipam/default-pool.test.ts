import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { errorOf, gateways, network, temporaryFolder } from "./lib/network.ts";

const v6 = { subnets: [{ subnet: "2001:db8:abc2::/64", gateway: "2001:db8:abc2::22" }] };

t.test("without an IPv4 subnet the first of Docker's pools, beside an IPv6 subnet too", async (t) => {
  const folder = temporaryFolder(t);
  t.strictSame(network(folder, "isolated3", {}).add("a"), ["172.18.0.2/16"]);
  t.strictSame(network(folder, "isolated3", {}).add("b"), ["172.18.0.3/16"]);
  t.strictSame(network(folder, "v6ipvlan139", v6).add("a"), ["172.19.0.2/16", "2001:db8:abc2::1/64"]);
  t.strictSame(gateways(network(folder, "isolated3", {}).ipam("c")), ["172.18.0.1"]);
  t.strictSame(network(folder, "six", { ...v6, ipv4: false }).add("a"), ["2001:db8:abc2::1/64"]);
});

t.test("a pool that overlaps an address or route of the host is passed over, a default route is not", async (t) => {
  const host = ["0.0.0.0/0", "::/0", "172.16.0.0/13", "172.24.5.1/32"];
  t.strictSame(network(temporaryFolder(t), "n", {}).add("a", { host }), ["172.25.0.2/16"]);
});

t.test("a pool in which another network has addresses is passed over", async (t) => {
  const folder = temporaryFolder(t);
  network(folder, "one", { subnets: [{ subnet: "172.18.7.0/24" }] }).add("a");
  network(folder, "two", { type: "host-local", subnet: "172.19.0.0/24" }).add("a");
  network(folder, "two", { type: "host-local", subnet: "172.19.0.0/24" }).del("a");
  t.strictSame(network(folder, "three", {}).add("a"), ["172.20.0.2/16"]);
});

t.test("the pool is remembered, whatever the host looks like later", async (t) => {
  const folder = temporaryFolder(t);
  const net = network(folder, "n", {});
  net.add("a");
  net.del("a");
  t.strictSame(net.add("b", { host: ["172.18.0.0/16"] }), ["172.18.0.3/16"]);
  t.doesNotThrow(() =>
    net.add("c", {
      get host(): never {
        throw new Error("the host was asked again");
      },
    }),
  );
});

t.test("a record that was lost is found again in the reservations", async (t) => {
  const folder = temporaryFolder(t);
  network(folder, "first", {}).add("a");
  const net = network(folder, "second", {});
  net.add("a");
  rmSync(join(folder, ".ipvlan-cni"), { recursive: true });
  t.strictSame(net.add("b"), ["172.19.0.3/16"]);
  writeFileSync(join(folder, ".ipvlan-cni/pools/second"), "");
  t.strictSame(net.add("c"), ["172.19.0.4/16"]);
});

t.test("an explicit subnet that was taken out leaves no claim to a pool that is the host's", async (t) => {
  const folder = temporaryFolder(t);
  const before = network(folder, "n", { subnets: [{ subnet: "192.168.1.0/24" }] });
  before.add("a");
  before.add("b");
  before.del("a");
  t.strictSame(network(folder, "n", {}).add("c", { host: ["192.168.1.0/24"] }), ["172.18.0.2/16"]);
});

t.test("thirty networks find a pool, the next is told who has them", async (t) => {
  const folder = temporaryFolder(t);
  const given = Array.from({ length: 30 }, (_, i) => network(folder, `n${i}`, {}).add("a")[0]);
  t.equal(given[13], "172.31.0.2/16");
  t.equal(given[14], "192.168.0.2/20");
  t.equal(given[29], "192.168.240.2/20");
  t.match(
    errorOf(() => network(folder, "more", {}).add("a")),
    {
      code: 104,
      message:
        /no default IPv4 pool is free for network more: .*172\.18\.0\.0\/16 by n0.*; name a subnet in ipam\.subnets/,
    },
  );
  rmSync(join(folder, ".ipvlan-cni/pools/n3"));
  rmSync(join(folder, "n3"), { recursive: true });
  t.strictSame(network(folder, "more", {}).add("a"), ["172.21.0.2/16"]);
});

t.test("an address of the pool can be asked for", async (t) => {
  const net = network(temporaryFolder(t), "n", {});
  t.strictSame(net.add("a", { ips: ["172.18.3.4"] }), ["172.18.3.4/16"]);
  t.match(
    errorOf(() => net.add("b", { ips: ["172.19.3.4"] })),
    { code: 7, message: /in none of the network's subnets: 172\.18/ },
  );
  t.doesNotThrow(() => net.ipam("").status());
});
