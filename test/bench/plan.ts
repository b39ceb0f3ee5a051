/** What is measured: rows, and in each the contenders that take turns. */

/** A command of one contender. Files are paths where the plan runs. */
export interface Contender {
  readonly name: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly stdout: string;
  /** Shell scripts around each run, not timed. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

export interface Row {
  readonly name: string;
  readonly rounds: number;
  readonly warmUps: number;
  readonly contenders: readonly Contender[];
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

export interface Plan {
  readonly rows: readonly Row[];
}

/** One measured run. */
export interface Sample {
  readonly row: string;
  readonly contender: string;
  readonly round: number;
  readonly ms: number;
  /** KiB */
  readonly peak: number;
}

/** Where the contenders' executables lie when the plan runs; `reference` is the folder of ipvlan and host-local. */
export interface Programs {
  readonly bun: string;
  readonly pkg: string;
  readonly reference: string;
}

const folder = "/tmp/bench";

/** Rows that need no ipvlan. */
export function nativePlan(programs: Programs, rounds: number): Plan {
  return { rows: [versionRow(programs, rounds)] };
}

/** Start-up, ADD and DEL, or every row; needs root, ipvlan, a host with eth0 and the containers that {@link kernelSetUp} makes. */
export function kernelPlan(programs: Programs, rounds: number, all: boolean): Plan {
  const single = { subnet: "10.50.0.0/16", routes: [{ dst: "0.0.0.0/0" }] };
  const dual = {
    ranges: [[{ subnet: "10.51.0.0/16" }], [{ subnet: "2001:db8:51::/64" }]],
    routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
  };
  const v6 = { ranges: [[{ subnet: "2001:db8:52::/64", gateway: "2001:db8:52::1" }]], routes: [{ dst: "::/0" }] };
  const rows = [versionRow(programs, rounds), ...attachRows("L2", programs, rounds, { ipam: single })];
  if (!all) return { rows };
  // pkg's start-up, which its first rows show, would make most of the bench's time.
  const only = ["bun", "reference"];
  rows.push(
    ...attachRows("L3", programs, rounds, { ipam: single, mode: "l3", master: "eth1", only }),
    ...attachRows("dual stack", programs, rounds, { ipam: dual, only }),
    ...attachRows("IPv6 gateway", programs, rounds, { ipam: v6, only }),
    ...attachRows("auto-made VLAN", programs, rounds, { ipam: single, master: "eth0.50", only: ["bun"] }),
    ...checkRows(programs, rounds, single),
    ...[250, 4000, 60_000].flatMap((held) => heldRows(programs, Math.min(rounds, 20), held)),
    ...crowdRows(programs, 3, single),
  );
  return { rows };
}

/** Makes what {@link kernelPlan} needs beside the host h1: its links, and two containers for each contender. */
export const kernelSetUp = `
  container wire wire1; cable h1 eth0 wire eth0; cable h1 eth1 wire1 eth0; mkdir -p ${folder}
  container bun pkg reference floor; for i in $(seq 100); do ip netns add n$i; done`;

function versionRow({ bun, pkg, reference }: Programs, rounds: number): Row {
  const environment = { CNI_COMMAND: "VERSION" };
  const command = (name: string, path: string): Contender => ({
    name,
    argv: [path],
    environment,
    stdin: "/dev/null",
    stdout: `${folder}/version.${name}`,
  });
  return {
    name: "VERSION",
    rounds,
    warmUps: 2,
    before: `mkdir -p ${folder}`,
    contenders: [command("bun", bun), command("pkg", pkg), command("reference", `${reference}/ipvlan`)],
  };
}

interface Network {
  readonly ipam: object;
  readonly mode?: string;
  readonly master?: string;
  /** Contenders that can do it. */
  readonly only?: readonly string[];
  readonly dataDir?: string;
}

/** ADD and DEL of one container, both timed: the container of each contender is attached and detached in turn. */
function attachRows(what: string, programs: Programs, rounds: number, network: Network, floor = true): Row[] {
  const add = (timed: "ADD" | "DEL"): Row => ({
    name: `${timed} ${what}`,
    rounds,
    warmUps: 2,
    contenders: [
      ...pluginsOf(programs)
        .filter(({ name }) => network.only === undefined || network.only.includes(name))
        .map((plugin) => attachment(plugin, timed, network, `${timed}-${what}`.replaceAll(" ", "-"))),
      ...(floor && what === "L2" && timed === "ADD" ? [floorOfAdd()] : []),
    ],
  });
  return [add("ADD"), add("DEL")];
}

interface Plugin {
  readonly name: string;
  readonly path: string;
  readonly cniPath: string;
}

function pluginsOf({ bun, pkg, reference }: Programs): Plugin[] {
  return [
    { name: "bun", path: bun, cniPath: reference },
    { name: "pkg", path: pkg, cniPath: reference },
    { name: "reference", path: `${reference}/ipvlan`, cniPath: reference },
  ];
}

function attachment(plugin: Plugin, timed: "ADD" | "DEL", network: Network, id: string): Contender {
  const { name, path, cniPath } = plugin;
  const file = `${folder}/${id}.${name}`;
  const config = configOf(name, network);
  const environment = (command: string) => ({
    CNI_COMMAND: command,
    CNI_CONTAINERID: `bench-${name}`,
    CNI_NETNS: `/run/netns/${name}`,
    CNI_IFNAME: "net0",
    CNI_PATH: cniPath,
  });
  const other = timed === "ADD" ? "DEL" : "ADD";
  const words = Object.entries(environment(other)).map(([key, value]) => `${key}=${value}`);
  const untimed = `env -i ${words.join(" ")} ${path} < ${file}.json > /dev/null`;
  const write = `[ -e ${file}.json ] || printf '%s' '${JSON.stringify(config)}' > ${file}.json`;
  return {
    name,
    argv: [path],
    environment: environment(timed),
    stdin: `${file}.json`,
    stdout: `${file}.out`,
    before: timed === "ADD" ? write : `${write}; ${untimed}`,
    after: timed === "ADD" ? untimed : undefined,
  };
}

// One parent each: mode and flag are the parent's, and contenders know nothing of each other.
function configOf(name: string, { ipam, mode = "l2", master = "eth0", dataDir }: Network): object {
  const own = `${dataDir ?? folder}/${name}`;
  return {
    cniVersion: "1.0.0",
    name: `bench-${mode}`,
    type: "ipvlan",
    master,
    mode,
    ipam: { type: "host-local", dataDir: own, ...ipam },
  };
}

/** The same kernel calls by iproute2 alone: no configuration is read and no address chosen. */
function floorOfAdd(): Contender {
  const batch = "link set net0 up\naddr add 10.50.9.9/16 dev net0\nroute add default via 10.50.0.1";
  return {
    name: "floor",
    argv: [
      "/bin/sh",
      "-c",
      `ip link add link eth0 name net0 netns floor type ipvlan && ip -n floor -batch ${folder}/floor`,
    ],
    environment: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdin: "/dev/null",
    stdout: `${folder}/floor.out`,
    before: `[ -e ${folder}/floor ] || printf '${batch}\n' > ${folder}/floor`,
    after: "ip -n floor link del net0",
  };
}

function checkRows(programs: Programs, rounds: number, ipam: object): Row[] {
  const contenders = pluginsOf(programs).map((plugin) => {
    const whole = attachment(plugin, "ADD", { ipam }, "CHECK");
    const { name, path } = plugin;
    const config = JSON.stringify(configOf(name, { ipam })).slice(0, -1);
    const variables = Object.entries(whole.environment).map(([key, value]) => `${key}=${value}`);
    const file = `${folder}/CHECK.${name}`;
    return {
      ...whole,
      environment: { ...whole.environment, CNI_COMMAND: "CHECK" },
      before: `[ -e ${file}.done ] || {
        printf '%s' '${config}}' > ${file}.add.json
        env -i ${variables.join(" ")} ${path} < ${file}.add.json > ${file}.result
        { printf '%s' '${config},"prevResult":'; cat ${file}.result; printf '}'; } > ${file}.json; touch ${file}.done; }`,
      after: undefined,
    };
  });
  const detach = pluginsOf(programs).map(({ name, path, cniPath }) => {
    const words = `CNI_COMMAND=DEL CNI_CONTAINERID=bench-${name} CNI_NETNS=/run/netns/${name} CNI_IFNAME=net0 CNI_PATH=${cniPath}`;
    return `env -i ${words} ${path} < ${folder}/CHECK.${name}.json > /dev/null`;
  });
  return [{ name: "CHECK", rounds, warmUps: 2, contenders, after: detach.join("\n") }];
}

/** ADD and DEL beside reservations that other containers hold. */
function heldRows(programs: Programs, rounds: number, held: number): Row[] {
  const ipam = { subnet: "10.60.0.0/14" };
  const dataDir = `${folder}/held-${held}`;
  const only = ["bun", "reference"];
  const rows = attachRows(
    `at ${held} reservations`,
    programs,
    // The reference takes seconds for each at 60,000 under emulation.
    held > 4000 ? 3 : rounds,
    { ipam, dataDir, only },
    false,
  );
  const filled = pluginsOf(programs).filter(({ name }) => only.includes(name));
  const fill = filled.map(
    ({ name }) => `mkdir -p ${dataDir}/${name}/bench-l2; awk 'BEGIN { for (i = 1000; i < ${1000 + held}; i++) {
        file = "${dataDir}/${name}/bench-l2/10.61." int(i / 256) "." i % 256; printf "other-%d\\r\\neth0", i > file; close(file) } }'`,
  );
  return rows.map((row, i) => (i === 0 ? { ...row, before: fill.join("\n") } : { ...row, after: `rm -rf ${dataDir}` }));
}

/** 100 containers attached, then detached, 16 at a time. */
function crowdRows(programs: Programs, rounds: number, ipam: object): Row[] {
  const contenders = pluginsOf(programs).map(({ name, path, cniPath }): Contender => {
    const file = `${folder}/crowd.${name}`;
    const one = (command: string) =>
      `seq 100 | xargs -P 16 -I@ env CNI_COMMAND=${command} CNI_CONTAINERID=crowd-@ CNI_NETNS=/run/netns/n@ CNI_IFNAME=net0 CNI_PATH=${cniPath} sh -c "${path} < ${file}.json >> ${file}.log"`;
    return {
      name,
      argv: ["/bin/sh", "-c", `${one("ADD")} && ${one("DEL")}`],
      environment: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      stdin: "/dev/null",
      stdout: `${file}.out`,
      before: `[ -e ${file}.json ] || printf '%s' '${JSON.stringify(configOf(name, { ipam }))}' > ${file}.json`,
    };
  });
  return [{ name: "100 ADDs and DELs, 16 at a time", rounds, warmUps: 0, contenders }];
}
