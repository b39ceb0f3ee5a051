import { utimesSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { countCalls } from "./lib/calls.ts";
import { errorOf, network, temporaryFolder } from "./lib/network.ts";

t.test("the error names pool, size and the oldest holders, and says to try again later", async (t) => {
  const net = network(temporaryFolder(t), "n", { type: "host-local", subnet: "10.0.0.0/29" });
  for (const id of ["a", "b", "c", "d", "e"]) net.add(id);
  for (const [name, year] of [
    ["10.0.0.4", 2020],
    ["10.0.0.2", 2021],
    ["10.0.0.6", 2022],
  ] as const) {
    utimesSync(join(net.folder, name), new Date(Date.UTC(year, 0)), new Date(Date.UTC(year, 0)));
  }
  t.strictSame(
    errorOf(() => net.add("f")),
    {
      code: 11,
      message:
        "no free address in 10.0.0.1-10.0.0.6: all 5 are held, longest 10.0.0.4 by c eth0 since 2020-01-01T00:00:00Z, " +
        "10.0.0.2 by a eth0 since 2021-01-01T00:00:00Z, 10.0.0.6 by e eth0 since 2022-01-01T00:00:00Z; " +
        "end containers, run GC for those that are gone, or make the pool larger",
      details: "/ipam",
    },
  );
});

t.test("waiting does not help where there is nothing to give", async (t) => {
  const net = network(temporaryFolder(t), "n", {
    type: "host-local",
    subnet: "10.0.0.0/24",
    rangeStart: "10.0.0.1",
    rangeEnd: "10.0.0.1",
  });
  t.match(
    errorOf(() => net.add("a")),
    { code: 7, message: /^no address to give in 10\.0\.0\.1-10\.0\.0\.1: it holds the gateway/ },
  );
});

t.test("with many holders only some are asked for their time, those whose turn is next", async (t) => {
  const net = network(temporaryFolder(t), "n", { type: "host-local", subnet: "10.0.0.0/21" });
  for (let i = 2; i < 2047; i++) net.write(`10.0.${i >> 8}.${i & 255}`, `c${i}\r\neth0`);
  net.write("last_reserved_ip.0", "10.0.5.0");
  net.del("none");
  const calls = countCalls(() => {
    t.match(
      errorOf(() => net.add("a")),
      { code: 11, message: /all 2045 are held, longest (10\.0\.\d+\.\d+ by c\d+ eth0 since \S+ ){3}end/ },
    );
  });
  t.ok((calls.statx ?? 0) < 1100, `${calls.statx} files`);
});
