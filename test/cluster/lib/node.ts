// A node of a cluster: a folder of its own, and the allocator as a program.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../../../build/paths.ts";
import { runProgram } from "../../differential/lib/reference.ts";

// biome-ignore lint/suspicious/noExplicitAny: results of the protocol
type Json = any;

export interface Answer {
  readonly status: number;
  readonly json: Json;
}

export interface NodeOptions {
  readonly driver: string;
  readonly folder: string;
  readonly name: string;
  readonly cluster: object;
  readonly subnets: readonly object[];
  readonly network?: string;
  /** More of the ipam. */
  readonly ipam?: object;
}

const earlierBoot = "an-earlier-one";

export class Node {
  readonly name: string;
  readonly #options: NodeOptions;

  constructor(options: NodeOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get network(): string {
    return this.#options.network ?? "net1";
  }

  get dataDir(): string {
    return join(this.#options.folder, this.name);
  }

  config(ipam: object = {}, more: object = {}): object {
    const { cluster, subnets, name } = this.#options;
    return {
      cniVersion: "1.1.0",
      name: this.network,
      type: "ipvlan",
      master: "eth0",
      ...more,
      ipam: { subnets, cluster: { node: name, ...cluster }, dataDir: this.dataDir, ...this.#options.ipam, ...ipam },
    };
  }

  /** @param pod by whose name the container comes, in the namespace db */
  async call(command: string, container: string, config: object = this.config(), pod?: string): Promise<Answer> {
    const { variables, stdin } = this.invocation(command, container, config, pod);
    const { status, stdout } = await runProgram(this.#options.driver, [], variables, stdin);
    return { status, json: stdout.trim() === "" ? {} : JSON.parse(stdout) };
  }

  /** What the driver is started with. */
  invocation(
    command: string,
    container: string,
    config: object = this.config(),
    pod?: string,
  ): { variables: Record<string, string>; stdin: string } {
    const variables = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: "/run/netns/x",
      CNI_IFNAME: "eth0",
      CNI_PATH: at("dist/pkg"),
      ...(pod === undefined
        ? {}
        : { CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=db;K8S_POD_NAME=${pod};K8S_POD_UID=1` }),
    };
    return { variables, stdin: JSON.stringify(config) };
  }

  /** @returns the addresses; @throws Error with the plugin's */
  async add(container: string, ...requested: string[]): Promise<string[]> {
    return this.addPod(undefined, container, ...requested);
  }

  /** The same for a pod whose addresses follow its name. */
  async addPod(pod: string | undefined, container: string, ...requested: string[]): Promise<string[]> {
    const more = requested.length === 0 ? {} : { args: { cni: { ips: requested } } };
    const { status, json } = await this.call("ADD", container, this.config({}, more), pod);
    if (status !== 0) throw Object.assign(new Error(json.msg), { code: json.code });
    return json.ips.map(({ address }: { address: string }) => address.split("/")[0]);
  }

  async del(container: string, pod?: string): Promise<void> {
    const { status, json } = await this.call("DEL", container, this.config(), pod);
    if (status !== 0) throw new Error(json.msg);
  }

  /** Who holds what, by the files. */
  held(): Map<string, string> {
    const folder = join(this.dataDir, this.network);
    const held = new Map<string, string>();
    for (const name of names(folder)) {
      if (!/^[\d.]+$|:/.test(name) || name.startsWith(".")) continue;
      try {
        held.set(name, readFileSync(join(folder, name), "utf8").split("\r\n")[0] as string);
      } catch {
        // Given back meanwhile.
      }
    }
    return held;
  }

  get #claimsFile(): string {
    return join(this.dataDir, ".ipvlan-cni/cluster", this.network);
  }

  claims(): Json {
    return JSON.parse(readFileSync(this.#claimsFile, "utf8"));
  }

  /** Changes what the node remembers of its claims. */
  amend(change: (claims: Json) => object): void {
    writeFileSync(`${this.#claimsFile}.new`, JSON.stringify(change(this.claims())));
    renameSync(`${this.#claimsFile}.new`, this.#claimsFile);
  }

  /** Every container is gone, and the kernel has another boot id: by the boots that are on record. */
  reboot(): void {
    this.amend((claims) => ({ ...claims, boot: earlierBoot }));
    const index = join(this.dataDir, ".ipvlan-cni/networks", this.network);
    writeFileSync(join(index, "boot"), earlierBoot);
  }

  /** It was rebooted, and has not asked the store since. */
  get isOff(): boolean {
    try {
      return this.claims().boot === earlierBoot;
    } catch {
      // It has never asked.
      return false;
    }
  }
}

/** Nodes of one network, each with a folder below `folder`. */
export function makeNodes(
  { folder, network, cluster, ...options }: Omit<NodeOptions, "name"> & { readonly network: string },
  names: readonly string[] = ["a", "b", "c"],
): Node[] {
  const own = join(folder, network);
  mkdirSync(own);
  const sized = { blockSize: { ipv4: 28, ipv6: 124 }, ...cluster };
  return names.map(
    (name) => new Node({ ...options, network, folder: own, cluster: sized, name: `${network}-${name}` }),
  );
}

/** With what a call fails; code 0 where it does not. */
export const failure = (call: Promise<unknown>): Promise<{ code: number; message: string }> =>
  call.then(
    () => ({ code: 0, message: "" }),
    (error) => error,
  );

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
