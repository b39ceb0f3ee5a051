import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** One for another processor (test/install/arm64.test.ts), alone. */
const other = process.env.IPVLAN_TEST_EXECUTABLE;

/** Both executables, and the native one with sanitizers, for tests that need no ipvlan in the kernel. */
export const executables = other
  ? [{ name: "arm64", path: other }]
  : ["native", "pkg", "sanitized"].map((name) => ({
      name,
      path: fileURLToPath(new URL(`../../../dist/${name}/ipvlan`, import.meta.url)),
    }));

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON; undefined where it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: results and errors of every version of the protocol
  readonly json: any;
}

/** Runs an executable with nothing in its environment but what is given. */
export function run(
  path: string,
  environment: Readonly<Record<string, string>>,
  stdin: string | object,
  cwd?: string,
): Answer {
  const child = spawnSync(path, [], {
    env: environment,
    input: typeof stdin === "string" ? stdin : JSON.stringify(stdin),
    encoding: "utf8",
    timeout: 20_000,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (child.error !== undefined) throw child.error;
  const { status: code, stdout, stderr } = child;
  return { code, stdout, stderr, json: stdout === "" ? undefined : JSON.parse(stdout) };
}

/** The variables of an ADD of a container whose namespace does not exist. */
export const addEnvironment = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/nowhere/netns",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/usr/lib/cni",
};

export const config = {
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  ipam: { subnets: [{ subnet: "192.168.1.0/24" }] },
};
