// A network on a data folder of its own, used as a runtime would: configurations in JSON, commands by container.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseNetworkConfig } from "../../../../src/config/parse.ts";
import { PluginError } from "../../../../src/errors.ts";
import {
  type Address,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "../../../../src/ip/address.ts";
import type { Ipam } from "../../../../src/ipam/ipam.ts";
import { openIpam } from "../../../../src/ipam/open.ts";

export type Json = Record<string, unknown>;

export interface Network {
  readonly dataDir: string;
  /** Where the reservations are. */
  readonly folder: string;
  ipam(containerId: string, options?: Options): Ipam;
  /** The addresses that ADD gives: `ADDRESS/LENGTH`. */
  add(containerId: string, options?: Options): string[];
  del(containerId: string, options?: Options): void;
  /** Address to `ID IFNAME`, from the files themselves. */
  held(): Record<string, string>;
  /** Writes a file as another hand would. */
  write(name: string, text: string): void;
  read(name: string): string;
}

export interface Options {
  readonly ifname?: string;
  /** Addresses asked for by CNI_ARGS. */
  readonly ips?: readonly string[];
  /** Another configuration than the network's: keys of the whole. */
  readonly config?: Json;
  /** Addresses and routes of the host; read when the allocator asks for them. */
  readonly host?: readonly string[];
  /** Addresses of the host's own. */
  readonly hostAddresses?: readonly string[];
  /** Addresses that turned out to be in use. */
  readonly avoided?: readonly string[];
  readonly environment?: Record<string, string>;
}

export function temporaryFolder(t: { teardown: (work: () => void) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-ipam-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * @param ipam the configuration's `ipam`, without dataDir
 * @param keys of the configuration besides
 */
export function network(dataDir: string, name: string, ipam: Json, keys: Json = {}): Network {
  const folder = join(dataDir, name);
  const open = (containerId: string, options: Options = {}): Ipam => {
    const { ifname = "eth0", ips = [] } = options;
    const raw = {
      cniVersion: "1.1.0",
      name,
      type: "ipvlan",
      master: "eth0",
      ipam: { ...ipam, dataDir },
      ...keys,
      ...options.config,
    };
    const stdin = JSON.stringify(raw);
    const args = ips.length === 0 ? "" : `IgnoreUnknown=1;IP=${ips.join(",")}`;
    const { config } = parseNetworkConfig(stdin, { command: "ADD", args, netns: "/run/netns/x", ifname });
    const hostPrefixes = () => (options.host ?? []).map((text) => parsePrefix(text) as Prefix);
    const isHostAddress = (address: Address) => options.hostAddresses?.includes(formatAddress(address)) ?? false;
    const environment = options.environment ?? {};
    return openIpam({ config, containerId, ifname, stdin, environment, hostPrefixes, isHostAddress });
  };
  return {
    dataDir,
    folder,
    ipam: open,
    add: (containerId, options) =>
      open(containerId, options)
        .add(options?.avoided?.map((text) => parseAddress(text) as Address))
        .addresses.map(({ address }) => formatPrefix(address)),
    del: (containerId, options) => open(containerId, options).del(),
    held: () => heldIn(folder),
    write: (file, text) => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, file), text);
    },
    read: (file) => readFileSync(join(folder, file), "utf8"),
  };
}

/** Address to `ID IFNAME`. */
export function heldIn(folder: string): Record<string, string> {
  const held: Record<string, string> = {};
  if (!existsSync(folder)) return held;
  for (const file of readdirSync(folder).sort()) {
    if (file === "lock" || file.startsWith("last_reserved_ip.")) continue;
    held[file] = readFileSync(join(folder, file), "utf8").replace("\r\n", " ");
  }
  return held;
}

/** The gateways that ADD gives. */
export function gateways(ipam: Ipam): (string | undefined)[] {
  return ipam.add().addresses.map(({ gateway }) => (gateway === undefined ? undefined : formatAddress(gateway)));
}

/** Code and message of the PluginError that is thrown. */
export function errorOf(work: () => unknown): { code: number; message: string; details: string } {
  try {
    work();
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    return { code: error.code, message: error.message, details: error.details };
  }
  throw new Error("nothing was thrown");
}

/** Whether the next command can answer from the index: nothing has touched the folder since the last. */
export function modified(folder: string): bigint {
  return statSync(folder, { bigint: true }).mtimeNs;
}
