// Processes at once on one network: ours alone, and mixed with the reference.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { at } from "../../build/paths.ts";
import { hostArch, nodeBinary } from "../../build/runtimes.ts";
import { filesIn } from "./lib/compare.ts";
import { addressesOf, churn, command, type Program } from "./lib/crowd.ts";
import { buildDriver } from "./lib/executable.ts";
import { findReference } from "./lib/reference.ts";

t.setTimeout(240_000);
const native: Program = { file: await buildDriver(t), args: [] };
const onNode: Program = { file: nodeBinary(hostArch), args: ["--no-warnings", at("test/differential/driver.ts")] };
const reference: Program = { file: await findReference(), args: [] };

const folder = mkdtempSync(join(tmpdir(), "ipvlan-concurrent-"));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const configuration = (name: string, ipam: object) => ({
  cniVersion: "1.0.0",
  name,
  type: "ipvlan",
  master: "eth0",
  ipam: { dataDir: folder, ...ipam },
});

/** Address to holder's identifier. */
function held(name: string): [string, string][] {
  return Object.entries(filesIn(join(folder, name)))
    .filter(([file]) => !file.startsWith("last_reserved_ip."))
    .map(([address, text]) => [address, text.split("\r\n")[0] as string]);
}

t.test("200 processes at once on a pool of 150: 150 addresses, 50 times no more", async (t) => {
  const config = configuration("crowd", {
    subnets: [
      { subnet: "10.0.0.0/24", ipRange: "10.0.0.0/25" },
      { subnet: "10.0.1.0/27", gateway: "10.0.1.1" },
    ],
  });
  // 126 without the gateway's 10.0.0.1, and 29 without 10.0.1.1: five are taken beforehand.
  for (let i = 0; i < 5; i++) await command(native, "ADD", `first${i}`, config);
  const all = await Promise.all(Array.from({ length: 200 }, (_, i) => command(native, "ADD", `c${i}`, config)));
  const given = all.filter(({ status }) => status === 0).flatMap(({ answer }) => addressesOf(answer));
  t.equal(given.length, 150);
  t.equal(new Set(given).size, 150, "all different");
  const refused = all.filter(({ status }) => status !== 0);
  t.equal(refused.length, 50);
  for (const { answer } of refused) if (answer.code !== 11) t.fail(String(answer.msg));
  const slowest = Math.max(...all.map(({ seconds }) => seconds));
  t.ok(slowest < 10, `slowest ${slowest.toFixed(1)} s`);
  t.equal(held("crowd").length, 155);
});

t.test(
  "containers that come and go, by this plugin on both runtimes and the reference at once",

  async (t) => {
    for (const [name, programs, ipam] of [
      [
        "ours",
        [...Array<Program>(7).fill(native), onNode],
        { subnets: [{ subnet: "10.2.0.0/28" }, { subnet: "2001:db8::/124" }] },
      ],
      [
        "mixed",
        [...Array<Program>(4).fill(native), ...Array<Program>(5).fill(reference), onNode],
        { type: "host-local", ranges: [[{ subnet: "10.3.0.0/28" }], [{ subnet: "2001:db8::/124" }]] },
      ],
    ] as const) {
      const config = configuration(name, ipam);
      const alive = await churn({ programs, config, seed: 1, size: 16, rounds: 4 });
      const wanted = [...alive].flatMap(([id, addresses]) => addresses.map((address) => [address, id])).sort();
      t.strictSame(held(name).sort(), wanted, `${name}: what is alive is reserved, and nothing else`);
      await Promise.all(
        [...alive.keys()].map((id, i) => command(programs[i % programs.length] as Program, "DEL", id, config)),
      );
      t.strictSame(held(name), [], `${name}: nothing is left`);
    }
  },
);
