import type { Family } from "../ip/address.ts";
import { addressFamily } from "./address.ts";
import { readAttributes, readU32, u32Attribute } from "./attributes.ts";
import * as k from "./constants.ts";
import type { Request } from "./message.ts";

/** Settings of a link, or of all (net.ipv4.conf.LINK and net.ipv6.conf.LINK), as netlink tells them. */
export interface Settings {
  readonly forwarding: boolean;
  /** 0: off, 1: strict, 2: loose. IPv6 has none: 0. */
  readonly rpFilter: number;
  /** proxy_arp or proxy_ndp. */
  readonly proxies: boolean;
}

/** Asks for the settings of a link; `index` -1: of `all`. The answer's payload is for {@link readSettings}. */
export function settingsQuery(family: Family, index: number): Request {
  return {
    type: k.RTM_GETNETCONF,
    flags: k.NLM_F_REQUEST,
    // struct netconfmsg: u8 family
    header: new Uint8Array([addressFamily(family), 0, 0, 0]),
    attributes: [u32Attribute(k.NETCONFA_IFINDEX, index)],
    what: `look up the IPv${family} settings of ${index < 0 ? "all links" : `link ${index}`}`,
  };
}

/** Reads the payload of an RTM_NEWNETCONF. */
export function readSettings(payload: Uint8Array): Settings {
  const attributes = readAttributes(payload, 4);
  return {
    forwarding: readU32(attributes.get(k.NETCONFA_FORWARDING)) === 1,
    rpFilter: readU32(attributes.get(k.NETCONFA_RP_FILTER)) ?? 0,
    proxies: readU32(attributes.get(k.NETCONFA_PROXY_NEIGH)) === 1,
  };
}
