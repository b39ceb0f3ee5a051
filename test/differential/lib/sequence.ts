// Generated histories of a host-local network: commands of several containers, with configurations that change in
// between.
import type { Random } from "./random.ts";
import { random } from "./random.ts";

export type Json = Record<string, unknown>;

export interface Step {
  readonly command: "ADD" | "DEL" | "CHECK" | "SPOIL";
  readonly containerId: string;
  readonly ifname: string;
  /** CNI_ARGS */
  readonly args: string;
  /** The configuration without name, dataDir and prevResult. For SPOIL, the text of last_reserved_ip.0 */
  readonly config: Json;
  readonly text: string;
}

/** What a sequence needs from the place where it runs. */
export interface Place {
  /** A resolv.conf. */
  readonly resolvConf: string;
}

/** @returns the steps that this seed stands for */
export function sequence(seed: number, length: number, place: Place): Step[] {
  const rng = random(seed);
  const containers = Array.from({ length: 1 + rng.below(6) }, (_, i) => `c${i}`);
  const interfaces = rng.chance(0.3) ? ["eth0", "net1"] : ["eth0"];
  let config = configuration(rng, place);
  return Array.from({ length }, (): Step => {
    if (rng.chance(0.08)) config = rng.chance(0.5) ? configuration(rng, place) : changed(rng, config);
    const common = { containerId: rng.pick(containers), ifname: rng.pick(interfaces), args: "", config, text: "" };
    const kind = rng.below(100);
    if (kind < 3)
      return { ...common, command: "SPOIL", text: rng.pick(["", "nonsense", "10.0.0.4", "2001:db8::2", "10.0.99.9"]) };
    if (kind < 33) return { ...common, command: "DEL" };
    if (kind < 40) return { ...common, command: "CHECK" };
    if (kind < 45) return { ...common, command: "ADD", config: broken(rng, config) };
    if (kind < 65) return { ...common, command: "ADD", ...requesting(rng, config) };
    return { ...common, command: "ADD" };
  });
}

/** Subnet number n of a family: small, so that pools run out. */
function subnet(rng: Random, family: 4 | 6, n: number): { text: string; at: (host: number) => string; size: number } {
  const bits = rng.pick([2, 2, 3, 3, 4]);
  const at = (host: number) =>
    family === 4 ? `10.0.${n}.${host}` : `2001:db8:${n}::${host.toString(16)}`.replace(":0::", "::");
  return { text: `${at(0).replace(/::0$/, "::")}/${(family === 4 ? 32 : 128) - bits}`, at, size: 2 ** bits };
}

/** One range, or two in one subnet, or in two. */
function rangeSet(rng: Random, family: 4 | 6, n: number): Json[] {
  const { text, at, size } = subnet(rng, family, n);
  // A gateway outside of the subnet and a subnet's own addresses are given by the reference alone.
  const gateway = rng.pick([undefined, undefined, null, at(1), at(size - 2)]);
  const range: Json = { subnet: text, ...(gateway !== undefined && { gateway }) };
  if (rng.chance(0.25)) {
    const half = size / 2;
    return [
      { ...range, rangeStart: at(1), rangeEnd: at(half - 1 || 1) },
      { ...range, rangeStart: at(half), rangeEnd: at(size - 2) },
    ];
  }
  if (rng.chance(0.3)) range.rangeStart = at(1 + rng.below(size - 2));
  if (rng.chance(0.3)) range.rangeEnd = at(1 + rng.below(size - 2));
  if (rng.chance(0.25)) return [range, ...rangeSet(rng, family, n + 10)];
  return [range];
}

function configuration(rng: Random, place: Place): Json {
  const families = rng.pick([[4], [4], [6], [4, 6], [4, 6], [6, 4], [4, 4], [4, 6, 4]] as const);
  const sets = families.map((family, n) => rangeSet(rng, family, n));
  const ipam: Json = { type: "host-local" };
  const [first] = sets;
  if (rng.chance(0.4) && first?.length === 1)
    Object.assign(ipam, first[0], sets.length > 1 && { ranges: sets.slice(1) });
  else ipam.ranges = sets;
  if (rng.chance(0.2)) ipam.routes = [{ dst: "0.0.0.0/0" }, { dst: "10.9.0.0/16", gw: "10.0.0.1" }];
  if (rng.chance(0.1)) ipam.resolvConf = place.resolvConf;
  return { cniVersion: rng.pick(["0.2.0", "0.3.1", "0.4.0", "1.0.0", "1.0.0"]), type: "ipvlan", master: "eth0", ipam };
}

/** The same subnets, cut otherwise; or other subnets first, so that the numbers of last_reserved_ip shift. */
function changed(rng: Random, config: Json): Json {
  const ipam = config.ipam as Json;
  if (rng.chance(0.5)) {
    const extra = [rangeSet(rng, rng.pick([4, 6]), 5)];
    return { ...config, ipam: { ...ipam, ranges: [...extra, ...((ipam.ranges as Json[][]) ?? [])] } };
  }
  return { ...config, runtimeConfig: { ipRanges: [rangeSet(rng, rng.pick([4, 6]), 6)] } };
}

/** Something that no plugin accepts, or only one that looks less closely. */
function broken(rng: Random, config: Json): Json {
  const ipam = (value: Json): Json => ({ ...config, ipam: { type: "host-local", ...value } });
  return rng.pick<() => Json>([
    () => ipam({}),
    () => ipam({ subnet: "10.0.0.5/29" }),
    () => ipam({ subnet: "10.0.0.0/31" }),
    () => ipam({ subnet: "10.0.0.0/29", rangeStart: "10.0.1.1" }),
    () => ipam({ subnet: "10.0.0.0/29", rangeStart: "10.0.0.5", rangeEnd: "10.0.0.3" }),
    () => ipam({ ranges: [[{ subnet: "10.0.0.0/29" }, { subnet: "2001:db8::/125" }]] }),
    () => ipam({ ranges: [[{ subnet: "10.0.0.0/29" }], [{ subnet: "10.0.0.0/28" }]] }),
    () => ipam({ ranges: [[]] }),
    () => ipam({ subnet: "10.0.0.0/29", resolvConf: "/nowhere/resolv.conf" }),
    () => ipam({ subnet: "10.0.0.0" }),
    () => ({ ...config, cniVersion: "9.9.9" }),
  ])();
}

/** An address asked for, in one of the ways there are: free, taken, a gateway, outside. */
function requesting(rng: Random, config: Json): { args: string; config: Json } {
  const v4 = () => `10.0.${rng.pick([0, 0, 0, 1, 5, 10])}.${rng.below(9)}`;
  const v6 = () => `2001:db8:${rng.pick([0, 1, 5])}::${rng.below(9)}`.replace(":0::", "::");
  const address = () => (rng.chance(0.6) ? v4() : v6());
  const length = rng.chance(0.2) ? "/29" : "";
  // Of two in one range set the reference takes either, as its map's order has it, before it fails.
  const several = () => (rng.chance(0.2) ? [v4(), v6()] : [address()]).map((one) => one + length);
  return rng.pick<() => { args: string; config: Json }>([
    () => ({ args: `IgnoreUnknown=1;IP=${address()}`, config }),
    () => ({ args: "", config: { ...config, args: { cni: { ips: several() } } } }),
    () => ({ args: "", config: { ...config, runtimeConfig: { ...(config.runtimeConfig as Json), ips: several() } } }),
  ])();
}
