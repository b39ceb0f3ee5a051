import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { errorOf, gateways, network, temporaryFolder } from "./lib/network.ts";

const hostLocal = (ipam: Record<string, unknown>) => ({ type: "host-local", ...ipam });

t.test("addresses go round: after the gateway, and a freed one is not given again at once", async (t) => {
  const net = network(temporaryFolder(t), "n", hostLocal({ subnet: "10.1.2.0/29" }));
  t.strictSame(net.add("a"), ["10.1.2.2/29"]);
  t.strictSame(net.add("b"), ["10.1.2.3/29"]);
  net.del("b");
  t.strictSame(net.add("c"), ["10.1.2.4/29"]);
  t.strictSame(net.add("d"), ["10.1.2.5/29"]);
  t.strictSame(net.add("e"), ["10.1.2.6/29"]);
  t.strictSame(net.add("f"), ["10.1.2.3/29"], "the free one, the gateway passed over");
  t.strictSame(gateways(net.ipam("g", { config: { name: "other" } })), ["10.1.2.1"]);
});

t.test("the files are the reference's", async (t) => {
  const net = network(
    temporaryFolder(t),
    "n",
    hostLocal({ ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "2001:db8::/64" }]] }),
  );
  t.strictSame(net.add("a"), ["10.1.2.2/24", "2001:db8::2/64"]);
  t.equal(net.read("10.1.2.2"), "a\r\neth0");
  t.equal(net.read("2001:db8::2"), "a\r\neth0");
  t.equal(net.read("last_reserved_ip.0"), "10.1.2.2");
  t.equal(net.read("last_reserved_ip.1"), "2001:db8::2");
  t.equal(net.read("lock"), "");
});

t.test("the last address given is remembered whole, also when its text gets shorter", async (t) => {
  const net = network(
    temporaryFolder(t),
    "n",
    hostLocal({ subnet: "10.1.2.0/24", rangeStart: "10.1.2.9", rangeEnd: "10.1.2.10" }),
  );
  net.add("a");
  net.add("b");
  t.equal(net.read("last_reserved_ip.0"), "10.1.2.10");
  net.del("a");
  net.add("c");
  t.equal(net.read("last_reserved_ip.0"), "10.1.2.9");
});

t.test("a range set goes through its ranges, and back to the first", async (t) => {
  const ranges = [
    [
      { subnet: "10.1.0.0/24", rangeStart: "10.1.0.10", rangeEnd: "10.1.0.11" },
      { subnet: "10.2.0.0/16", rangeStart: "10.2.0.20", rangeEnd: "10.2.0.20", gateway: "10.2.255.1" },
    ],
  ];
  const net = network(temporaryFolder(t), "n", hostLocal({ ranges }));
  t.strictSame(net.add("a"), ["10.1.0.10/24"]);
  t.strictSame(net.add("b"), ["10.1.0.11/24"]);
  t.strictSame(gateways(net.ipam("c")), ["10.2.255.1"]);
  net.del("a");
  t.strictSame(net.add("d"), ["10.1.0.10/24"]);
});

t.test("a second ADD for the interface is refused, another interface of the container is not", async (t) => {
  const net = network(temporaryFolder(t), "n", hostLocal({ subnet: "10.1.2.0/24" }));
  net.add("a");
  t.match(
    errorOf(() => net.add("a")),
    { code: 103, message: /^10\.1\.2\.2 is already allocated to a eth0/ },
  );
  t.strictSame(net.add("a", { ifname: "eth1" }), ["10.1.2.3/24"]);
  net.del("a");
  t.strictSame(net.held(), { "10.1.2.3": "a eth1" });
});

