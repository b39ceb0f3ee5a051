import type { NetworkConfig } from "../config/network-config.ts";
import { vlanName } from "../config/vlan-name.ts";
import { PluginError } from "../errors.ts";
import { chooseParent, type LinkReference } from "../link/parent/choose.ts";
import { type Link, linkByIndex, linkByName } from "../netlink/link.ts";
import type { NetlinkSocket } from "../netlink/socket.ts";

/** A network's parent on this host, whatever its state. */
export interface HostParent {
  /** As it is called, or will be. */
  readonly name: string;
  /** undefined where it is not there. */
  readonly link: Link | undefined;
  /** Of a VLAN. */
  readonly base: Link | undefined;
  /** How the base is called that should be there; undefined for what is no VLAN. */
  readonly baseName: string | undefined;
  readonly vid: number | undefined;
  readonly isDummy: boolean;
}

/**
 * @returns undefined for a parent that lies in each container
 * @throws PluginError 100 where none fits, or several do
 */
export function parentOnHost(host: NetlinkSocket, config: NetworkConfig): HostParent | undefined {
  if (config.linkInContainer || config.parent.kind === "chained") return undefined;
  const wanted = chooseParent(host, config.parent);
  const nothing = { base: undefined, baseName: undefined, vid: undefined, isDummy: false };
  switch (wanted.kind) {
    case "link": {
      const link = linkBy(host, wanted.link);
      return { ...nothing, name: link?.name ?? String(wanted.link), link };
    }
    case "dummy":
      return { ...nothing, name: wanted.name, link: linkByName(host, wanted.name), isDummy: true };
    case "vlan": {
      const { vid } = wanted;
      const base = linkBy(host, wanted.base);
      const baseName = base?.name ?? String(wanted.base);
      const name = wanted.name ?? vlanName(baseName, vid);
      return { name, link: linkByName(host, name), base, baseName, vid, isDummy: false };
    }
  }
}

/** The same, with words in the place of the error. */
export function parentInWords(host: NetlinkSocket, config: NetworkConfig): Pick<HostParent, "name" | "link"> {
  try {
    return parentOnHost(host, config) ?? { name: "a link in each container", link: undefined };
  } catch (error) {
    if (error instanceof PluginError) return { name: "none is found", link: undefined };
    throw error;
  }
}

const linkBy = (host: NetlinkSocket, reference: LinkReference): Link | undefined =>
  typeof reference === "string" ? linkByName(host, reference) : linkByIndex(host, reference);
