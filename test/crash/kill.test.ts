// The process is killed before each of its system calls that changes something. Whatever it leaves: no address is held
// by two, nobody else loses one, and DEL and GC leave nothing.
import t from "tap";
import { buildDriver } from "../differential/lib/executable.ts";
import { findReference } from "../differential/lib/reference.ts";
import type { Json } from "../differential/lib/sequence.ts";
import { crashEverywhere, examine, keptOf, type Scenario } from "./lib/crash.ts";
import { Network, variables } from "./lib/network.ts";
import { findStrace } from "./lib/strace.ts";

t.setTimeout(240_000);
const reference = await findReference();
const strace = await findStrace();
const killed = { file: await buildDriver(t), args: [] };

const v4 = { subnet: "10.0.0.0/24" };
const v6 = { subnet: "2001:db8::/64" };
const hostLocal = { type: "host-local", ranges: [[v4], [v6]] };

const some = (net: Network): void => {
  for (const id of ["a", "b", "c"]) net.run("ADD", id);
  net.run("DEL", "b");
};
const someAndVictim = (net: Network): void => {
  some(net);
  net.run("ADD", "victim");
};

function scenario(
  name: string,
  ipam: Json,
  command: Scenario["command"],
  before: Scenario["before"],
  more: Partial<Scenario> = {},
): Scenario {
  return {
    name,
    config: { cniVersion: "1.0.0", ipam },
    command,
    victim: "victim",
    before,
    freed: () => false,
    ...more,
  };
}

const onlyA = { cniVersion: "1.1.0", "cni.dev/valid-attachments": [{ containerID: "a", ifname: "eth0" }] };

const scenarios = [
  ...Object.entries({ "host-local": hostLocal, "built-in": { subnets: [v4, v6] } }).flatMap(([kind, ipam]) => [
    scenario(`${kind}: the first ADD`, ipam, "ADD", () => {}),
    scenario(`${kind}: ADD`, ipam, "ADD", some),
    scenario(`${kind}: DEL`, ipam, "DEL", someAndVictim),
    scenario(`${kind}: GC`, ipam, "GC", someAndVictim, { more: onlyA, freed: (id) => id !== "a" }),
  ]),
  scenario("the first ADD with a default pool", { subnets: [v6] }, "ADD", () => {}),
  scenario(
    "ADD where another hand has changed the files, and left a torn one",
    hostLocal,
    "ADD",
    (net) => {
      some(net);
      net.write("10.0.0.77", "d\r\neth0");
      net.write("10.0.0.5", "");
      net.write(".1.tmp", "e\r\neth0");
    },
    { torn: "10.0.0.5", freed: (id) => id === "e" },
  ),
  scenario(
    "ADD that finds no address in its second range",
    { type: "host-local", ranges: [[v4], [{ subnet: "10.9.0.0/30" }]] },
    "ADD",
    (net) => void net.run("ADD", "a"),
  ),
  scenario(
    "the first ADD after a boot",
    hostLocal,
    "ADD",
    (net) => {
      some(net);
      net.reboot();
    },
    { freed: () => true },
  ),
];

for (const scenario of scenarios) {
  t.test(scenario.name, async (t) => {
    const { places, killed: count, failures } = await crashEverywhere(scenario, { killed, reference, strace });
    t.ok(places > 3, `${places} places`);
    // A runtime does not make quite the same calls every time, so a place may lie behind its end.
    t.ok(count >= places - 2, `killed at ${count} of them`);
    for (const failure of failures) t.fail(failure);
  });
}

t.test(
  "the reference is killed at its system calls: what it leaves is found and freed",
  { timeout: 240_000 },
  async (t) => {
    const net = new Network({ cniVersion: "1.0.0", ipam: hostLocal });
    t.teardown(() => net.remove());
    const about = { victim: "victim", freed: () => false };
    let torn = 0;
    for (const CNI_COMMAND of ["ADD", "DEL"]) {
      const command = {
        file: reference,
        args: [],
        variables: variables(CNI_COMMAND, "victim"),
        stdin: net.stdin(),
        dataDir: net.dataDir,
      };
      for (const call of ["openat", "write", "unlinkat"]) {
        for (let when = 1; when <= 12; when++) {
          net.clear();
          (CNI_COMMAND === "DEL" ? someAndVictim : some)(net);
          const kept = keptOf(net, about);
          if (!(await strace.kill(command, { call, when }))) break;
          if ([...net.held().values()].includes("")) torn++;
          net.run("ADD", "other");
          try {
            await examine(net, kept, about, undefined);
          } catch (error) {
            t.fail(
              `${CNI_COMMAND} killed before ${call} number ${when}: ${error instanceof Error ? error.message : error}`,
            );
          }
        }
      }
    }
    t.ok(torn > 0, `${torn} empty files were among them`);
  },
);
