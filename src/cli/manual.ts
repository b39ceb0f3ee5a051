import type { Flag } from "./arguments.ts";

/** What the help, the man page, the documentation and the completions say of a flag. */
export interface FlagManual extends Flag {
  readonly meaning: string;
  /** What completions offer as its value. */
  readonly completes?: Completes;
}

export type Completes = "file" | "network" | "container" | "parent" | "address" | readonly string[];

/** The one source of what is said about a command. */
export interface CommandManual {
  readonly name: string;
  /** What follows the name: `[FILE...]`. */
  readonly words: string;
  /** One line without a full stop. */
  readonly summary: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly flags: readonly FlagManual[];
  /** Words that begin another program's command line end our own flags. */
  readonly takesForeignWords?: true;
  readonly completes?: Completes;
  /** Each of these is run by a test. */
  readonly examples: readonly { readonly command: string; readonly meaning: string }[];
  /** Exit codes, where they are not the common ones. */
  readonly exits?: readonly string[];
  /** The keys of `--json`, one a line. */
  readonly json?: readonly string[];
}

const json: FlagManual = { name: "json", meaning: "print JSON for programs" };

const config: FlagManual = {
  name: "config",
  value: "FOLDER or FILE",
  meaning: "where networks are configured, default /etc/cni/net.d",
  completes: "file",
};

export const helpFlag: FlagManual = { name: "help", short: "h", meaning: "print this help" };

export const commonExits: readonly string[] = [
  "0: all is well",
  "1: something was found that is not as it should be; it is said on standard output",
  "2: it could not be done; standard error says why",
];

