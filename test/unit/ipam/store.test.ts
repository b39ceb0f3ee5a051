// The folder that is shared with the reference host-local: the index and its seal, crashes, boots.
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { port } from "#system";
import { bootId, bootTime } from "../../../src/ipam/boot.ts";
import { releaseReservations } from "../../../src/ipam/open.ts";
import { Errno } from "../../../src/system/errno.ts";
import type { Port } from "../../../src/system/port.ts";
import { countCalls } from "./lib/calls.ts";
import { errorOf, type Network, network, temporaryFolder } from "./lib/network.ts";

const small = { type: "host-local", subnet: "10.0.0.0/24" };
const large = { type: "host-local", subnet: "10.0.0.0/8" };

/** The folder of the index. */
const indexOf = (net: Network) => join(net.dataDir, ".ipvlan-cni/networks/n");

t.test("ADD and DEL cost the same few system calls whatever is reserved", async (t) => {
  const net = network(temporaryFolder(t), "n", large);
  const costs = () => {
    net.add("warm");
    const add = countCalls(() => net.add("measured")).total;
    const del = countCalls(() => net.del("measured")).total;
    const again = countCalls(() => net.del("measured")).total;
    net.del("warm");
    return { add, del, again };
  };
  const none = costs();
  for (let i = 0; i < 500; i++) net.write(`10.9.${i >> 8}.${i & 255}`, `container-${i}\r\neth0`);
  const many = costs();
  t.strictSame(many, none);
  t.ok(none.add <= 25, `ADD: ${none.add}`);
  t.ok(none.del <= 19, `DEL: ${none.del}`);
  t.ok(none.again <= 11, `DEL of nothing: ${none.again}`);
});

t.test("the same on a file system without unnamed files", async (t) => {
  const functions = port as { open: Port["open"] };
  const { open } = functions;
  const O_TMPFILE = 0o20000000;
  functions.open = (path, flags, mode) => (flags & O_TMPFILE ? -Errno.EOPNOTSUPP : open(path, flags, mode));
  t.teardown(() => {
    functions.open = open;
  });
  const net = network(temporaryFolder(t), "n", small);
  net.add("a");
  const calls = countCalls(() => net.add("b"));
  t.equal(calls.getdents64, undefined, "the index answers");
  net.del("a");
  t.strictSame(net.held(), { "10.0.0.3": "b eth0" });
});

t.test("a full stretch is not tried address by address", async (t) => {
  const net = network(temporaryFolder(t), "n", { type: "host-local", subnet: "10.0.0.0/22" });
  for (let i = 2; i < 1022; i++) net.write(`10.0.${i >> 8}.${i & 255}`, `c${i}\r\neth0`);
  const calls = countCalls(() => t.strictSame(net.add("last"), ["10.0.3.254/22"]));
  t.ok((calls.linkat ?? 0) < 50, `${calls.linkat} tries`);
  net.del("last");
  t.ok(countCalls(() => net.add("again")).total < 100);
});

t.test("whatever another hand adds or removes is noticed at once", async (t) => {
  const net = network(temporaryFolder(t), "n", small);
  net.add("a");
  for (let round = 0; round < 200; round++) {
    // No pause: within the tick of the clock in which our change was made.
    net.write("10.0.0.200", "other\r\neth0");
    net.del("other");
    if (net.held()["10.0.0.200"] !== undefined) t.fail(`round ${round}: a reservation of another hand was not found`);
    net.add("b");
    rmSync(join(net.folder, Object.entries(net.held()).find(([, who]) => who === "b eth0")?.[0] as string));
    net.add("b");
    net.del("b");
  }
  t.strictSame(net.held(), { "10.0.0.2": "a eth0" });
});

t.test("the index is only a shortcut: without it, or with nonsense in it, the files decide", async (t) => {
  const folder = temporaryFolder(t);
  for (const spoil of [
    (net: Network) => rmSync(join(net.dataDir, ".ipvlan-cni"), { recursive: true, force: true }),
    (net: Network) => {
      for (const name of readdirSync(indexOf(net))) rmSync(join(indexOf(net), name));
    },
    (net: Network) => {
      // An index that says too little breaks the promise of the seal, so only what it says too much is tried here.
      for (const name of readdirSync(indexOf(net))) {
        const file = join(indexOf(net), name);
        if (name !== "boot") writeFileSync(file, `${readFileSync(file, "utf8")}a\teth0\t10.0.0.77\n`);
      }
    },
    (net: Network) => utimesSync(net.folder, 1, 1),
  ]) {
    rmSync(join(folder, "n"), { recursive: true, force: true });
    const net = network(folder, "n", small);
    net.add("a");
    net.add("b");
    spoil(net);
    t.equal(errorOf(() => net.add("a")).code, 103);
    spoil(net);
    net.del("a");
    t.strictSame(Object.values(net.held()), ["b eth0"]);
    t.strictSame(net.add("a").length, 1);
  }
});

t.test("empty and torn files of the reference are freed", async (t) => {
  const net = network(temporaryFolder(t), "n", { type: "host-local", subnet: "10.0.0.0/29" });
  net.add("a");
  net.write("10.0.0.3", "");
  net.write("10.0.0.4", "\0\0\0\0");
  net.write("10.0.0.5", " \r\n");
  net.write(".123.tmp", "left by a killed process");
  t.strictSame(net.add("b"), ["10.0.0.3/29"]);
  t.strictSame(net.held(), { "10.0.0.2": "a eth0", "10.0.0.3": "b eth0" });
});

