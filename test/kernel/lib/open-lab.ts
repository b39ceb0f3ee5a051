import t, { type Test } from "tap";
import { openTestHost } from "../../machine/host.ts";
import type { GuestGroup } from "../../machine/packages.ts";
import { createLab, type Lab } from "./lab.ts";
import { leftovers } from "./leftovers.ts";

/**
 * Opens the test machine with nothing in it, and closes it when the tests of this file are over.
 * @param groups of packages besides the base
 */
export async function openLab(groups: readonly GuestGroup[] = []): Promise<Lab> {
  t.setTimeout(0); // the runner limits the file's time
  const machine = await openTestHost({ groups });
  t.teardown(() => machine.close());
  return createLab(machine);
}

/** Fails unless the hosts hold nothing of the plugin's: no link of its own, no record, no reservation. */
export async function nothingLeft(test: Test, lab: Lab, hosts: readonly string[] = ["h1"]): Promise<void> {
  for (const host of hosts) test.equal(await lab.ok(leftovers(host)), "", `nothing of the plugin's is left on ${host}`);
}
