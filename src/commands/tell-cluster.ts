import { lastingName } from "../cni/args.ts";
import { foldersOf } from "../cni/environment.ts";
import { parseNetworkConfig } from "../config/parse.ts";
import type { RemovalConfig } from "../config/removal.ts";
import { PluginError } from "../errors.ts";
import type { Claims } from "../ipam/cluster/claims.ts";
import { type ClusterPool, clusterPool, tellStore } from "../ipam/cluster/contact.ts";
import { atHand, fullName, hasName } from "../ipam/cluster/names.ts";
import type { Invocation } from "./invocation.ts";

type Asked = Omit<Invocation, "print">;

/** Behind DEL: where the addresses of the container follow its name, they may go to another node now. */
export function tellNameIsGone(asked: Asked, { ipam }: Pick<RemovalConfig, "ipam">): void {
  const { args, ifname } = asked.environment;
  const name = "isSticky" in ipam ? lastingName(args) : undefined;
  if (name === undefined) return;
  const full = fullName(name, ifname);
  tellCluster(
    asked,
    (pool) => hasName(pool, full),
    (claims) => atHand(claims, full) === undefined,
  );
}

/**
 * Tells the cluster's store what has become of this node's claims, where it is reached; it learns of it later where not.
 * @param isWorth whether there is anything to tell
 * @param isTold whether claims that another process has got meanwhile show that it is told
 */
export function tellCluster(
  { environment, variables, stdin, warn }: Asked,
  isWorth: (pool: ClusterPool) => boolean = () => true,
  isTold?: (claims: Claims) => boolean,
): void {
  try {
    const { config } = parseNetworkConfig(stdin, environment);
    const pool = clusterPool(config, foldersOf(variables.CNI_PATH ?? ""), warn);
    if (pool === undefined || !isWorth(pool)) return;
    const { failure } = tellStore(pool, isTold);
    if (failure !== undefined) warn(`the cluster's store is not reached since ${failure.since}: ${failure.message}`);
  } catch (error) {
    // DEL and GC have a meaning for configurations that can no longer be read in full, too.
    if (!(error instanceof PluginError)) throw error;
    warn(error.message);
  }
}