t.test("files without an interface name count for every interface, as the reference has it", async (t) => {
  const net = network(temporaryFolder(t), "n", small);
  net.write("10.0.0.9", "a");
  t.match(
    errorOf(() => net.add("a")),
    { code: 103, message: /^10\.0\.0\.9 / },
  );
  net.add("b");
  t.equal(errorOf(() => net.add("a")).code, 103, "with an index too");
  net.del("a");
  t.strictSame(net.held(), { "10.0.0.2": "b eth0" });
  net.write("10.0.0.9", "b");
  net.del("b");
  t.strictSame(net.held(), { "10.0.0.9": "b" }, "first those that name the interface");
  net.del("b");
  t.strictSame(net.held(), {});
});

t.test("containers whose entries share a file, or begin alike, are kept apart", async (t) => {
  const net = network(temporaryFolder(t), "n", large);
  const ids = ["a", "aa", "a.eth0", "b", ...Array.from({ length: 200 }, (_, i) => `c${i}`)];
  for (const id of ids) net.add(id);
  for (const id of ids) net.add(id, { ifname: "eth" });
  for (const id of ids) net.del(id, { ifname: "eth" });
  t.equal(Object.keys(net.held()).length, ids.length);
  net.del("a");
  t.strictSame(
    Object.values(net.held()).filter((who) => who.startsWith("a")),
    ["aa eth0", "a.eth0 eth0"].sort().reverse(),
  );
});

t.test("releaseReservations needs nothing but names", async (t) => {
  const net = network(temporaryFolder(t), "n", small);
  net.add("a");
  releaseReservations(net.dataDir, "n", "a", "eth0");
  releaseReservations(net.dataDir, "n", "a", "eth0");
  releaseReservations(net.dataDir, "never-used", "a", "eth0");
  t.strictSame(net.held(), {});
  t.strictSame(
    readdirSync(net.dataDir).sort(),
    [".ipvlan-cni", "n"],
    "no folder is made for a network that was never used",
  );
});

t.test("a folder that cannot be written: an error with path and errno", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "file"), "");
  const net = network(join(folder, "file"), "n", small);
  t.match(
    errorOf(() => net.add("a")),
    { code: 5, message: /file\/n.*ENOTDIR/, details: /ENOTDIR$/ },
  );
});

t.test("the first ADD after a boot gives back what the boot before left", async (t) => {
  const net = network(temporaryFolder(t), "n", small);
  const old = new Date(Number((bootTime() ?? 0n) / 1_000_000n) - 5000);
  // The seal is made from the boot's id, so another boot does not know it.
  const reboot = () => {
    writeFileSync(join(indexOf(net), "boot"), "11111111-2222-3333-4444-555555555555");
    utimesSync(net.folder, 1, 1);
  };
  const leave = (name: string, text: string) => {
    net.write(name, text);
    utimesSync(join(net.folder, name), old, old);
  };
  net.add("a");
  leave("10.0.0.100", "x\r\neth0");
  net.add("b");
  t.ok(net.held()["10.0.0.100"], "in the same boot nothing is given back, whatever its time");

  leave("10.0.0.2", "a\r\neth0");
  reboot();
  net.add("c");
  t.strictSame(
    net.held(),
    { "10.0.0.3": "b eth0", "10.0.0.4": "c eth0" },
    "older than the boot: gone; newer: not touched",
  );
  t.equal(readFileSync(join(indexOf(net), "boot"), "utf8"), bootId());

  leave("10.0.0.100", "x\r\neth0");
  net.add("d");
  t.ok(net.held()["10.0.0.100"], "only once in a boot");

  writeFileSync(join(indexOf(net), "boot"), "");
  utimesSync(net.folder, 1, 1);
  net.add("e");
  t.notOk(net.held()["10.0.0.100"], "a record that the power failure emptied is one of another boot");
});

t.test("without a recorded boot nothing is given back", async (t) => {
  const net = network(temporaryFolder(t), "n", small);
  net.write("10.0.0.100", "x\r\neth0");
  utimesSync(join(net.folder, "10.0.0.100"), 1, 1);
  net.add("a");
  t.strictSame(net.held(), { "10.0.0.100": "x eth0", "10.0.0.2": "a eth0" });
});

t.test("DEL, CHECK and GC after a boot leave the rest to the first ADD, and do not hide it", async (t) => {
  const net = network(temporaryFolder(t), "n", small);
  for (const id of ["a", "b", "c"]) net.add(id);
  for (const name of Object.keys(net.held())) utimesSync(join(net.folder, name), 1, 1);
  writeFileSync(join(indexOf(net), "boot"), "another");
  utimesSync(net.folder, 1, 1);
  net.del("a");
  net.ipam("").gc([
    { containerId: "b", ifname: "eth0" },
    { containerId: "c", ifname: "eth0" },
  ]);
  t.strictSame(Object.values(net.held()), ["b eth0", "c eth0"]);
  net.del("b");
  net.add("d");
  t.strictSame(Object.values(net.held()), ["d eth0"]);
});

t.test("the time of the boot is not later than the files of this boot", async (t) => {
  t.ok((bootTime() as bigint) <= statSync("/dev/null", { bigint: true }).mtimeNs);
});
