// What a plugin makes of a configuration: what it prints, and what it leaves in the kernel and in host-local's files.
import type { CniVersion } from "../../../src/cni/versions.ts";
import { isAtLeast } from "../../../src/cni/versions.ts";
import { quote } from "../lib/lab.ts";
import type { Configuration } from "./configurations.ts";

/** A configuration in one version, and the number under which both plugins do it. */
export interface Run {
  readonly number: number;
  readonly configuration: Configuration;
  readonly version: CniVersion;
  /** With CHECK, settings of the interface and what is there after DEL; else the result and the kernel after ADD alone. */
  readonly whole: boolean;
}

/** A plugin with its host. */
export interface Side {
  /** One letter: the names of its containers' namespaces begin so. */
  readonly letter: string;
  readonly host: string;
  readonly plugin: string;
  /** CNI_PATH */
  readonly path: string;
}

/** Places and their values: `result.ips[0].address`, `link.mtu`, `routes["main 10.9.0.0/16"].gateway`. */
export type Observation = ReadonlyMap<string, unknown>;

const folder = "/tmp/lab/side-by-side";
const workers = 4;

/** Host of a plugin: see configurations.ts. */
export const hostScript = (host: string): string => `
  host ${host}; container ${host}-net
  ip -n ${host}-net -batch - <<'END'
${[0, 1, 2].map((n) => `link add eth${n} address 02:00:00:00:01:0${n} type veth peer name eth${n} address 02:00:00:00:00:0${n} netns ${host}\nlink set eth${n} up`).join("\n")}
END
  ip -n ${host} -batch - <<'END'
${[0, 1, 2].map((n) => `link set eth${n} up\naddr add 10.99.${n}.1/24 dev eth${n}`).join("\n")}
route add default via 10.99.0.2
link add link eth0 name eth0.40 type vlan id 40
link set eth0.40 up
link add br0 address 02:00:00:00:00:10 type bridge
link set br0 up
link add down0 address 02:00:00:00:00:11 type dummy
END`;

const words = `
snapshot() { ip -d -j -n "$1" -batch ${folder}/snapshot; }
plugin() { # COMMAND FILE INPUT
  CNI_COMMAND=$1 "$plugin" < "$3" > "$2.out" 2> "$2.err" && echo 0 > "$2.exit" || echo $? > "$2.exit"
}
run() { # FOLDER NAMESPACE NETWORK WHOLE CHECK
  cd "$1"
  export CNI_NETNS=/run/netns/$2
  plugin ADD add in
  snapshot "$2" > kernel
  if [ "$4" ]; then
    nsenter --net=/run/netns/$2 grep -rs "" /proc/sys/net/ipv4/conf/$CNI_IFNAME /proc/sys/net/ipv6/conf > sysctls || :
    (cd /var/lib/cni/networks && grep -rs "" $3 other/$3) > files || :
  fi
  if [ "$5" ] && [ "$(cat add.exit)" = 0 ]; then
    { printf '%s,"prevResult":' "$(cat head)"; cat add.out; printf '}'; } > in
    plugin CHECK check in
  fi
  plugin DEL del in
  if [ "$4" ]; then
    snapshot "$2" > after
    (cd /var/lib/cni/networks && grep -rs "" $3 other/$3) > files-after || :
  fi
}
`;

/** All runs of both sides, some at a time. */
export function script(runs: readonly Run[], sides: readonly Side[]): string {
  const each = sides.flatMap((side) =>
    runs.map((run) => ({ run, side, place: `${folder}/${side.letter}${run.number}` })),
  );
  const namespaces = each.map(({ run, side }) => `${side.letter}${run.number}`);
  const batch = (verb: string) =>
    `ip -batch - <<'END'\n${namespaces.map((name) => `netns ${verb} ${name}`).join("\n")}\nEND`;
  return `
    mkdir -p ${folder}; cd ${folder}; mkdir -p ${namespaces.join(" ")}
    printf 'addr show\\nroute show table all\\n' > snapshot
    ${batch("add")}
    cat > words <<'END'\n${words}\nEND
    ${sides
      .flatMap((side) =>
        Array.from({ length: workers }, (_, worker) =>
          workerScript(
            side,
            worker,
            each.filter(({ run, ...one }) => one.side === side && run.number % workers === worker),
          ),
        ),
      )
      .join("\n")}
    wait
    ${batch("del")}
    grep -rs "" ${sides.map(({ letter }) => `${letter}*`).join(" ")} || :`;
}

function workerScript(
  side: Side,
  worker: number,
  each: readonly { readonly run: Run; readonly place: string }[],
): string {
  const file = `${folder}/worker-${side.letter}${worker}`;
  const lines = each.map(({ run, place }) => runScript(run, side, place)).join("\n");
  return `cat > ${file} <<'END-OF-WORKER'
. ${folder}/words
plugin=${quote(side.plugin)}
export CNI_PATH=${quote(side.path)}
${lines}
END-OF-WORKER
    on ${side.host} sh -u ${file} &`;
}

export function networkOf({ number }: Run): string {
  return `net${number}`;
}