export const manual: readonly CommandManual[] = [
  {
    name: "validate",
    words: "[FILE or FOLDER...]",
    summary: "check network configurations, each and together",
    description: [
      "Reads configurations (.conf, .json) and lists (.conflist) as a runtime and this plugin read them, those of /etc/cni/net.d without a name, and reports every fault with its place. What only the plugins of a chain know is checked for its own plugins alone.",
      "Then all of them together: a network's name that is used twice, networks that give out the same addresses, one parent with two modes or flags, and what does not fit this host: a parent that is not there, an L2 subnet that the parent has no address in, a plugin that is in none of the plugin folders.",
    ],
    flags: [
      { name: "no-host", meaning: "for another host: compare nothing with the links and plugins of this one" },
      {
        name: "plugins",
        value: "FOLDER",
        meaning: "where plugins are looked for, instead of in $CNI_PATH, or /opt/cni/bin and /usr/lib/cni",
        completes: "file",
      },
      json,
    ],
    completes: "file",
    examples: [
      { command: "ipvlan validate", meaning: "what the runtimes of this host read" },
      {
        command: "ipvlan validate --no-host conf-examples/09-ipvlan20.conflist",
        meaning: "one file, meant for another host",
      },
    ],
    json: [
      "files[]: the paths that were read",
      "findings[]: file, line, column, severity (error or warning), pointer (JSON pointer), message",
    ],
  },
  {
    name: "convert",
    words: "WORD... | FILE | -",
    summary: "make a configuration list of what Docker, Compose, Podman or the reference plugin has",
    description: [
      "Takes the words of `docker network create -d ipvlan ...` or `podman network create -d ipvlan ...` as they stand in a shell's history, as arguments, in a file or on standard input (-); the output of `docker network inspect` or `podman network inspect`; a Compose file; or a configuration list of the reference plugin. It prints the configuration list for it. What cannot be carried over is said on standard error, and what Docker would refuse is refused.",
    ],
    flags: [
      {
        name: "to",
        value: "ipvlan|reference",
        meaning: "what is printed: this plugin's list (default), or from such a list one of the reference plugin's",
        completes: ["ipvlan", "reference"],
      },
      { name: "network", value: "NAME", meaning: "of several networks this one alone" },
      {
        name: "output",
        short: "o",
        value: "FOLDER",
        meaning: "write a file for each network, 10-NAME.conflist, instead of printing",
        completes: "file",
      },
      { name: "cni-version", value: "VERSION", meaning: "of the list, default 1.0.0" },
    ],
    takesForeignWords: true,
    completes: "file",
    examples: [
      {
        command: "ipvlan convert docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 db_net",
        meaning: "a network of Docker's",
      },
      { command: "docker network inspect db_net | ipvlan convert -", meaning: "the same from a running Docker" },
      {
        command: "ipvlan convert --output /etc/cni/net.d compose.yaml",
        meaning: "the ipvlan networks of a Compose file",
      },
    ],
    exits: ["0: everything was converted, with or without remarks", "2: refused, or not understood"],
  },
  {
    name: "doctor",
    words: "",
    summary: "look for what is wrong on this host, and tell what mends it",
    description: [
      "Looks at the kernel, at the runtimes that are installed (containerd, CRI-O, Podman with its CNI backend) and where they look for plugins and networks, at every configuration as ipvlan validate does, at the parents and the gateways on them (which are asked), at the containers' interfaces and addresses, at reservations and pools, at what hostAccess and announce need, and at chains of nf_tables that drop what containers in mode l3s receive or send. It changes nothing.",
      "Each finding has a severity, a place, what is wrong, and where there is one a command that mends it.",
    ],
    flags: [
      {
        name: "repair",
        meaning:
          "first put back what the host has lost for hostAccess and announce: its links, routes, rules and proxy entries",
      },
      json,
    ],
    examples: [
      { command: "ipvlan doctor", meaning: "as root" },
      { command: "ipvlan doctor --repair", meaning: "after a firewall was loaded anew, or a parent was set down" },
    ],
    exits: ["0: nothing was found", "1: something was found", "2: it could not be done"],
    json: [
      "findings[]: id (stays the same from version to version), severity (error or warning), place, message, mend (a shell command, or null)",
    ],
  },
  {
    name: "list",
    words: "",
    summary: "list the attachments on this host",
    description: [
      "Every interface that this plugin has made and that no DEL has taken away: network, container, interface, parent, mode, the addresses that it has, since when, and whether it is still there.",
    ],
    flags: [
      { name: "network", value: "NAME", meaning: "of this network alone", completes: "network" },
      { name: "parent", value: "LINK", meaning: "on this parent alone", completes: "parent" },
      {
        name: "container",
        value: "ID",
        meaning: "of this container alone; the beginning of its id is enough",
        completes: "container",
      },
      json,
    ],
    examples: [
      { command: "ipvlan list", meaning: "all of them" },
      { command: "ipvlan list --parent eth0 --json", meaning: "those on eth0, for a program" },
    ],
    json: [
      "attachments[]: network, container, interface, netns, parent, mode, flag, addresses[], since (or null), alive, and pod (namespace and name, or null)",
    ],
  },
  {
    name: "show",
    words: "NETWORK",
    summary: "show one network: configuration, parent, use of its pools, attachments",
    description: [
      "The configuration as the plugin understands it, with every default filled in, and what there is of it on this host.",
    ],
    flags: [config, json],
    completes: "network",
    examples: [{ command: "ipvlan show db_net", meaning: "a network of /etc/cni/net.d" }],
    json: [
      "name, file, cniVersion, mode, flag, mtu, isolated, linkInContainer, parent, parentUp, parentMtu, ipam, dataDir",
      "pools[]: family, subnets[] (subnet, first, last, gateway), size (text: a /64 has more than a number holds), held, next",
      "cluster: null, or store, node, blockSize {ipv4, ipv6}, blocks[], names[] (of this node), unreachedSince and failure (or null)",
      "attachments[]: as of ipvlan list",
    ],
  },
  {
    name: "graph",
    words: "",
    summary: "draw this host: links, VLANs, networks, containers, who reaches whom",
    description: [
      "As a tree of lines, or for others to draw: svg is a picture by itself, in light and dark; mermaid is for Markdown, dot for Graphviz.",
    ],
    flags: [
      {
        name: "format",
        value: "FORMAT",
        meaning: "text (default), svg, mermaid or dot",
        completes: ["text", "svg", "mermaid", "dot"],
      },
      { name: "network", value: "NAME", meaning: "this network alone", completes: "network" },
      config,
      json,
    ],
    examples: [
      { command: "ipvlan graph", meaning: "on a terminal" },
      { command: "ipvlan graph --format svg > host.svg", meaning: "a picture for a ticket" },
    ],
    json: [
      "host",
      "links[]: name, details[], isFaulty, links[] that stand on it, networks[]: name, details[], reach, containers[] (name, ifname, addresses[], isAlive)",
    ],
  },
  {
    name: "plan",
    words: "FILE",
    summary: "tell what an ADD would do now, without doing it",
    description: [
      "Every step in words and, where there is one, as the ip command that does the same; where the ADD would fail, the error that it would give. Nothing is made, and no address is reserved.",
    ],
    flags: [
      { name: "container", value: "ID", meaning: "the container's id" },
      { name: "netns", value: "PATH", meaning: "its network namespace, default /run/netns/ID", completes: "file" },
      { name: "ifname", value: "NAME", meaning: "its interface, default eth0" },
      { name: "ip", value: "ADDRESS", meaning: "an address that is asked for; may be given again" },
      json,
    ],
    completes: "file",
    examples: [
      {
        command: "ipvlan plan /etc/cni/net.d/10-db_net.conflist --container c1",
        meaning: "before a container is started",
      },
    ],
    exits: ["0: the ADD would succeed", "1: it would fail, as the last line says", "2: the file could not be read"],
    json: ["network", "steps[]: what, command (or null)", "error: code, msg, details, or null"],
  },
  {
    name: "release",
    words: "ADDRESS | --dead",
    summary: "give back an address, or all that is left of containers that are gone",
    description: [
      "For what a runtime has forgotten. It says what it is about to do, and asks on a terminal; elsewhere nothing is done without --yes. For an attachment that is known it is a DEL: interface, records, the parent that the plugin made, and addresses. What a container still has is not given back without --force.",
    ],
    flags: [
      { name: "dead", meaning: "all attachments whose interface is gone, and reservations from before this boot" },
      { name: "network", value: "NAME", meaning: "of this network alone", completes: "network" },
      { name: "yes", short: "y", meaning: "do not ask" },
      { name: "force", meaning: "also what a container still has" },
      config,
    ],
    completes: "address",
    examples: [
      { command: "ipvlan release 192.168.1.5", meaning: "one address" },
      { command: "ipvlan release --dead --yes", meaning: "after containers were killed without a DEL" },
    ],
    exits: [
      "0: given back, or nothing was to be",
      "1: nothing was given back, since nobody said yes",
      "2: it could not be done",
    ],
  },
  {
    name: "cluster",
    words: "[status [NETWORK] | release NODE | forget POD | sync [NETWORK]]",
    summary: "show and mend pools that are one over many nodes",
    description: [
      "status asks the store of a network with ipam.cluster whose blocks its subnets are, when each node last spoke with it, and with ipam.sticky which names addresses follow, and on which node their containers are. release takes all claims from a node that is off, or gone for ever; of one that spoke with the store a short while ago it wants --force: what its containers have would be given to others. forget, of NAMESPACE/POD and perhaps its interface, gives the addresses that follow the name to others, where its container is on no node. sync tells the store what this node holds, gives back what it has no use for, and learns what has become of its claims.",
    ],
    flags: [
      { name: "network", value: "NAME", meaning: "release, forget: in this network alone", completes: "network" },
      { name: "force", meaning: "release: also of a node that may be running" },
      { name: "yes", short: "y", meaning: "release, forget: without asking" },
      json,
      config,
    ],
    examples: [
      { command: "ipvlan cluster status", meaning: "all such networks of this host" },
      { command: "ipvlan cluster release worker-7 --yes", meaning: "after a node was taken away" },
      { command: "ipvlan cluster forget db/web-0 --yes", meaning: "after a StatefulSet was taken away" },
      { command: "ipvlan cluster sync", meaning: "for a timer, or after the store was away" },
    ],
    json: [
      "pools[]: network, node (this one's name), blockSize {ipv4, ipv6}, held and capacity (of this node), notOurs[] (addresses that this node lost while containers hold them), unreachedSince (or null)",
      "pools[].blocks[]: block, node, since, held (of this node's blocks, else null)",
      "pools[].addresses[]: address, node, since; claimed alone",
      "pools[].names[]: name, node (null where its container is on none), since, addresses[]",
      "pools[].nodes[]: node, seen",
    ],
  },
  {
    name: "metrics",
    words: "",
    summary: "print metrics for Prometheus",
    description: [
      "Sizes of pools, what of them is held and free, attachments by network and parent, and dead ones: for a file in node_exporter's textfile folder, written anew by a timer.",
    ],
    flags: [config],
    examples: [
      { command: "ipvlan metrics", meaning: "as text" },
      {
        command:
          "ipvlan metrics > /var/lib/node_exporter/ipvlan.prom.new && mv /var/lib/node_exporter/ipvlan.prom.new /var/lib/node_exporter/ipvlan.prom",
        meaning: "whole or not at all, for node_exporter",
      },
    ],
  },
  {
    name: "schema",
    words: "",
    summary: "print the JSON Schema of the configuration",
    description: ["An editor that is given it completes and checks the keys."],
    flags: [{ name: "list", meaning: "of a configuration list (.conflist) instead of one plugin's entry" }],
    examples: [{ command: "ipvlan schema --list", meaning: "for *.conflist" }],
  },
  {
    name: "completion",
    words: "bash|zsh|fish",
    summary: "print a completion script for a shell",
    description: [
      "Commands, flags and files; networks, containers and parents as this host has them when the key is pressed.",
    ],
    flags: [],
    completes: ["bash", "zsh", "fish"],
    examples: [
      { command: "ipvlan completion bash > /etc/bash_completion.d/ipvlan", meaning: "for all users of bash" },
      { command: "ipvlan completion zsh > /usr/share/zsh/site-functions/_ipvlan", meaning: "for zsh" },
      { command: "ipvlan completion fish > /etc/fish/completions/ipvlan.fish", meaning: "for fish" },
    ],
  },
  {
    name: "version",
    words: "",
    summary: "print versions: of this program, of CNI, and what ipvlan the kernel has",
    description: [],
    flags: [json],
    examples: [{ command: "ipvlan version", meaning: "what a bug report needs" }],
    json: [
      "version, commit, arch, engine",
      "cniVersions[]",
      "kernel: release, and of ipvlan, 8021q and dummy whether it is loaded, built-in, a module, or absent",
    ],
  },
  {
    name: "help",
    words: "[COMMAND]",
    summary: "print help on a command",
    description: [],
    flags: [],
    examples: [{ command: "ipvlan help validate", meaning: "the same as ipvlan validate -h" }],
  },
];
