import { describe } from "../cni/json.ts";
import { interfaceNameFault, linkNameFault } from "../cni/names.ts";
import { invalid } from "../cni/read.ts";
import type { Interface } from "../cni/result.ts";
import { dummyName } from "./dummy-name.ts";
import type { NetworkConfiguration } from "./generated/network-configuration.types.ts";
import type { ParentChoice, Vlan } from "./network-config.ts";
import { readNetwork } from "./prefix.ts";

/**
 * How the lower device is found, from `master`, Docker's `parent`, `vlan` and `internal`.
 *
 * @param previous the interfaces that plugins before this one made; undefined where this is the first plugin
 */
export function parseParent(
  raw: NetworkConfiguration,
  networkName: string,
  previous: readonly Interface[] | undefined,
): ParentChoice {
  const configured = parseMaster(raw);
  if (raw.internal === true) return { kind: "dummy", name: dummyName(networkName) };
  if (configured !== undefined) return configured;
  if (raw.vlan !== undefined) throw invalid("/vlan", 'needs "master", the link that carries the VLAN');
  if (previous !== undefined) return { kind: "chained", name: parseChained(previous) };
  // As the reference plugin, for which Podman writes an empty `master`. It would do the same on the host without the key;
  // there no parent means an isolated network, as in Docker.
  if (raw.linkInContainer === true || raw.master === "") {
    return { kind: "defaultRoute", family: undefined, vlan: undefined };
  }
  return { kind: "dummy", name: dummyName(networkName) };
}

function parseMaster(raw: NetworkConfiguration): ParentChoice | undefined {
  const { parent, vlan } = raw;
  const master = raw.master || parent;
  if (master === undefined) return undefined;
  if (parent !== undefined && parent !== master) {
    throw invalid("/parent", `${describe(parent)} and master ${describe(master)} are two parents: leave one out`);
  }
  if (typeof master === "string") return parseNamed(master, raw.master ? "/master" : "/parent", vlan);
  if (master.subnet !== undefined) {
    return { kind: "subnet", subnet: readNetwork(master.subnet, "/master/subnet"), vlan };
  }
  return { kind: "defaultRoute", family: master.defaultRoute === "ipv6" ? 6 : 4, vlan };
}

function parseNamed(link: string, pointer: string, vid: number | undefined): ParentChoice {
  const fault = linkNameFault(link);
  if (fault !== undefined) throw invalid(pointer, `${describe(link)} ${fault}`);
  const vlan = vid === undefined ? parseVlanName(link) : { base: link, vid };
  refuseLoopback(vlan?.base ?? link, pointer);
  return vid === undefined || vlan === undefined ? { kind: "named", name: link, vlan } : { kind: "vlan", vlan };
}

/** `BASE.VID` with a VID of 1 to 4094, decimal and without leading zeros; BASE may hold dots itself. */
export function parseVlanName(name: string): Vlan | undefined {
  const dot = name.lastIndexOf(".");
  const base = name.slice(0, dot);
  const digits = name.slice(dot + 1);
  const vid = Number(digits);
  const isVid = vid >= 1 && vid <= 4094 && String(vid) === digits;
  return dot < 1 || !isVid || linkNameFault(base) !== undefined ? undefined : { base, vid };
}

function refuseLoopback(link: string, pointer: string): void {
  if (link === "lo") throw invalid(pointer, '"lo" cannot be a parent: the loopback interface leads to no network');
}

/** The name comes from another program, and becomes a link's and a lock file's. */
function parseChained(previous: readonly Interface[]): string {
  const found = soleInterface(previous);
  const fault = interfaceNameFault(found.name);
  if (fault === undefined) return found.name;
  throw invalid(`/prevResult/interfaces/${previous.indexOf(found)}/name`, `${describe(found.name)} ${fault}`);
}

/** As the reference plugin, the only interface; where there are several, the only one in a container. */
export function soleInterface(previous: readonly Interface[]): Interface {
  const named = previous.filter(({ name }) => name !== "");
  const inContainer = named.filter(({ sandbox }) => sandbox !== undefined);
  const [found, ...more] = named.length === 1 ? named : inContainer;
  if (found !== undefined && more.length === 0) return found;
  const listed = named.length === 0 ? "none" : named.map(({ name }) => name).join(", ");
  throw invalid(
    "/prevResult/interfaces",
    `must hold one interface to be the parent, or set "master"; it has ${listed}`,
  );
}