function runScript(run: Run, side: Side, place: string): string {
  const { configuration, version, number, whole } = run;
  const own = typeof configuration.config === "function" ? configuration.config(version) : configuration.config;
  const config = JSON.stringify({ cniVersion: version, name: networkOf(run), type: "ipvlan", ...own });
  const namespace = `${side.letter}${number}`;
  const lines = [
    `printf %s ${quote(config)} > ${place}/in`,
    `printf %s ${quote(config.slice(0, -1))} > ${place}/head`,
    `export CNI_CONTAINERID=c${number} CNI_IFNAME=${configuration.ifname ?? "eth0"} CNI_ARGS=${quote(configuration.args ?? "")}`,
  ];
  if (configuration.container !== undefined) {
    lines.push(`ip -n ${namespace} -batch - <<'END'\n${configuration.container}\nEND`);
  }
  for (const [key, value] of Object.entries(configuration.sysctls ?? {})) {
    lines.push(`nsenter --net=/run/netns/${namespace} sh -c ${quote(`echo ${value} > /proc/sys/net/${key}`)}`);
  }
  const check = whole && isAtLeast(version, "0.4.0");
  lines.push(`run ${place} ${namespace} ${networkOf(run)} ${whole ? "1" : "''"} ${check ? "1" : "''"}`);
  return lines.join("\n");
}

/** The files that the runs wrote: `a12/add.out` and so on. */
export function parseFiles(text: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon);
    files.set(name, `${files.get(name) ?? ""}${line.slice(colon + 1)}\n`);
  }
  return files;
}

export function observe(files: ReadonlyMap<string, string>, side: Side, run: Run): Observation {
  const file = (name: string): string => files.get(`${side.letter}${run.number}/${name}`) ?? "";
  const own = (text: string): string => text.replaceAll(`/run/netns/${side.letter}`, "/run/netns/c");
  const found = new Map<string, unknown>();
  const note = (place: string, value: unknown) => found.set(place, value);

  for (const command of ["add", "check", "del"]) {
    const exit = file(`${command}.exit`).trim();
    if (exit === "") continue;
    note(`${command}.exit`, exit);
    note(`${command}.stderr`, own(file(`${command}.err`)));
    const out = own(file(`${command}.out`));
    if (out === "") continue;
    const kind = exit === "0" ? "result" : "error";
    flatten(JSON.parse(out), `${command}.${kind}`, note);
    note(`${command}.text`, out.trimEnd());
  }
  const ifname = run.configuration.ifname ?? "eth0";
  noteKernel(file("kernel"), "", ifname, note);
  noteKernel(file("after"), "after ", ifname, note);
  for (const [name, place] of [
    ["files", "files"],
    ["files-after", "after files"],
  ] as const) {
    for (const line of lines(file(name))) {
      const [path, text] = split(line, ":");
      if (!path.endsWith("/lock")) note(`${place}[${path}]`, `${found.get(`${place}[${path}]`) ?? ""}${text}\n`);
    }
  }
  for (const line of lines(file("sysctls"))) {
    const [path, value] = split(line, ":");
    const key = path.replace("/proc/sys/net/", "").replace(`/${ifname}/`, "/IFNAME/");
    if (!/stable_secret|\/(all|default)\//.test(key)) note(`sysctl[${key}]`, value);
  }
  return found;
}

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

function split(line: string, mark: string): [string, string] {
  const at = line.indexOf(mark);
  return [line.slice(0, at), line.slice(at + 1)];
}

type Note = (place: string, value: unknown) => void;
// biome-ignore lint/suspicious/noExplicitAny: what iproute2 prints
type Shown = any;

/** The output of `ip -d -j`: links with their addresses, and routes of both families and all tables. */
function noteKernel(text: string, prefix: string, ifname: string, note: Note): void {
  const [links = "[]", routes = "[]"] = lines(text);
  for (const { addr_info: addresses, ifname: name, ...link } of JSON.parse(links) as Shown[]) {
    const own = name === ifname;
    note(`${prefix}links[${name}]`, link.linkinfo?.info_kind ?? link.link_type);
    if (!own) continue;
    // UP or UNKNOWN, as soon as the kernel comes to it.
    delete link.operstate;
    flatten(link, `${prefix}link`, note);
    for (const { local, prefixlen, tentative, ...address } of addresses as Shown[]) {
      // The kernel tells the ipvlans of a parent apart by a number in it, and checks it for duplicates in its own time.
      const place = `${prefix}addresses[${isLinkLocal(local) ? "fe80::" : local}/${prefixlen}]`;
      flatten(isLinkLocal(local) ? address : { ...address, tentative }, place, note);
    }
  }
  for (const { dst, table, gateway, metric, ...route } of JSON.parse(routes) as Shown[]) {
    if (table === "local" && (route.dev === "lo" || isLinkLocal(dst))) continue;
    flatten(
      route,
      `${prefix}routes[${[table, dst, gateway && `via ${gateway}`, metric && `metric ${metric}`].filter(Boolean).join(" ")}]`,
      note,
    );
  }
}

const isLinkLocal = (address: string): boolean => /^fe80::./.test(address) && !address.includes("/");

function flatten(value: unknown, place: string, note: Note): void {
  if (typeof value !== "object" || value === null) {
    if (value !== undefined) note(place, value);
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) note(place, Array.isArray(value) ? "[]" : "{}");
  for (const [key, item] of entries) flatten(item, Array.isArray(value) ? `${place}[${key}]` : `${place}.${key}`, note);
}

/** A place where both differ; undefined where one has nothing. */
export interface Finding {
  readonly place: string;
  readonly ours: unknown;
  readonly theirs: unknown;
  readonly run: Run;
}

export function compare(run: Run, ours: Observation, theirs: Observation): readonly Finding[] {
  const findings: Finding[] = [];
  for (const place of new Set([...ours.keys(), ...theirs.keys()])) {
    const [our, their] = [ours.get(place), theirs.get(place)];
    if (our !== their) findings.push({ place, ours: our, theirs: their, run });
  }
  return findings;
}
