import { readAttributes, u32Attribute } from "../../netlink/attributes.ts";
import { getS32, getU16, set32 } from "../../netlink/bytes.ts";
import { IFLA_AF_SPEC, NLM_F_REQUEST, RTM_GETLINK } from "../../netlink/constants.ts";
import type { Link } from "../../netlink/link.ts";
import { dump, type NetlinkSocket } from "../../netlink/socket.ts";
import { linkSetting } from "./link-setting.ts";

// linux/socket.h, if_link.h, if_bridge.h, rtnetlink.h
const AF_BRIDGE = 7;
const IFLA_EXT_MASK = 29;
const RTEXT_FILTER_BRVLAN = 2;
const IFLA_BRIDGE_VLAN_INFO = 2;
const IFLA_BR_VLAN_FILTERING = 7;

/** The VLANs that a bridge passes to and from itself; undefined for one that filters none. */
export function bridgeVlans(host: NetlinkSocket, bridge: Link): ReadonlySet<number> | undefined {
  if (linkSetting(host, bridge, IFLA_BR_VLAN_FILTERING)?.[0] !== 1) return undefined;
  const header = new Uint8Array(16);
  header[0] = AF_BRIDGE;
  set32(header, 4, 0);
  const answers = dump(host, {
    type: RTM_GETLINK,
    flags: NLM_F_REQUEST,
    header,
    attributes: [u32Attribute(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN)],
    what: "list the VLANs of bridges",
  });
  const vlans = new Set<number>();
  for (const payload of answers) {
    if (getS32(payload, 4) !== bridge.index) continue;
    const list = readAttributes(payload, 16).get(IFLA_AF_SPEC);
    // A list: one type, again and again. struct bridge_vlan_info: u16 flags, u16 vid
    for (let at = 0; list !== undefined && at + 8 <= list.length; ) {
      const length = getU16(list, at);
      if (length < 4) break;
      if (getU16(list, at + 2) === IFLA_BRIDGE_VLAN_INFO && length >= 8) vlans.add(getU16(list, at + 6));
      at += (length + 3) & ~3;
    }
  }
  return vlans;
}