t.test("requested addresses", async (t) => {
  const ranges = [[{ subnet: "10.1.2.0/24", rangeEnd: "10.1.2.99" }], [{ subnet: "2001:db8::/64" }]];
  const net = network(temporaryFolder(t), "n", hostLocal({ ranges }));
  t.strictSame(
    net.add("a", { ips: ["10.1.2.50"] }),
    ["10.1.2.50/24", "2001:db8::2/64"],
    "one of a set, the next of the other",
  );
  t.strictSame(net.add("b"), ["10.1.2.51/24", "2001:db8::3/64"], "the order goes on from there");
  t.match(
    errorOf(() => net.add("c", { ips: ["10.1.2.50"] })),
    {
      code: 103,
      message: "requested address 10.1.2.50 is held by a eth0",
    },
  );
  t.match(
    errorOf(() => net.add("c", { ips: ["10.1.2.1"] })),
    { code: 7, message: /10\.1\.2\.1 is the subnet's gateway/ },
  );
  t.match(
    errorOf(() => net.add("c", { ips: ["10.1.2.100"] })),
    { code: 7, message: /10\.1\.2\.100/ },
  );
  t.match(
    errorOf(() => net.add("c", { ips: ["10.1.2.60", "10.1.2.61"] })),
    { code: 7, message: /10\.1\.2\.61/ },
  );
  t.notOk(Object.values(net.held()).includes("c eth0"), "a failed ADD holds nothing");
});

t.test("a failed ADD gives back what it took, and nothing else", async (t) => {
  const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "10.9.0.0/30" }]];
  const net = network(temporaryFolder(t), "n", hostLocal({ ranges }));
  net.add("a");
  t.equal(errorOf(() => net.add("b")).code, 11);
  t.strictSame(net.held(), { "10.1.2.2": "a eth0", "10.9.0.2": "a eth0" });
  // The reference would free all of a's addresses here and give them to others.
  t.equal(errorOf(() => net.add("a", { ips: ["10.1.2.77"] })).code, 103);
  t.strictSame(net.held(), { "10.1.2.2": "a eth0", "10.9.0.2": "a eth0" });
});

t.test("no gateway of the set is given, the neighbour range's neither", async (t) => {
  const range = { subnet: "10.1.2.0/24", gateway: "10.1.2.254" };
  const ranges = [
    [
      { ...range, rangeStart: "10.1.2.1", rangeEnd: "10.1.2.2" },
      { ...range, rangeStart: "10.1.2.9", rangeEnd: "10.1.2.9", gateway: "10.1.2.1" },
    ],
  ];
  const net = network(temporaryFolder(t), "n", hostLocal({ ranges }));
  t.strictSame(net.add("a"), ["10.1.2.2/24"]);
  t.strictSame(net.add("b"), ["10.1.2.9/24"]);
  t.equal(errorOf(() => net.add("c")).code, 11);
});

t.test("DEL frees the interface's addresses, once and again", async (t) => {
  const net = network(temporaryFolder(t), "n", hostLocal({ subnet: "10.1.2.0/24" }));
  net.del("nobody");
  net.add("a");
  net.add("b");
  net.del("a");
  net.del("a");
  t.strictSame(net.held(), { "10.1.2.3": "b eth0" });
});

t.test("GC frees what no valid attachment holds", async (t) => {
  const net = network(temporaryFolder(t), "n", hostLocal({ subnet: "10.1.2.0/24" }));
  for (const id of ["a", "b", "c"]) net.add(id);
  net.add("b", { ifname: "eth1" });
  net.write("10.1.2.77", "old");
  net.write("10.1.2.78", "b");
  net.write("notes", "gone\r\neth0");
  net.ipam("").gc([
    { containerId: "b", ifname: "eth0" },
    { containerId: "z", ifname: "eth0" },
  ]);
  t.strictSame(net.held(), { "10.1.2.3": "b eth0", "10.1.2.78": "b", notes: "gone eth0" });
  net.ipam("").gc([]);
  t.strictSame(net.held(), { notes: "gone eth0" });
});

