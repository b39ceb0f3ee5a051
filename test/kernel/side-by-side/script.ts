// The script by which the test machine calls both plugins. Processes are dear there: few calls, some at a time.
import type { CniVersion } from "../../../src/cni/versions.ts";
import { quote } from "../lib/lab.ts";
import { type Configuration, myIpam } from "./configurations.ts";

/** A configuration in one version, and the number under which both plugins do it. */
export interface Run {
  readonly number: number;
  readonly configuration: Configuration;
  readonly version: CniVersion;
  /** With the kernel's state, and what the configuration says; else ADD alone. */
  readonly whole: boolean;
}

/** A plugin with its host. */
export interface Side {
  /** The names of its containers' namespaces begin with it. */
  readonly letter: string;
  readonly host: string;
  readonly plugin: string;
  /** CNI_PATH */
  readonly path: string;
  /** Folder of the plugins that come later in a chain. */
  readonly later: string;
}

export const programs = "/tmp/lab/bin";
const folder = "/tmp/lab/side-by-side";
/** At once, of each side; the reference waits for seconds where there is IPv6. */
const workers = 4;

/** The hosts that configurations.ts describes, and what else the configurations name. */
export function setUpScript(sides: readonly Side[]): string {
  return `
    ${sides.map(({ host }) => hostScript(host)).join("\n")}
    mkdir -p ${programs} ${folder}; cd ${folder}
    cat > ${programs}/my-ipam <<'END'\n${myIpam}END
    chmod +x ${programs}/my-ipam
    printf 'nameserver 10.1.2.54\\nsearch c.test\\n' > /tmp/lab/resolv.conf
    printf 'addr show\\nroute show table all\\n' > snapshot
    echo '}' > tail
    cat > words <<'END'\n${words}END`;
}

const hostScript = (host: string): string => `
  host ${host}; container ${host}-net
  ip -n ${host} -batch - <<'END'
${[0, 1, 2]
  .flatMap((n) => [
    `link add eth${n} address 02:00:00:00:00:0${n} type veth peer name eth${n} netns ${host}-net`,
    `link set eth${n} up`,
    `addr add 192.168.${n}.1/24 dev eth${n}`,
  ])
  .join("\n")}
link add link eth0 name eth0.40 type vlan id 40
link set eth0.40 up
link add br0 address 02:00:00:00:00:10 type bridge
link set br0 up
link add down0 address 02:00:00:00:00:11 type dummy
link add busy0 address 02:00:00:00:00:12 type dummy
link set busy0 up
link add link busy0 name iv0 type ipvlan mode l3
END
  ip -n ${host}-net -batch - <<'END'
${[0, 1, 2].flatMap((n) => [`link set eth${n} up`, `addr add 192.168.${n}.2/24 dev eth${n}`]).join("\n")}
END
  ip -n ${host} route add default via 192.168.0.2`;

const words = `
plugin() { # COMMAND FILE INPUT [PROGRAM]
  CNI_COMMAND=$1 "\${4:-$plugin}" < "$3" > "$2.out" 2> "$2.err" && echo 0 > "$2.exit" || echo $? > "$2.exit"
}
inside() { # NAMESPACE COMMAND...
  _name=$1
  shift
  nsenter --net="/run/netns/$_name" -- "$@"
}
succeeded() { # FILE
  read -r code < "$1.exit" && [ "$code" = 0 ]
}
# The plugins behind ours: each has the result of the one before, and the last one's is that of all in CHECK and DEL.
later() { # COMMAND TYPE...
  command=$1
  shift
  for type; do
    cat "later-$type" result ${folder}/tail > in
    plugin "$command" "$type-$command" in "$later/$type"
    [ "$command" != ADD ] || ! succeeded "$type-ADD" || cp "$type-ADD.out" result
  done
}
# The kernel makes the local route of an IPv6 address in its own time, soon after it has answered.
snapshot() { # NAMESPACE
  for attempt in 1 2 3 4 5; do
    ip -d -j -n "$1" -batch ${folder}/snapshot > kernel
    [ "$ipv6" ] && grep -q '"local":"2001:' kernel || return 0
    grep -q '"tentative":true|"type":"local","dst":"2001:' kernel && return 0
    sleep 0.2
  done
}
run() { # FOLDER NAMESPACE NETWORK
  cd "$1"
  export CNI_NETNS=/run/netns/$2
  container=$2
  [ ! -e before ] || . ./before > before.out 2>&1
  plugin ADD add in
  [ "$whole" ] || return 0
  cp add.out result
  ! succeeded add || later ADD $chain
  snapshot "$2"
  reservations="/var/lib/cni/networks/$3 /var/lib/cni/networks/other/$3"
  settings="/proc/sys/net/ipv4/conf/$CNI_IFNAME /proc/sys/net/ipv6/conf/lo /proc/sys/net/ipv6/conf/$CNI_IFNAME"
  [ "$closely" ] || settings=
  nsenter --net=/run/netns/$2 grep -rs "" $settings $reservations > state || :
  [ "$closely" ] || return 0
  if succeeded add; then
    [ ! -e traffic ] || . ./traffic > traffic.out 2>&1
    cat head result ${folder}/tail > in
    plugin CHECK check in
    later CHECK $chain
    later DEL $reversed
    [ -z "$chain" ] || cat head result ${folder}/tail > in
  fi
  plugin DEL del in
  [ ! -e behind ] || . ./behind > behind.out 2>&1
  nsenter --net=/run/netns/$2 grep -rs "" /proc/self/net/dev $reservations > after || :
}
`;

