import type { Command } from "../cni/environment.ts";
import type { Interface, Result } from "../cni/result.ts";

/** Of the environment, what tells how a configuration is to be read; a whole Environment will do. */
export interface ParseContext {
  readonly command: Command;
  readonly args: string;
  readonly netns: string;
  readonly ifname: string;
}

/**
 * The interfaces that the plugins before this one made; undefined where this is the first plugin of the chain.
 *
 * For ADD, prevResult is the previous plugin's. For CHECK and DEL it is the whole chain's (SPEC.md, section 3), our own
 * interface in it: what plugins before us made stands before ours, what later ones made, behind it.
 */
export function previousInterfaces(
  prevResult: Result | undefined,
  { command, ifname, netns }: ParseContext,
): readonly Interface[] | undefined {
  if (prevResult === undefined) return undefined;
  const { interfaces } = prevResult;
  if (command !== "CHECK" && command !== "DEL") return interfaces;
  // DEL may come without the namespace.
  const isOwn = ({ name, sandbox }: Interface): boolean =>
    name === ifname && (netns === "" ? sandbox !== undefined : sandbox === netns);
  const own = interfaces.find(isOwn);
  const before = own === undefined ? [] : interfaces.slice(0, interfaces.indexOf(own));
  return before.length === 0 ? undefined : before;
}
