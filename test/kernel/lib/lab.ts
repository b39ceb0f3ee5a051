import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Outcome, ScriptOptions, TestHost } from "../../machine/host.ts";

const prelude = readFileSync(join(dirname(fileURLToPath(import.meta.url)), "prelude.sh"), "utf8");
const root = fileURLToPath(new URL("../../..", import.meta.url)).replace(/\/$/, "");

/** The executable under test: `$IPVLAN_PLUGIN` is native or pkg. */
export const executable = process.env.IPVLAN_PLUGIN ?? "native";
export const pluginPath = `${root}/dist/${executable}/ipvlan`;

/** One call of the plugin. */
export interface Call {
  readonly command?: "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION";
  /** Host in whose namespace the runtime runs; default "h1". */
  readonly host?: string;
  /** Container's namespace, by its name under /run/netns, or a path. */
  readonly netns?: string;
  /** Default: the name of the namespace. */
  readonly id?: string;
  /** Default "eth0". */
  readonly ifname?: string;
  readonly args?: string;
  readonly path?: string;
  /** Configuration: a value, or the text as it is. */
  readonly config: object | string;
  /** Overrides; undefined takes a variable away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly plugin?: string;
}

/** What a call of the plugin answered. */
export interface Answer extends Outcome {
  /** stdout as JSON; undefined where it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: results and errors of every version of the protocol
  readonly json: any;
}

export interface Lab {
  /** Runs a script that may use the prelude's words. */
  sh(script: string, options?: ScriptOptions): Promise<Outcome>;
  /** The same; fails the test with all output unless the exit code is 0. @returns stdout */
  ok(script: string, options?: ScriptOptions): Promise<string>;
  /** Calls the plugin once for each, one after another. */
  calls(calls: readonly Call[]): Promise<Answer[]>;
  /** The same, all at once; those of an inner list one after another. @returns the answers in the order of the calls */
  together(calls: readonly (Call | readonly Call[])[]): Promise<Answer[]>;
  call(call: Call): Promise<Answer>;
  /** ADD that must succeed. @returns the result */
  // biome-ignore lint/suspicious/noExplicitAny: results of every version of the protocol
  add(call: Call): Promise<any>;
  /** DEL that must succeed without a word. */
  del(call: Call): Promise<void>;
}

/** The words of a test over a test machine, which is emptied of what an earlier test left. */
export async function createLab(machine: TestHost): Promise<Lab> {
  const withPrelude = (script: string) => `${prelude}\n${script}`;
  const lab: Lab = {
    sh: (script, options) => machine.sh(withPrelude(script), options),
    async ok(script, options) {
      const { code, stdout, stderr } = await lab.sh(script, options);
      if (code !== 0) throw new Error(`exit code ${code} of ${script}\n${stdout}${stderr}`);
      return stdout;
    },
    async calls(calls) {
      const text = await lab.ok(calls.map((call) => callScript(call, "/tmp/lab")).join("\n"), { timeoutMs: 120_000 });
      return parseAnswers(text);
    },
    async together(calls) {
      const folders = calls.map((_, index) => `/tmp/lab/call.${index}`);
      const script = [
        `mkdir -p ${folders.join(" ")}`,
        ...calls.map((call, index) => {
          const folder = `${folders[index]}`;
          const scripts = [call].flat().map((one) => callScript(one, folder));
          return `{\n${scripts.join("\n")}\n} > ${folder}/answer &`;
        }),
        "wait",
        ...folders.map((folder) => `spill ${folder}/answer`),
      ];
      return parseAnswers(await lab.ok(script.join("\n"), { timeoutMs: 120_000 }));
    },
    async call(call) {
      const [answer] = await lab.calls([call]);
      if (answer === undefined) throw new Error("the plugin's call gave no answer");
      return answer;
    },
    async add(call) {
      const answer = await lab.call({ ...call, command: "ADD" });
      if (answer.code !== 0) throw new Error(`ADD failed: ${answer.stdout}${answer.stderr}`);
      return answer.json;
    },
    async del(call) {
      const answer = await lab.call({ ...call, command: "DEL" });
      if (answer.code !== 0 || answer.stdout !== "") throw new Error(`DEL failed: ${answer.stdout}${answer.stderr}`);
    },
  };
  await lab.ok("reset");
  return lab;
}

/** The variables of a call, as a runtime sets them. */
export function environmentOf(call: Call): Record<string, string> {
  const netns = call.netns === undefined ? "" : call.netns.includes("/") ? call.netns : `/run/netns/${call.netns}`;
  const environment: Record<string, string | undefined> = {
    CNI_COMMAND: call.command ?? "ADD",
    CNI_CONTAINERID: call.id ?? call.netns ?? "none",
    CNI_NETNS: netns,
    CNI_IFNAME: call.ifname ?? "eth0",
    CNI_ARGS: call.args ?? "",
    CNI_PATH: call.path ?? "/usr/lib/cni",
    ...call.environment,
  };
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * The words that make a call and print its answer.
 * @param folder of the call's own, where others run beside it
 */
export function callScript(call: Call, folder: string): string {
  const config = typeof call.config === "string" ? call.config : JSON.stringify(call.config);
  const variables = Object.entries(environmentOf(call)).map(([name, value]) => quote(`${name}=${value}`));
  return [
    `cat > ${folder}/stdin <<'END-OF-CONFIGURATION'\n${config}\nEND-OF-CONFIGURATION`,
    // In a subshell, for the variables' sake.
    `(export ${variables.join(" ")}; call ${folder} on ${call.host ?? "h1"} ${quote(call.plugin ?? pluginPath)})`,
  ].join("\n");
}

function parseAnswers(text: string): Answer[] {
  return [...text.matchAll(/^@(\d+)\n([\s\S]*?)\n@@\n([\s\S]*?)\n@@\n/gm)].map(
    ([, code, stdout = "", stderr = ""]) => ({
      code: Number(code),
      stdout,
      stderr,
      json: stdout === "" ? undefined : JSON.parse(stdout),
    }),
  );
}

/** A word for the shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
