/**
 * The programs of a Kubernetes cluster, built once into the cache by the Go module proxy: the control plane, what runs on nodes, and
 * Kubernetes' own suite. What Debian has comes from there: etcd, runc, kubectl.
 */
import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachedFolder } from "../../../build/cache.ts";
import { Obstacle } from "../../../build/obstacle.ts";

export const versions = {
  kubernetes: "1.37.2",
  containerd: "2.4.2",
  crictl: "1.37.0",
  coredns: "1.15.0",
} as const;

const kubernetes = "k8s.io/kubernetes";
const commands = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"];

/** What is linked into all of them: no symbols, nothing of the machine that built it. */
const flags = ["-trimpath", "-ldflags=-s -w"];

/** A step of the preparation, with what it costs where it was not done before. */
interface Step {
  readonly name: string;
  readonly cost: string;
  readonly fill: (folder: string) => Promise<void>;
}

const steps = {
  kubernetes: {
    name: `kubernetes-${versions.kubernetes}`,
    cost: "10 minutes of processor, 400 MB",
    async fill(folder) {
      const module = join(folder, "module");
      await kubernetesModule(module);
      const programs = [...commands.map((name) => `${kubernetes}/cmd/${name}`), `${kubernetes}/test/images/agnhost`];
      await go(module, ["build", ...flags, "-o", `${folder}/`, ...programs]);
      await go(module, ["test", "-c", ...flags, "-o", join(folder, "e2e.test"), `${kubernetes}/test/e2e`]);
    },
  },
  containerd: {
    name: `containerd-${versions.containerd}`,
    cost: "3 minutes of processor, 100 MB",
    async fill(folder) {
      const containerd = "github.com/containerd/containerd/v2";
      const module = join(folder, "module");
      await moduleOf(module, containerd, `v${versions.containerd}`);
      const programs = ["containerd", "containerd-shim-runc-v2", "ctr"].map((name) => `${containerd}/cmd/${name}`);
      const tags = "-tags=no_btrfs,no_devmapper,no_zfs,no_aufs";
      await go(module, ["build", ...flags, tags, "-o", `${folder}/`, ...programs]);
    },
  },
  crictl: {
    name: `crictl-${versions.crictl}`,
    cost: "1 minute of processor, 40 MB",
    async fill(folder) {
      const tools = "sigs.k8s.io/cri-tools";
      const module = join(folder, "module");
      await moduleOf(module, tools, `v${versions.crictl}`);
      await go(module, ["build", ...flags, "-o", `${folder}/`, `${tools}/cmd/crictl`]);
    },
  },
  coredns: {
    name: `coredns-${versions.coredns}`,
    cost: "4 minutes of processor, 55 MB",
    async fill(folder) {
      const coredns = "github.com/coredns/coredns";
      const module = join(folder, "module");
      await moduleOf(module, coredns, `v${versions.coredns}`);
      writeFileSync(join(module, "main.go"), corednsProgram(coredns));
      await go(module, ["build", ...flags, "-o", join(folder, "coredns"), "."]);
    },
  },
} satisfies Record<string, Step>;

export type ProgramSet = keyof typeof steps;

/**
 * The folder of each set of programs.
 * @throws Obstacle where Go is not on the machine
 */
export async function programs(say: (line: string) => void): Promise<Record<ProgramSet, string>> {
  if (spawnSync("go", ["version"]).error !== undefined) {
    throw new Obstacle(
      "the programs of the cluster are built from Go modules, and go is not on this machine: install Go 1.26",
    );
  }
  const folders: Partial<Record<ProgramSet, string>> = {};
  for (const [set, { name, cost, fill }] of Object.entries(steps) as [ProgramSet, Step][]) {
    folders[set] = await cachedFolder(`kubernetes/${name}`, async (folder) => {
      say(`building ${name}: once, ${cost}`);
      await fill(folder);
    });
  }
  return folders as Record<ProgramSet, string>;
}

/**
 * A module that has Kubernetes as a dependency, with Kubernetes' own choice of versions: its go.mod, in which the modules that
 * it is developed with are those that are published with it.
 */
async function kubernetesModule(folder: string): Promise<void> {
  const { kubernetes: version } = versions;
  const source = await download(kubernetes, `v${version}`);
  const own = readFileSync(join(source, "go.mod"), "utf8");
  const published = version.replace(/^1\./, "v0.");
  const staged = [...own.matchAll(/^\s*(?:replace\s+)?(k8s\.io\/[\w-]+) => \.\/staging\/\S+$/gm)].map(
    (match) => match[1] as string,
  );
  const used = [...own.matchAll(/^\s*(k8s\.io\/[\w-]+) v0\.0\.0(?: \/\/ indirect)?$/gm)].map(
    (match) => match[1] as string,
  );
  const modules = [...new Set([...staged, ...used])];
  const text = own
    .replace(/^module .*$/m, "module programs")
    .replace(/^\s*(?:replace\s+)?k8s\.io\/[\w-]+ => \.\/staging\/\S+$/gm, "");
  const replaced = modules.map((name) => `\t${name} => ${name} ${published}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "go.mod"),
    `${text}\nrequire ${kubernetes} v${version}\n\nreplace (\n${replaced.join("\n")}\n)\n`,
  );
  writeFileSync(join(folder, "go.sum"), readFileSync(join(source, "go.sum")));
  chmodSync(join(folder, "go.sum"), 0o644);
}

/** The folder of Kubernetes' sources. */
export const kubernetesSource = (): Promise<string> => download(kubernetes, `v${versions.kubernetes}`);

/** A module with one dependency. */
async function moduleOf(folder: string, dependency: string, version: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await go(folder, ["mod", "init", "programs"]);
  await go(folder, ["get", `${dependency}@${version}`]);
}

async function download(path: string, version: string): Promise<string> {
  const { Dir } = JSON.parse(await go(process.cwd(), ["mod", "download", "-json", `${path}@${version}`])) as {
    Dir: string;
  };
  return Dir;
}

/** Runs go in a folder. @returns its standard output */
async function go(folder: string, words: readonly string[]): Promise<string> {
  const options: SpawnOptions = {
    cwd: folder,
    // Without cgo the programs run in any guest. The garbage collector would take half of the time.
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod -buildvcs=false", GOGC: "300", GOWORK: "off" },
    stdio: ["ignore", "pipe", "pipe"],
  };
  const child = spawn("go", words, options);
  const [out, errors]: string[] = ["", ""];
  const output = { out: out as string, errors: errors as string };
  child.stdout?.on("data", (part) => (output.out += part));
  child.stderr?.on("data", (part) => (output.errors += part));
  const status = await new Promise((resolve) => child.on("close", resolve));
  if (status !== 0) throw new Error(`go ${words.join(" ")}: ${output.errors.trim().split("\n").slice(-20).join("\n")}`);
  return output.out;
}

/** CoreDNS with what cluster DNS needs of it. */
function corednsProgram(coredns: string): string {
  const plugins = ["errors", "health", "kubernetes", "ready", "cache", "loop"];
  const order = ["errors", "health", "ready", "cache", "loop", "kubernetes"];
  return `package main

import (
	"${coredns}/core/dnsserver"
	"${coredns}/coremain"
${plugins.map((name) => `\t_ "${coredns}/plugin/${name}"`).join("\n")}
)

func init() { dnsserver.Directives = []string{${order.map((name) => `"${name}"`).join(", ")}} }

func main() { coremain.Run() }
`;
}
