// What a plugin made of a configuration: what it printed, and what it left in the kernel and in host-local's files.
import { type Run, type Side, unnumbered } from "./script.ts";

/** Places and their values: `add.result.ips[0].address`, `link.mtu`, `routes[main 198.18.0.0/16 via 10.1.2.1].scope`. */
export type Observation = ReadonlyMap<string, unknown>;

/** A place where both differ; undefined where one has nothing. */
export interface Finding {
  readonly run: Run;
  readonly place: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

export function compare(run: Run, ours: Observation, theirs: Observation): readonly Finding[] {
  // What an interface is like says nothing where the other one is missing.
  const own = `links[${ifnameOf(run)}]`;
  const bothAttached = ours.has(own) === theirs.has(own);
  const ofInterface = /^(link\.|addresses|routes|sysctl)/;
  const findings: Finding[] = [];
  for (const place of new Set([...ours.keys(), ...theirs.keys()])) {
    const [our, their] = [ours.get(place), theirs.get(place)];
    if (our === their || (!bothAttached && ofInterface.test(place))) continue;
    findings.push({ run, place, ours: our, theirs: their });
  }
  // The form of different values is different.
  const differ = (command: string) =>
    findings.some(({ place }) => new RegExp(`^${command}\\.(result|error)`).test(place));
  return findings.filter(({ place }) => !place.endsWith(".form") || !differ(place.replace(".form", "")));
}

/** @param text lines FILE:TEXT, as grep prints them @returns the files' texts */
export function parseFiles(text: string): ReadonlyMap<string, string> {
  const parts = new Map<string, string[]>();
  for (const line of linesOf(text)) {
    const [name, content] = split(line);
    const lines = parts.get(name);
    if (lines === undefined) parts.set(name, [content]);
    else lines.push(content);
  }
  return new Map([...parts].map(([name, lines]) => [name, lines.join("\n")]));
}

export function observe(files: ReadonlyMap<string, string>, side: Side, run: Run): Observation {
  const file = (name: string) => unnumbered(files.get(`${side.letter}${run.number}/${name}`) ?? "", side, run);
  const found = new Map<string, unknown>();
  const note = (place: string, value: unknown) => {
    found.set(found.has(place) ? `${place} (again)` : place, value);
  };
  const later = (run.configuration.chain ?? []).flatMap(({ type }) =>
    ["ADD", "CHECK", "DEL"].map((one) => `${type}-${one}`),
  );
  for (const command of ["add", "check", "del"]) noteCall(command, file, note);
  // What later plugins of a chain print is what they got; some write a log.
  for (const command of later) {
    const exit = Number(file(`${command}.exit`));
    note(`${command}.exit`, exit);
    if (exit !== 0) note(`${command}.error`, file(`${command}.out`));
  }
  for (const name of ["traffic", "behind"]) {
    for (const [number, line] of linesOf(file(`${name}.out`)).entries()) note(`${name}[${number}]`, line);
  }
  noteKernel(file("kernel"), ifnameOf(run), note);
  noteState(file("state"), "", ifnameOf(run), note);
  noteState(file("after"), "after ", ifnameOf(run), note);
  return found;
}

type Note = (place: string, value: unknown) => void;
// biome-ignore lint/suspicious/noExplicitAny: what iproute2 prints
type Shown = any;

const ifnameOf = ({ configuration }: Run): string => configuration.ifname ?? "eth0";
const linesOf = (text: string): string[] => text.split("\n").filter((line) => line !== "");

function split(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1)];
}

function noteCall(command: string, file: (name: string) => string, note: Note): void {
  const exit = file(`${command}.exit`);
  if (exit === "") return;
  note(`${command}.exit`, Number(exit));
  note(`${command}.stderr`, file(`${command}.err`));
  const text = file(`${command}.out`);
  if (text === "") return;
  const kind = exit === "0" ? "result" : "error";
  const value = JSON.parse(text);
  flatten(value, `${command}.${kind}`, note);
  // The order of keys and the form are part of what is printed, where both print the same values.
  const shape = text.replaceAll(/"(?:[^"\\]|\\.)*"(?!:)|\d+/g, "_").replaceAll(/\s+$/g, "");
  note(`${command}.form`, Object.keys(value).length === 0 ? "" : shape);
}

/** The output of `ip -d -j`: links with their addresses, and routes of both families and all tables. */
function noteKernel(text: string, ifname: string, note: Note): void {
  const [links = "[]", routes = "[]"] = linesOf(text);
  for (const { addr_info: addresses, ifname: name, operstate: _, ...link } of JSON.parse(links) as Shown[]) {
    note(`links[${name}]`, "there");
    if (name !== ifname) continue;
    flatten(link, "link", note);
    for (const { local, prefixlen, tentative, ...address } of addresses as Shown[]) {
      // The kernel makes link-local addresses in its own time, and tells the ipvlans of a parent apart by a number in them.
      if (isLinkLocal(local)) flatten(address, "addresses[fe80::]", note);
      else flatten({ ...address, tentative }, `addresses[${local}/${prefixlen}]`, note);
    }
  }
  for (const { dst, table, gateway, metric, ...route } of JSON.parse(routes) as Shown[]) {
    if (route.dev === "lo" || (table === "local" && isLinkLocal(dst))) continue;
    const words = [table, dst, gateway && `via ${gateway}`, metric && `metric ${metric}`];
    flatten(route, `routes[${words.filter(Boolean).join(" ")}]`, note);
  }
}

const isLinkLocal = (address: string): boolean => /^fe80::[^/]+$/.test(address);

/** Lines FILE:TEXT of host-local's files, of the interface's settings, and of /proc/net/dev, which lists the links. */
function noteState(text: string, prefix: string, ifname: string, note: Note): void {
  const reservations = new Map<string, string>();
  for (const line of linesOf(text)) {
    const [path, value] = split(line);
    if (path.startsWith("/proc/sys/net/")) {
      note(`${prefix}sysctl[${path.replace("/proc/sys/net/", "").replace(`/${ifname}/`, "/IFNAME/")}]`, value);
    } else if (path === "/proc/self/net/dev") {
      const name = /^ *(\S+):/.exec(value)?.[1];
      if (name !== undefined) note(`${prefix}links[${name}]`, "there");
    } else if (!/\/(lock|\.ipvlan-cni\/.*)$/.test(path)) {
      const name = path.replace("/var/lib/cni/networks/", "");
      reservations.set(name, `${reservations.get(name) ?? ""}${value}\n`);
    }
  }
  for (const [name, content] of reservations) note(`${prefix}reservations[${name}]`, content);
}

function flatten(value: unknown, place: string, note: Note): void {
  if (typeof value !== "object" || value === null) {
    if (value !== undefined) note(place, value);
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) note(place, Array.isArray(value) ? "[]" : "{}");
  for (const [key, item] of entries) flatten(item, Array.isArray(value) ? `${place}[${key}]` : `${place}.${key}`, note);
}
