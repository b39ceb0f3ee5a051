/** What is measured: series of rounds, in each of which the contenders take turns. The timer (timer.c) carries them out. */

/** A process to be started. Files are paths where the plan runs. */
export interface Command {
  readonly argv: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: an empty file. */
  readonly stdin?: string;
}

/** Commands of one contender, timed together if they have a row. */
export interface Step {
  /** The row of the result that this counts for; without one it only has to be done. */
  readonly row?: string;
  /** One after the other, or as many at once as `atOnce` says. All must succeed. */
  readonly commands: readonly Command[];
  readonly atOnce?: number;
  /** Files whose pages the kernel has to forget before. */
  readonly forget?: readonly string[];
  /** Measure the peak of memory, of the largest process, instead of the time. */
  readonly isPeak?: boolean;
}

export interface Contender {
  readonly name: ContenderName;
  readonly steps: readonly Step[];
}

/**
 * - `native`, `pkg`: the two executables of this project.
 * - `reference`: the reference plugin with host-local.
 * - `floor`: iproute2 that makes the same kernel calls; nobody reads a configuration or chooses an address.
 * - `empty`: a static C program of nothing.
 * - `none`: `native` without what the row is about, where that is what it is compared with.
 */
export type ContenderName = "native" | "pkg" | "reference" | "floor" | "empty" | "none";

export interface Series {
  readonly title: string;
  readonly rounds: number;
  /** Rounds before, which do not count. */
  readonly warmUps: number;
  readonly contenders: readonly Contender[];
  /** Shell scripts, run once each. */
  readonly before?: string;
  readonly after?: string;
}

/** One measured step. */
export interface Sample {
  readonly row: string;
  readonly contender: ContenderName;
  readonly round: number;
  /** Milliseconds, or MiB in rows of memory. */
  readonly value: number;
}

/** Where the contenders' programs lie when the plan runs. */
export interface Programs {
  readonly native: string;
  readonly pkg: string;
  /** Folder of ipvlan and host-local. */
  readonly reference: string;
  readonly empty: string;
  /** Of the specification: what the reference speaks, 1.0.0 up to release 1.4 and 1.1.0 with STATUS since. */
  readonly cniVersion: "1.0.0" | "1.1.0";
}

/** How much is measured: everything, or in a minute or two what matters most. */
export type Extent = "all" | "quick";

const folder = "/tmp/bench";
const names = ["native", "pkg", "reference"] as const;
type Plugin = (typeof names)[number];
/** All that know STATUS, where the reference does not. */
const ours = ["native", "pkg"] as const;

function pathOf(plugin: Plugin, programs: Programs): string {
  return plugin === "reference" ? `${programs.reference}/ipvlan` : programs[plugin];
}

/** Series that need no ipvlan and no root, on a machine with a disk. */
export function plainSeries(programs: Programs, rounds: number): Series[] {
  const contenders = (row: string, more: (path: string) => Partial<Step>): Contender[] =>
    names.map((name) => {
      const path = pathOf(name, programs);
      const command = { argv: [path], environment: { CNI_COMMAND: "VERSION" } };
      return { name, steps: [{ row, commands: [command], ...more(path) }] };
    });
  return [
    { title: "start-up", rounds, warmUps: 3, contenders: contenders("VERSION", () => ({})) },
    {
      title: "start-up beyond an empty program",
      rounds: rounds * 2,
      warmUps: 3,
      contenders: (["native", "empty"] as const).map((name) => ({
        name,
        steps: [{ row: BESIDE_EMPTY, commands: [{ argv: [programs[name]], environment: { CNI_COMMAND: "VERSION" } }] }],
      })),
    },
    {
      title: "cold page cache",
      rounds: 10,
      warmUps: 1,
      contenders: contenders("VERSION, cold page cache", (path) => ({ forget: [path] })),
    },
    {
      title: "memory",
      rounds: 3,
      warmUps: 1,
      // Of a file that it wrote itself the kernel has pieces of 2 MB in memory, and maps each whole where one page is asked for.
      contenders: contenders("memory, VERSION", (path) => ({ forget: [path], isPeak: true })),
    },
  ];
}

