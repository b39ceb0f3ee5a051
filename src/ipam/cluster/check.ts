import type { Result } from "../../cni/result.ts";
import { ErrorCode, PluginError } from "../../errors.ts";
import { formatAddress } from "../../ip/address.ts";
import { type Bounds, finder } from "../../ip/bounds.ts";
import { covers, lockedClaims } from "./claims.ts";
import type { ClusterPool } from "./contact.ts";

/** CHECK: the addresses of `previous` that are in these spans are still this node's, by what the store said last. */
export function checkClaimed({ dataDir, network }: ClusterPool, spans: readonly Bounds[], previous: Result): void {
  const claims = lockedClaims(dataDir, network);
  if (claims === undefined) return;
  const spanOf = finder(spans);
  for (const { address } of previous.ips) {
    if (spanOf(address.address) === undefined || covers(claims, address.address)) continue;
    throw new PluginError(
      ErrorCode.checkFailed,
      `${formatAddress(address.address)} is not the node ${claims.node}'s any more: its claims were released, and another node may ` +
        "give the address to a container: this one must be attached again (DEL, then ADD)",
      "/ipam/cluster",
    );
  }
}
