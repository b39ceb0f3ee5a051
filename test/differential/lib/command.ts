/**
 * The IPAM alone as a command, with the protocol of an IPAM plugin: environment and standard input in, exit status and
 * standard output out. It stands for the whole plugin where no ipvlan is to be made.
 */
import { parseEnvironment } from "../../../src/cni/environment.ts";
import { parseValidAttachments } from "../../../src/cni/gc.ts";
import { formatError, formatResult } from "../../../src/cni/print.ts";
import type { Result } from "../../../src/cni/result.ts";
import { requireCommand } from "../../../src/cni/versions.ts";
import { tellCluster, tellNameIsGone } from "../../../src/commands/tell-cluster.ts";
import { parseNetworkConfig } from "../../../src/config/parse.ts";
import { parseForRemoval } from "../../../src/config/removal.ts";
import { type Prefix, parsePrefix } from "../../../src/ip/address.ts";
import { openForRemoval, openIpam } from "../../../src/ipam/open.ts";
import { tell } from "../../../src/system/standard-error.ts";

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** @param variables the protocol's, and HOST_PREFIXES: the host's addresses and routes, comma-separated */
export function runIpam(variables: Variables, stdin: string): Outcome {
  try {
    return { status: 0, stdout: answer(variables, stdin) };
  } catch (error) {
    return { status: 1, stdout: formatError(error, stdin) };
  }
}

const none: Result = { interfaces: [], ips: [], routes: [], dns: {} };

function answer(variables: Variables, stdin: string): string {
  const environment = parseEnvironment(variables);
  const { command, containerId, ifname } = environment;
  const common = { containerId, ifname, stdin, environment: variables };
  if (command === "DEL" || command === "GC") {
    const config = parseForRemoval(stdin, environment);
    const ipam = openForRemoval({ ...common, config });
    const asked = { environment, variables, stdin, warn: tell };
    if (command === "GC") {
      ipam.gc(parseValidAttachments(stdin) ?? []);
      if ("inCluster" in config.ipam) tellCluster(asked);
    } else {
      ipam.del();
      tellNameIsGone(asked, config);
    }
    return "";
  }
  const { config } = parseNetworkConfig(stdin, environment);
  requireCommand(command, config.cniVersion);
  const ipam = openIpam({
    ...common,
    config,
    hostPrefixes: () => prefixes(variables.HOST_PREFIXES ?? ""),
    isHostAddress: () => false,
  });
  if (command === "CHECK") ipam.check(config.prevResult ?? none);
  if (command === "STATUS") ipam.status();
  if (command !== "ADD") return "";
  const { addresses, routes, dns } = ipam.add();
  return formatResult({ interfaces: [], ips: addresses, routes, dns: dns ?? none.dns }, config.cniVersion);
}

function prefixes(list: string): Prefix[] {
  return list.split(",").flatMap((text) => parsePrefix(text) ?? []);
}
