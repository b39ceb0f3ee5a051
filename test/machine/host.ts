/**
 * Where kernel tests run their scripts.
 *
 * ```ts
 * const host = await openTestHost();
 * await host.ok("ip link add d0 type dummy && ip link add link d0 name i0 type ipvlan mode l3");
 * await host.close();
 * ```
 */

import { dirname } from "node:path";
import {
  type Channel,
  connect,
  createChannel,
  describe,
  helloTimeout,
  type Outcome,
  type ScriptOptions,
} from "./channel.ts";
import { localObstacle, startLocal } from "./local.ts";
import type { GuestGroup } from "./packages.ts";
import { progress } from "./process.ts";
import { machineError, type RunFolder, runFolder } from "./run-folder.ts";
import { bootVm } from "./vm.ts";

export type { Outcome, ScriptOptions } from "./channel.ts";

/** `vm`: the virtual machine. `local`: namespaces on the host's own kernel. */
export type Kind = "vm" | "local";

export interface TestHost {
  readonly kind: Kind;
  /** Runs a shell script as root in the test machine; rejects only when the machine itself fails or time runs out. */
  sh(script: string, options?: ScriptOptions): Promise<Outcome>;
  /** sh that throws with stdout and stderr shown unless the exit code is 0; returns stdout. */
  ok(script: string, options?: ScriptOptions): Promise<string>;
  close(): Promise<void>;
}

export interface MachineOptions {
  /** Groups of packages that the machine must have besides the base. */
  groups?: readonly GuestGroup[];
  /** Of the virtual machine; default 2, so that processes of the guest really run at once. */
  processors?: number;
  /** The virtual machine's kernel is not made faster than what users have. */
  stock?: boolean;
}

/**
 * A machine for the tests of this process: the one that the suite's runner started (see {@link startMachine}), else one
 * of its own that ends with {@link TestHost.close} or with this process.
 */
export async function openTestHost({ groups = [], ...options }: MachineOptions = {}): Promise<TestHost> {
  const socket = process.env.IPVLAN_TEST_SOCKET;
  const there = process.env.IPVLAN_TEST_GROUPS?.split(",") ?? [];
  if (socket && groups.every((group) => there.includes(group))) {
    return attach(runFolder(dirname(socket)), async () => {});
  }
  if ((await chooseKind()) === "local") {
    const { channel, stop } = await startLocal(groups);
    return testHost("local", channel, stop);
  }
  const vm = await bootVm({ groups, ...options });
  return attach(vm.folder, vm.stop);
}

export interface StartedMachine {
  kind: Kind;
  /** To be set for the processes of the tests, whose {@link openTestHost} then uses this machine. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/**
 * Starts the machine that all test files of a run share, one file after another. On the host's own kernel there is
 * nothing to share: each file makes its own namespaces, which takes no time.
 */
export async function startMachine({ groups = [], ...options }: MachineOptions = {}): Promise<StartedMachine> {
  const kind = await chooseKind();
  if (kind === "local") {
    return { kind, env: { IPVLAN_TEST_KIND: kind }, stop: async () => {} };
  }
  const { folder, stop } = await bootVm({ groups, ...options });
  const env = { IPVLAN_TEST_KIND: kind, IPVLAN_TEST_SOCKET: folder.socket, IPVLAN_TEST_GROUPS: groups.join(",") };
  return { kind, env, stop };
}

/** The kind that `$IPVLAN_TEST_KIND` asks for, else `local` where that works. */
export async function chooseKind(): Promise<Kind> {
  const asked = process.env.IPVLAN_TEST_KIND;
  if (asked === "vm" || asked === "local") {
    return asked;
  }
  const obstacle = await localObstacle();
  if (obstacle !== undefined) {
    progress(`booting a virtual machine (here: ${obstacle})`);
  }
  return obstacle === undefined ? "local" : "vm";
}

/** Connects to the channel of a virtual machine. */
export async function attach(folder: RunFolder, stop: () => Promise<void>): Promise<TestHost> {
  const explain = (seen: string) => machineError(folder, seen);
  const wire = await connect(folder.socket).catch((error) => {
    throw explain(`it is not there (${error.message})`);
  });
  const channel = createChannel(wire, folder.share, explain);
  await channel.hello(helloTimeout);
  return testHost("vm", channel, stop);
}

function testHost(kind: Kind, channel: Channel, stop: () => Promise<void>): TestHost {
  const sh = channel.run;
  return {
    kind,
    sh,
    async ok(script, options) {
      const outcome = await sh(script, options);
      if (outcome.code !== 0) {
        throw new Error(`exit code ${outcome.code}\n${describe(script, outcome)}`);
      }
      return outcome.stdout;
    },
    async close() {
      channel.close();
      await stop();
    },
  };
}
