// Kills a process just before one of its system calls (strace(1), --inject).
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../../differential/lib/reference.ts";
import { layer } from "../../machine/packages.ts";
import { programOf } from "../../machine/process.ts";

/** The system calls with which a plugin can change files; openat may make one. */
const CHANGING = [
  "openat",
  "write",
  "linkat",
  "unlink",
  "unlinkat",
  "rename",
  "renameat",
  "mkdir",
  "mkdirat",
  "ftruncate",
  "utimensat",
];

/** A system call by its name and how many of that name came before it. */
export interface Kill {
  readonly call: string;
  readonly when: number;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly variables: Record<string, string>;
  readonly stdin: string;
  /** Calls are those of this data folder. */
  readonly dataDir: string;
}

export interface Strace {
  /** Runs the command to its end. @returns the places to kill it at: every call that changes its data folder */
  places(command: Command): Promise<Kill[]>;
  /** @returns whether it was killed there; otherwise it has run to its end */
  kill(command: Command, at: Kill): Promise<boolean>;
}

export async function findStrace(): Promise<Strace> {
  const program = programOf(await layer("base"), "strace");
  const start = async (
    { file, args, variables, stdin }: Command,
    more: string[],
  ): Promise<{ status: number; log: string[] }> => {
    const folder = mkdtempSync(join(tmpdir(), "ipvlan-strace-"));
    const log = join(folder, "log");
    try {
      const options = ["-o", log, "-s", "200", "-e", `trace=${CHANGING.join(",")}`, ...more];
      // strace's own libraries must not become the plugin's.
      const unset = program.env.LD_LIBRARY_PATH === undefined ? [] : ["-E", "LD_LIBRARY_PATH"];
      const env = { ...variables, ...(program.env as Record<string, string>) };
      const { status } = await runProgram(program.path, [...options, ...unset, file, ...args], env, stdin);
      return { status, log: readFileSync(log, "utf8").split("\n") };
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  return {
    async places(command) {
      const { log } = await start(command, []);
      const counts = new Map<string, number>();
      const found: Kill[] = [];
      let begun = false;
      for (const line of log) {
        const call = /^(\w+)\(/.exec(line)?.[1];
        if (call === undefined) continue;
        const when = (counts.get(call) ?? 0) + 1;
        counts.set(call, when);
        begun ||= line.includes(command.dataDir);
        // What has no path works on a file that was opened here.
        const isHere = call === "write" || call === "ftruncate" ? begun : line.includes(command.dataDir);
        if (isHere && (call !== "openat" || /O_CREAT|O_TMPFILE/.test(line))) found.push({ call, when });
      }
      return found;
    },
    async kill(command, { call, when }) {
      const { log } = await start(command, ["-e", `inject=${call}:signal=KILL:when=${when}`]);
      return log.some((line) => line.includes("killed by SIGKILL"));
    },
  };
}
