// The folder that is shared with the reference host-local: the index and its seal, crashes, boots.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { port } from "#system";
import { bootId, bootTime } from "../../../src/ipam/boot.ts";
import { releaseReservations } from "../../../src/ipam/open.ts";
import { Errno } from "../../../src/system/errno.ts";
import type { Port } from "../../../src/system/port.ts";
import { decode } from "../../../src/system/text.ts";
import { redirect } from "../link/lib/redirect.ts";
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
  net.write("10.0.0.101", "y\r\neth0");
  reboot();
  net.add("c");
  t.strictSame(
    net.held(),
    { "10.0.0.101": "y eth0", "10.0.0.4": "c eth0" },
    "of another hand: gone where it is older than the boot, not touched where it is newer; ours: gone without a record",
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

t.test(
  "a reservation of ours without a record of this boot is of an earlier one, whatever the clock says",
  async (t) => {
    const net = network(temporaryFolder(t), "n", small);
    const records = join(temporaryFolder(t), "records");
    t.teardown(redirect(records));
    for (const id of ["a", "b", "c"]) net.add(id);
    net.write("10.0.0.100", "x\r\neth0");
    // The clock was set back, or there is none: to the plugin, all of it is from the future.
    const future = new Date(Date.now() + 1e9);
    for (const name of Object.keys(net.held())) utimesSync(join(net.folder, name), future, future);
    mkdirSync(join(records, "networks/n"), { recursive: true });
    writeFileSync(join(records, "networks/n/b:eth0"), "{}");
    writeFileSync(join(indexOf(net), "boot"), "another");
    utimesSync(net.folder, 1, 1);
    net.add("d");
    t.strictSame(net.held(), { "10.0.0.100": "x eth0", "10.0.0.3": "b eth0", "10.0.0.5": "d eth0" });
  },
);

t.test("of reservations in a folder that another machine has, too, none is given back", async (t) => {
  const net = network(temporaryFolder(t), "n", small);
  net.add("a");
  net.write("10.0.0.100", "x\r\neth0");
  for (const name of Object.keys(net.held())) utimesSync(join(net.folder, name), 1, 1);
  writeFileSync(join(indexOf(net), "boot"), "another");
  writeFileSync(join(indexOf(net), "machine"), "another");
  utimesSync(net.folder, 1, 1);
  net.add("b");
  t.strictSame(net.held(), { "10.0.0.100": "x eth0", "10.0.0.2": "a eth0", "10.0.0.3": "b eth0" });
});

t.test("an ADD leaves nothing, at whichever write it fails, and the next one works", async (t) => {
  const functions = port as { -readonly [name in keyof Port]: Port[name] };
  const { open, write, linkat, rename, mkdir } = port;
  t.teardown(() => Object.assign(functions, { open, write, linkat, rename, mkdir }));
  const ranges = [[{ subnet: "10.0.0.0/24" }], [{ subnet: "2001:db8::/64" }]];
  for (const isFirst of [true, false]) {
    let failures = 0;
    for (let failing = 0; ; failing++) {
      const net = network(temporaryFolder(t), "n", { type: "host-local", ranges });
      if (!isFirst) net.add("before");
      const before = net.held();
      let count = 0;
      const full =
        <A extends unknown[]>(call: (...args: A) => number) =>
        (...args: A) =>
          count++ === failing ? -Errno.ENOSPC : call(...args);
      const O_CREAT = 0o100;
      const opening = full(open);
      Object.assign(functions, { write: full(write), linkat: full(linkat), rename: full(rename), mkdir: full(mkdir) });
      functions.open = (path, flags, mode) => (flags & O_CREAT ? opening : open)(path, flags, mode);
      let error: { code?: number } | undefined;
      try {
        net.add("a");
      } catch (thrown) {
        error = thrown as { code?: number };
      }
      Object.assign(functions, { open, write, linkat, rename, mkdir });
      if (error !== undefined) {
        failures++;
        t.equal(error.code, 5, `call ${failing}`);
        t.strictSame(net.held(), before, `call ${failing}: nothing is left`);
        net.add("a");
      }
      t.equal(
        Object.values(net.held()).filter((who) => who === "a eth0").length,
        2,
        `call ${failing}: then it has both`,
      );
      net.del("a");
      t.strictSame(net.held(), before, `call ${failing}: and gives both back`);
      if (count <= failing) break;
    }
    t.ok(failures >= 6, `${failures} calls make it fail`);
  }
});

t.test("something else in the place of a file: passed over where it can be, never followed", async (t) => {
  const folder = temporaryFolder(t);
  const outside = join(folder, "outside");
  writeFileSync(outside, "x\r\neth0");
  for (const replace of [
    (path: string) => mkdirSync(path),
    (path: string) => symlinkSync(outside, path),
    (path: string) => symlinkSync(join(folder, "nowhere"), path),
  ]) {
    const net = network(join(folder, "data"), "n", { type: "host-local", subnet: "10.0.0.0/28" });
    net.add("a");
    const names = [
      "10.0.0.3",
      "last_reserved_ip.0",
      ...readdirSync(indexOf(net)).map((name) => `../.ipvlan-cni/networks/n/${name}`),
    ];
    for (const name of names) {
      rmSync(join(net.folder, name), { force: true });
      replace(join(net.folder, name));
    }
    t.strictSame(net.add("b"), ["10.0.0.4/28"], "in the place of a reservation: as good as taken");
    net.add("c");
    net.del("b");
    net.ipam("").gc([{ containerId: "c", ifname: "eth0" }]);
    const left = readdirSync(net.folder).filter((name) => name.startsWith("10."));
    t.strictSame(left.length, 2, `what is none of ours stays, and c's: ${left}`);
    net.del("c");
    t.equal(readFileSync(outside, "utf8"), "x\r\neth0");
    t.notOk(existsSync(join(folder, "nowhere")));
    rmSync(join(folder, "data"), { recursive: true });
  }
  const net = network(join(folder, "data"), "n", small);
  net.add("a");
  rmSync(join(net.folder, "lock"));
  symlinkSync(outside, join(net.folder, "lock"));
  for (const work of [() => net.add("b"), () => net.del("a"), () => net.ipam("").gc([])]) {
    t.match(errorOf(work), { code: 5, message: /n\/lock: ELOOP: a symbolic link is in its way: remove it/ });
  }
});

t.test("GC goes on behind what it cannot remove, and says so", async (t) => {
  const net = network(temporaryFolder(t), "n", small);
  for (const id of ["a", "b", "c"]) net.add(id);
  const functions = port as { -readonly [name in keyof Port]: Port[name] };
  const { unlink } = port;
  t.teardown(() => {
    functions.unlink = unlink;
  });
  functions.unlink = (path) => (decode(path).includes("10.0.0.3") ? -Errno.EPERM : unlink(path));
  t.match(
    errorOf(() => net.ipam("").gc([])),
    { code: 5, message: /10\.0\.0\.3: EPERM/ },
  );
  t.strictSame(net.held(), { "10.0.0.3": "b eth0" });
  functions.unlink = unlink;
  net.del("b");
  t.strictSame(net.held(), {});
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
