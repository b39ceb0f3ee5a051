import { allAddresses, type InterfaceAddress } from "../../netlink/address.ts";
import { allLinks, type Link } from "../../netlink/link.ts";
import { type NetlinkSocket, openNetlink } from "../../netlink/socket.ts";
import { type SeenAttachment, seeAttachments } from "../attachments.ts";
import { compareNetworks } from "../compare.ts";
import { configurationFiles, defaultFolder, type Finding, readConfigurations } from "../configurations.ts";
import type { OwnNetwork } from "../networks.ts";
import { parentInWords } from "../parent.ts";
import { findRuntimes, type Runtime } from "./runtimes.ts";

/** What is looked at, read once. */
export interface Patient {
  readonly host: NetlinkSocket;
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  readonly networks: readonly OwnNetwork[];
  /** How each network's parent is called on this host; none for one that lies in each container, or is not found. */
  readonly parents: ReadonlyMap<OwnNetwork, string>;
  /** Files of the networks' folders. */
  readonly files: readonly string[];
  readonly faults: readonly Finding[];
  readonly attachments: readonly SeenAttachment[];
  readonly runtimes: readonly Runtime[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function examine(environment: Readonly<Record<string, string | undefined>>): Patient {
  const host = openNetlink();
  const runtimes = findRuntimes();
  const folders = new Set([...runtimes.map(({ networks }) => networks), defaultFolder]);
  const files = [...folders].flatMap((folder) => configurationFiles(folder) ?? []);
  const { networks: all, findings } = readConfigurations(files);
  const networks = all.flatMap((network) => network.own.slice(0, 1).map(({ config }) => ({ network, config })));
  return {
    host,
    links: allLinks(host),
    addresses: allAddresses(host),
    networks,
    parents: new Map(
      networks.flatMap((network) => {
        const { name, link } = parentInWords(host, network.config);
        return link === undefined ? [] : [[network, name]];
      }),
    ),
    files,
    faults: [...findings, ...compareNetworks(all)],
    attachments: seeAttachments(),
    runtimes,
    environment,
  };
}
