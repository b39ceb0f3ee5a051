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
      "Then all of them together: a network's name that is used twice, networks that give out the same addresses, one parent with two modes or flags, and what does not fit this host: an L2 subnet that the parent has no address in, a plugin that is in none of the plugin folders.",
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