/** All runs of both sides; prints every file that they wrote, as \`FILE:LINE\`. */
export function runsScript(runs: readonly Run[], sides: readonly Side[]): string {
  const namespaces = sides.flatMap((side) => runs.map((run) => namespaceOf(side, run)));
  const batch = (verb: string) =>
    `ip -batch - <<'END'\n${namespaces.map((name) => `netns ${verb} ${name}`).join("\n")}\nEND`;
  return `
    cd ${folder}; mkdir -p ${namespaces.join(" ")}
    ${batch("add")}
    ${sides.map((side) => workersScript(side, runs)).join("\n")}
    wait
    ${batch("del")}
    grep -rs "" ${sides.map(({ letter }) => `${letter}[0-9]*`).join(" ")} || :`;
}

function workersScript(side: Side, runs: readonly Run[]): string {
  const shares = Array.from({ length: workers }, (_, worker) =>
    runs.filter(({ number }) => number % workers === worker),
  );
  return shares
    .map((share, worker) => {
      const file = `${folder}/worker-${side.letter}${worker}`;
      const lines = [
        `. ${folder}/words`,
        `plugin=${quote(side.plugin)}`,
        `export CNI_PATH=${quote(side.path)}`,
        `later=${quote(side.later)} host=${side.host} net=${side.host}-net`,
        ...share.map((run) => runScript(side, run)),
      ];
      return `cat > ${file} <<'END-OF-WORKER'\n${lines.join("\n")}\nEND-OF-WORKER\non ${side.host} sh -u ${file} &`;
    })
    .join("\n");
}

function runScript(side: Side, run: Run): string {
  const { configuration, version, number, whole } = run;
  const own = typeof configuration.config === "function" ? configuration.config(version) : configuration.config;
  const network = `network-${number}`;
  const config = { cniVersion: version, name: network, type: "ipvlan", ...own };
  const withoutPrevious = JSON.stringify({ ...config, prevResult: undefined });
  const namespace = namespaceOf(side, run);
  const place = `${folder}/${namespace}`;
  const lines = [
    `printf %s ${quote(JSON.stringify(config))} > ${place}/in`,
    `printf %s ${quote(`${withoutPrevious.slice(0, -1)},"prevResult":`)} > ${place}/head`,
    `export CNI_CONTAINERID=container-${number} CNI_IFNAME=${configuration.ifname ?? "eth0"} CNI_ARGS=${quote(configuration.args ?? "")}`,
  ];
  if (configuration.container !== undefined) {
    lines.push(`ip -n ${namespace} -batch - <<'END'\n${configuration.container}\nEND`);
  }
  for (const [key, value] of Object.entries(configuration.sysctls ?? {})) {
    lines.push(`nsenter --net=/run/netns/${namespace} sh -c ${quote(`echo ${value} > /proc/sys/net/${key}`)}`);
  }
  const chain = configuration.chain ?? [];
  for (const one of chain) {
    const text = JSON.stringify({ cniVersion: version, name: network, ...one });
    lines.push(`printf %s ${quote(`${text.slice(0, -1)},"prevResult":`)} > ${place}/later-${one.type}`);
  }
  const types = chain.map(({ type }) => type);
  lines.push(`chain=${quote(types.join(" "))} reversed=${quote(types.toReversed().join(" "))}`);
  for (const name of ["before", "traffic", "behind"] as const) {
    const text = configuration[name];
    if (text !== undefined) lines.push(`cat > ${place}/${name} <<'END-OF-SCRIPT'\n${text}\nEND-OF-SCRIPT`);
  }
  lines.push(
    `whole=${whole ? 1 : ""} closely=${configuration.closely ? 1 : ""} ipv6=${withoutPrevious.includes("2001:") ? 1 : ""}`,
    `run ${place} ${namespace} ${network}`,
  );
  return numbered(lines.join("\n"), run);
}

const namespaceOf = ({ letter }: Side, { number }: Run): string => `${letter}${number}`;

// The kernel gives no address twice on one parent: a run's addresses have a number where the configuration has 1.
const prefixes = ({ number }: Run): [string, string][] => [
  ["10.1.", `10.${number + 2}.`],
  ["2001:db8:1:", `2001:db8:${(number + 2).toString(16)}:`],
];

const numbered = (text: string, run: Run): string =>
  prefixes(run).reduce((result, [one, own]) => result.replaceAll(one, own), text);

/** Takes the traces of the run out of a text: the number in its addresses, and its side in the namespace's name. */
export function unnumbered(text: string, side: Side, run: Run): string {
  return prefixes(run)
    .reduce((result, [one, own]) => result.replaceAll(own, one), text)
    .replaceAll(`/run/netns/${namespaceOf(side, run)}`, "/run/netns/c1")
    .replaceAll(new RegExp(`\\b(network|container)-${run.number}\\b`, "g"), (_, word) => `${word}-1`);
}