t.test("CHECK wants the addresses of the result reserved", async (t) => {
  const net = network(temporaryFolder(t), "n", hostLocal({ subnet: "10.1.2.0/24" }));
  const result = (text: string) => ({
    interfaces: [],
    ips: [{ address: { address: { family: 4 as const, value: BigInt(text) }, length: 24 } }],
    routes: [],
    dns: {},
  });
  t.match(
    errorOf(() => net.ipam("a").check(result("0x0a010202"))),
    { code: 107, message: /no address of network n/ },
  );
  net.add("a");
  t.doesNotThrow(() => net.ipam("a").check(result("0x0a010202")));
  t.doesNotThrow(() => net.ipam("a").check(result("0x01010101")), "an address of somebody else's");
  t.match(
    errorOf(() => net.ipam("a").check(result("0x0a010203"))),
    { code: 107, message: /^10\.1\.2\.3 is not reserved/ },
  );
});

t.test("routes and resolvConf reach the result", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "resolv.conf");
  writeFileSync(
    file,
    "# a comment\nnameserver 192.0.2.1\nnameserver 2001:db8::53 # x\nsearch a.example b.example\n\tdomain  example \noptions ndots:2\n;x\nsearch\n",
  );
  const net = network(
    folder,
    "n",
    hostLocal({ subnet: "10.1.2.0/24", resolvConf: file, routes: [{ dst: "0.0.0.0/0" }] }),
  );
  const { routes, dns } = net.ipam("a").add();
  t.equal(routes.length, 1);
  t.strictSame(dns, {
    nameservers: ["192.0.2.1", "2001:db8::53"],
    domain: "example",
    search: ["a.example", "b.example"],
    options: ["ndots:2"],
  });
  const missing = network(folder, "n", hostLocal({ subnet: "10.1.2.0/24", resolvConf: `${file}.gone` }));
  t.match(
    errorOf(() => missing.add("b")),
    { code: 7, message: /resolv\.conf\.gone does not exist/ },
  );
  t.strictSame(Object.values(net.held()), ["a eth0"]);
});

t.test("STATUS: whether an ADD could ever get an address, which a full pool does not hinder", async (t) => {
  const folder = temporaryFolder(t);
  const net = network(folder, "n", hostLocal({ subnet: "10.1.2.0/30" }));
  t.doesNotThrow(() => net.ipam("").status());
  net.add("a");
  t.equal(errorOf(() => net.add("b")).code, 11);
  t.doesNotThrow(() => net.ipam("").status());
  const nothing = hostLocal({ subnet: "10.1.2.0/30", rangeEnd: "10.1.2.1" });
  t.match(
    errorOf(() => network(folder, "nothing", nothing).ipam("").status()),
    { code: 50, message: /^no address to give in 10\.1\.2\.1-10\.1\.2\.1/ },
  );
  writeFileSync(join(folder, "file"), "");
  const broken = network(join(folder, "file"), "n", hostLocal({ subnet: "10.1.2.0/30" }));
  t.match(
    errorOf(() => broken.ipam("").status()),
    { code: 50, message: /cannot be reserved/, details: /ENOTDIR/ },
  );
});

t.test("an address in use is passed over, as long as it was not asked for", async (t) => {
  const net = network(temporaryFolder(t), "n", hostLocal({ subnet: "10.1.2.0/29" }));
  t.strictSame(net.add("a", { avoided: ["10.1.2.2", "10.1.2.3"] }), ["10.1.2.4/29"]);
  t.match(
    errorOf(() => net.add("b", { avoided: ["10.1.2.2", "10.1.2.3", "10.1.2.5", "10.1.2.6"] })),
    { code: 11, message: /all 1 are held, longest 10\.1\.2\.4 by a eth0/ },
  );
});

t.test("the broadcast address and the network's own are not given, whatever the range says", async (t) => {
  const net = network(
    temporaryFolder(t),
    "n",
    hostLocal({ subnet: "10.1.2.0/30", rangeStart: "10.1.2.0", rangeEnd: "10.1.2.3" }),
  );
  t.strictSame(net.add("a"), ["10.1.2.2/30"]);
  t.equal(errorOf(() => net.add("b")).code, 11);
  net.del("a");
  for (const ip of ["10.1.2.0", "10.1.2.3"])
    t.match(
      errorOf(() => net.add("b", { ips: [ip] })),
      { code: 7 },
    );
});