/** Makes what {@link kernelSeries} needs, as root on a machine with ipvlan, besides a host h1 (test/kernel/lib/prelude.sh). */
export function kernelSetUp(here: Programs): { script: string; programs: Programs } {
  const { native, pkg, reference } = here;
  const bin = `${folder}/bin`;
  const script = `
    container wire ${[...names, "floor"].join(" ")}
    cable h1 eth0 wire eth0
    mkdir -p ${bin}/native ${bin}/pkg ${bin}/reference
    # On a file system in memory: the executables' own may be a share of the virtual machine's host.
    cp '${native}' ${bin}/native/ipvlan; cp '${pkg}' ${bin}/pkg/ipvlan
    cp '${reference}/ipvlan' '${reference}/host-local' ${bin}/reference/
    seq 100 | sed 's/.*/netns add n&/' | ip -batch -`;
  return {
    script: `${script}\n${floorScript}`,
    programs: { ...here, native: `${bin}/native/ipvlan`, pkg: `${bin}/pkg/ipvlan`, reference: `${bin}/reference` },
  };
}

/** Series of attachments: every one is made by ADD and taken away by DEL. To be run on the host h1. */
export function kernelSeries(programs: Programs, extent: Extent): Series[] {
  const single = hostLocal("10.50.0.0/16");
  const both = hostLocal("10.51.0.0/16", "2001:db8:51::/64");
  const six = hostLocal("2001:db8:52::/64");
  const main = attachments(programs, "L2, one address", { ipam: single }, { rounds: 30, others: [floor()] });
  if (extent === "quick") return [main, memory(programs, single)];
  const few = { rounds: 12, plugins: ["native", "reference"] } as const;
  return [
    main,
    memory(programs, single),
    attachments(programs, "L3", { ipam: single, mode: "l3" }, few),
    attachments(programs, "dual stack", { ipam: both }, few),
    attachments(programs, "IPv6 with a gateway", { ipam: six }, few),
    attachments(programs, "VLAN made for it", { ipam: single, master: "eth0.50" }, { ...few, plugins: ["native"] }),
    asked(programs, "CHECK", single),
    asked({ ...programs, cniVersion: "1.1.0" }, "STATUS", single, programs.cniVersion === "1.1.0" ? names : ours),
    held(programs, 250, few),
    held(programs, 4000, few),
    // The reference takes seconds for each under emulation.
    held(programs, 60_000, { ...few, rounds: 3 }),
    besideNone(programs, 4000),
    besideNone(programs, 60_000),
    hostAccess(programs, single),
    clusterPool(programs),
    crowd(programs, single),
  ];
}

/** A range set for each subnet, and the default route of each family. */
function hostLocal(...subnets: string[]): object {
  const routes = subnets.map((subnet) => ({ dst: subnet.includes(":") ? "::/0" : "0.0.0.0/0" }));
  return { type: "host-local", ranges: subnets.map((subnet) => [{ subnet }]), routes };
}

interface Network {
  readonly ipam: object;
  readonly mode?: string;
  readonly master?: string;
  /** Of the reservations; default: one for each contender. */
  readonly dataDir?: string;
  readonly hostAccess?: true;
}

interface Choice {
  readonly rounds: number;
  readonly plugins?: readonly Plugin[];
  readonly others?: readonly Contender[];
}

/** The same configuration for every plugin, but for the places where it keeps its reservations. */
function configOf(plugin: Plugin, { cniVersion }: Programs, network: Network): object {
  const { ipam, mode = "l2", master = "eth0", dataDir = `${folder}/state/${plugin}`, hostAccess } = network;
  return { cniVersion, name: "bench", type: "ipvlan", master, mode, hostAccess, ipam: { ...ipam, dataDir } };
}

function command(plugin: Plugin, programs: Programs, verb: string, stdin: string, container: string = plugin): Command {
  return {
    argv: [pathOf(plugin, programs)],
    environment: {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: `bench-${container}`,
      CNI_NETNS: `/run/netns/${container}`,
      CNI_IFNAME: "eth0",
      CNI_PATH: programs.reference,
    },
    stdin,
  };
}

/** As a shell runs it. @param redirect of its output */
export function inShell({ argv, environment = {}, stdin }: Command, redirect: string): string {
  const variables = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  return `env -i ${variables.join(" ")} ${argv.join(" ")} < ${stdin} ${redirect}`;
}

