import type { Link } from "../../netlink/link.ts";

/** `ifalias` of the links that this plugin made and may take away again: the mark lives and dies with the link. */
export const mark = "made by ipvlan-cni";

export function isOurs(link: Link): boolean {
  return link.alias === mark;
}

/** `ifalias` of the links by which the host reaches its containers; see ../../reach/host-link.ts. */
export function hostLinkAlias(parent: Link): string {
  return `${mark}: host side of ${parent.name}`;
}

export function isHostLink(link: Link): boolean {
  return link.kind === "ipvlan" && link.alias.startsWith(`${mark}: host side of `);
}

/** Whether a link of this name can be one that an earlier version has made, which did not record it: BASE.VID or di-NETWORK. */
export function mayBeOurs(name: string): boolean {
  return name.includes(".") || name.startsWith("di-");
}
