import type { NetworkConfig } from "../config/network-config.ts";
import { UsageError } from "./arguments.ts";
import { configurationFiles, defaultFolder, type Network, readConfigurations } from "./configurations.ts";

/** A network of ours that a runtime of this host may use. */
export interface OwnNetwork {
  readonly network: Network;
  readonly config: NetworkConfig;
}

/** Of all networks in the folder, or in this one file, those with a valid entry of ours. @throws UsageError where it does not exist */
export function ownNetworks(path: string | undefined): readonly OwnNetwork[] {
  const files = configurationFiles(path ?? defaultFolder);
  if (files === undefined && path !== undefined) throw new UsageError(`${path} does not exist`);
  const { networks } = readConfigurations(files ?? []);
  return networks.flatMap((network) => network.own.slice(0, 1).map(({ config }) => ({ network, config })));
}