/** The script that writes a contender's configuration, and the file. */
function written(
  plugin: Plugin,
  programs: Programs,
  title: string,
  network: Network,
): { file: string; script: string } {
  const file = `${folder}/${title.replaceAll(/[^A-Za-z0-9]+/g, "-")}.${plugin}.json`;
  return { file, script: `printf '%s' '${JSON.stringify(configOf(plugin, programs, network))}' > ${file}` };
}

function attachments(programs: Programs, title: string, network: Network, { rounds, plugins, others }: Choice): Series {
  const files = new Map((plugins ?? names).map((plugin) => [plugin, written(plugin, programs, title, network)]));
  const contenders = [...files].map(([name, { file }]): Contender => {
    const step = (verb: string): Step => ({
      row: `${verb}, ${title}`,
      commands: [command(name, programs, verb, file)],
    });
    return { name, steps: [step("ADD"), step("DEL")] };
  });
  return {
    title,
    rounds,
    warmUps: 2,
    contenders: [...contenders, ...(others ?? [])],
    before: [...files.values()].map(({ script }) => script).join("\n"),
  };
}

/** iproute2 with the calls of ADD and DEL in L2: link, alias, address, up, route; the link gets its name as ours does. */
function floor(): Contender {
  const ip = (...words: string[]): Command => ({
    argv: ["/bin/ip", ...words],
    environment: {},
    stdin: `${folder}/floor`,
  });
  const made = ip(..."link add index 1048577 link eth0 name eth0 netns floor type ipvlan mode l2".split(" "));
  return {
    name: "floor",
    steps: [
      { row: "ADD, L2, one address", commands: [made, ip("-n", "floor", "-batch", "-")] },
      { row: "DEL, L2, one address", commands: [ip(..."-n floor link del eth0".split(" "))] },
    ],
  };
}

/** What {@link floor} reads. */
const floorScript = `cat > ${folder}/floor <<'END'
link set eth0 alias floor
addr add 10.50.255.9/16 brd + dev eth0
link set eth0 up
route add default via 10.50.0.1
END`;

function memory(programs: Programs, ipam: object): Series {
  const series = attachments(programs, "memory", { ipam }, { rounds: 3 });
  const contenders = series.contenders.map(({ name, steps: [add, del] }): Contender => {
    const measured = { ...(add as Step), row: "memory, ADD", isPeak: true };
    return { name, steps: [measured, { commands: (del as Step).commands }] };
  });
  return { ...series, contenders, warmUps: 0 };
}

/** CHECK or STATUS, any number of times for one attachment. */
function asked(programs: Programs, verb: "CHECK" | "STATUS", ipam: object, plugins: readonly Plugin[] = names): Series {
  const parts = plugins.map((name) => {
    const { file, script } = written(name, programs, verb, { ipam });
    const with_ = `${file}.asked`;
    const shell = (one: string, redirect: string): string => inShell(command(name, programs, one, file), redirect);
    const open = JSON.stringify(configOf(name, programs, { ipam })).slice(0, -1);
    return {
      contender: { name, steps: [{ row: verb, commands: [command(name, programs, verb, with_)] }] },
      before: `${script}\n${shell("ADD", `> ${file}.result`)}
        { printf '%s' '${open},"prevResult":'; cat ${file}.result; printf '}'; } > ${with_}`,
      after: shell("DEL", ""),
    };
  });
  return {
    title: verb,
    rounds: 12,
    warmUps: 2,
    contenders: parts.map(({ contender }) => contender),
    before: parts.map(({ before }) => before).join("\n"),
    after: parts.map(({ after }) => after).join("\n"),
  };
}

/** ADD and DEL beside reservations of other containers. */
function held(programs: Programs, count: number, choice: Choice): Series {
  const title = `${count.toLocaleString("en")} reservations`;
  const plugins = choice.plugins ?? names;
  const dataDir = `${folder}/held`;
  const parts = plugins.map((plugin) => {
    const own = { ipam: hostLocal("10.60.0.0/14"), dataDir: `${dataDir}/${plugin}` };
    const series = attachments(programs, title, own, { ...choice, plugins: [plugin] });
    const fill = `mkdir -p ${own.dataDir}/bench; awk 'BEGIN { for (i = 1000; i < ${1000 + count}; i++) {
        file = "${own.dataDir}/bench/10.61." int(i / 256) "." i % 256; printf "other-%d\\r\\neth0", i > file; close(file) } }'`;
    return { ...series, before: `${series.before}\n${fill}` };
  });
  return {
    ...(parts[0] as Series),
    contenders: parts.flatMap(({ contenders }) => contenders),
    before: parts.map(({ before }) => before).join("\n"),
    after: `rm -rf ${dataDir}`,
  };
}

