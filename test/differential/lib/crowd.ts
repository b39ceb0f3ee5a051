// Many processes on one network at once.
import { random } from "./random.ts";
import { runProgram } from "./reference.ts";
import type { Json } from "./sequence.ts";

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

/** Runs one command as a process of its own. */
export async function command(
  program: Program,
  CNI_COMMAND: string,
  CNI_CONTAINERID: string,
  config: Json,
): Promise<{ status: number; answer: Json; seconds: number }> {
  const variables = {
    CNI_COMMAND,
    CNI_CONTAINERID,
    CNI_NETNS: "/run/netns/x",
    CNI_IFNAME: "eth0",
    CNI_PATH: "/nowhere",
  };
  const started = performance.now();
  const { status, stdout } = await runProgram(program.file, program.args, variables, JSON.stringify(config));
  const answer = stdout.trim() === "" ? {} : (JSON.parse(stdout) as Json);
  return { status, answer, seconds: (performance.now() - started) / 1000 };
}

export function addressesOf(answer: Json): string[] {
  return ((answer.ips as Json[] | undefined) ?? []).map(({ address }) => String(address).split("/")[0] as string);
}

export interface Crowd {
  readonly programs: readonly Program[];
  readonly config: Json;
  readonly seed: number;
  /** How many containers come and go at the same time, and how often each. */
  readonly size: number;
  readonly rounds: number;
}

/**
 * Containers that come and go at the same time, each command by one of the programs.
 * @returns the addresses held at the end, by container @throws Error where one address is given to two that are alive,
 * or a command fails for another reason than a full pool
 */
export async function churn({ programs, config, seed, size, rounds }: Crowd): Promise<Map<string, string[]>> {
  const alive = new Map<string, string[]>();
  const owners = new Map<string, string>();
  const container = async (id: string, own: number): Promise<void> => {
    const rng = random(own);
    for (let round = 0; round < rounds; round++) {
      const { status, answer } = await command(rng.pick(programs), "ADD", id, config);
      if (status === 0) {
        for (const address of addressesOf(answer)) {
          const other = owners.get(address);
          if (other !== undefined)
            throw new Error(`${address} was given to ${id} while ${other} held it (seed ${seed})`);
          owners.set(address, id);
        }
        alive.set(id, addressesOf(answer));
      } else if (!/no IP addresses available|no free address/.test(String(answer.msg))) {
        throw new Error(`ADD ${id}: ${answer.msg} (seed ${seed})`);
      }
      if (round === rounds - 1 && rng.chance(0.5)) return;
      for (const address of alive.get(id) ?? []) owners.delete(address);
      alive.delete(id);
      const del = await command(rng.pick(programs), "DEL", id, config);
      if (del.status !== 0) throw new Error(`DEL ${id}: ${del.answer.msg} (seed ${seed})`);
    }
  };
  await Promise.all(Array.from({ length: size }, (_, i) => container(`c${i}`, seed * 1000 + i)));
  return alive;
}
