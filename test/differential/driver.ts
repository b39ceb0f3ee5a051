/**
 * The IPAM alone as an executable, with the protocol of an IPAM plugin: environment and standard input in, result or error on standard
 * output. It stands for the whole plugin where no ipvlan is to be made.
 */
import { port } from "#system";
import { parseEnvironment } from "../../src/cni/environment.ts";
import { parseValidAttachments } from "../../src/cni/gc.ts";
import type { Dns } from "../../src/cni/result.ts";
import { resultToJson } from "../../src/cni/result-to-json.ts";
import { parseNetworkConfig } from "../../src/config/parse.ts";
import { parseForRemoval } from "../../src/config/removal.ts";
import { ErrorCode, PluginError } from "../../src/errors.ts";
import { type Prefix, parsePrefix } from "../../src/ip/address.ts";
import { type Ipam, openForRemoval, openIpam } from "../../src/ipam/ipam.ts";
import { readAll, writeAll } from "../../src/system/files.ts";
import { decode, encode } from "../../src/system/text.ts";

const noDns: Dns = {};

function main(): string {
  const environment = parseEnvironment(port.environment);
  const { command, containerId, ifname } = environment;
  const stdin = decode(readAll(0, "stdin"));
  const common = { containerId, ifname, stdin, environment: port.environment };
  if (command === "DEL" || command === "GC") {
    const ipam = openForRemoval({ ...common, config: parseForRemoval(stdin, environment) });
    if (command === "DEL") ipam.del();
    else ipam.gc(parseValidAttachments(stdin));
    return "";
  }
  const { config } = parseNetworkConfig(stdin, environment);
  // The host's addresses and routes, as the whole plugin reads them from netlink.
  const hostPrefixes = () =>
    (port.environment.HOST_PREFIXES ?? "").split(",").flatMap((text): Prefix[] => {
      const prefix = parsePrefix(text);
      return prefix === undefined ? [] : [prefix];
    });
  const ipam: Ipam = openIpam({ ...common, config, hostPrefixes });
  if (command === "ADD") {
    const { addresses, routes, dns } = ipam.add();
    return JSON.stringify(
      resultToJson({ interfaces: [], ips: addresses, routes, dns: dns ?? noDns }, config.cniVersion),
    );
  }
  if (command === "CHECK") ipam.check(config.prevResult ?? { interfaces: [], ips: [], routes: [], dns: noDns });
  if (command === "STATUS") ipam.status();
  return "";
}

let status = 0;
let output: string;
try {
  output = main();
} catch (error) {
  status = 1;
  const known = error instanceof PluginError;
  const code = known ? error.code : ErrorCode.internal;
  const msg = error instanceof Error ? error.message : String(error);
  output = JSON.stringify({ code, msg, details: known ? error.details : (error as Error).stack });
}
writeAll(1, encode(output), "stdout");
port.exit(status);