/** The row in which `native` is compared with nothing. */
export const BESIDE_EMPTY = "VERSION, beside an empty program";

/** How rows end in which `native` is compared with itself. */
export const BESIDE_NONE = ", beside none";

/** What reservations cost the plugin itself. */
function besideNone(programs: Programs, count: number): Series {
  const choice = { rounds: 20, plugins: ["native"] } as const;
  const without = attachments(programs, "none", { ipam: hostLocal("10.60.0.0/14"), dataDir: `${folder}/none` }, choice);
  return besideItself(held(programs, count, choice), without);
}

/** What host access costs the plugin itself, on a parent where another container has it already. */
function hostAccess(programs: Programs, ipam: object): Series {
  const choice = { rounds: 20, plugins: ["native"] } as const;
  const network: Network = { ipam, dataDir: `${folder}/reached`, hostAccess: true };
  const own = attachments(programs, "host access", network, choice);
  const without = attachments(programs, "no host access", { ipam, dataDir: `${folder}/unreached` }, choice);
  const resident = written("native", programs, "resident", network);
  const call = (verb: string): string => inShell(command("native", programs, verb, resident.file, "n1"), "> /dev/null");
  const series = besideItself(own, without);
  return {
    ...series,
    before: `ip addr add 192.0.2.1/24 dev eth0\n${series.before}\n${resident.script}\n${call("ADD")}`,
    after: `${call("DEL")}\nip addr del 192.0.2.1/24 dev eth0`,
  };
}

/** What a cluster's pool costs as long as the blocks at hand have a free address: no store is there to be asked. */
function clusterPool(programs: Programs): Series {
  const choice = { rounds: 20, plugins: ["native"] } as const;
  const subnets = [{ subnet: "10.50.0.0/16" }];
  const cluster = { etcd: { endpoints: ["http://127.0.0.1:9"] }, node: "bench", trustAfterBoot: true };
  const dataDir = `${folder}/claimed`;
  const own = attachments(programs, "a cluster's pool", { ipam: { subnets, cluster }, dataDir }, choice);
  const without = attachments(programs, "no cluster", { ipam: { subnets }, dataDir: `${folder}/unclaimed` }, choice);
  const claims = { node: "bench", blocks: ["10.50.3.0/26"], addresses: [], except: [], emptySince: {} };
  const series = besideItself(own, without);
  return {
    ...series,
    before: `${series.before}
mkdir -p ${dataDir}/.ipvlan-cni/cluster
echo '${JSON.stringify(claims)}' > ${dataDir}/.ipvlan-cni/cluster/bench`,
  };
}

/** Two series of `native`, one of them without what the other is about. */
function besideItself(own: Series, without: Series): Series {
  const renamed = ({ contenders: [one] }: Series, name: ContenderName): Contender => ({
    name,
    steps: (one?.steps ?? []).map((step) => ({
      ...step,
      row: `${step.commands[0]?.environment?.CNI_COMMAND}, ${own.title}${BESIDE_NONE}`,
    })),
  });
  return {
    ...own,
    title: `${own.title}${BESIDE_NONE}`,
    contenders: [renamed(own, "native"), renamed(without, "none")],
    before: `${own.before}\n${without.before}`,
  };
}

/** A node that starts and ends its pods: 100, 16 at a time. */
function crowd(programs: Programs, ipam: object): Series {
  const title = "100 at once";
  const plugins = ["native", "reference"] as const;
  const files = plugins.map((plugin) => ({ plugin, ...written(plugin, programs, title, { ipam }) }));
  const contenders = files.map(({ plugin, file }): Contender => {
    const all = (verb: string): Step => ({
      row: `100 ${verb}s, 16 at a time`,
      commands: Array.from({ length: 100 }, (_, i) => command(plugin, programs, verb, file, `n${i + 1}`)),
      atOnce: 16,
    });
    return { name: plugin, steps: [all("ADD"), all("DEL")] };
  });
  return { title, rounds: 3, warmUps: 0, contenders, before: files.map(({ script }) => script).join("\n") };
}
