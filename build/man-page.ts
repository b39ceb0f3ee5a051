import { type CommandManual, commonExits, helpFlag, manual } from "../src/cli/manual.ts";
import { cniVersions } from "../src/cni/versions.ts";

/** ipvlan(8), in roff's man macros (man(7)), from the same words as the help. */
export function manPage(version: string): string {
  const lines = [
    `.TH IPVLAN 8 "" "ipvlan-cni ${version}" "System Administration"`,
    ".SH NAME",
    "ipvlan \\- CNI plugin for IPvlan networks, and its command line",
    // Long lines are broken as they are, without blanks that fill them, and without hyphens.
    ".nh",
    ".ad l",
    ".SH SYNOPSIS",
    ...manual.flatMap(({ name, words }) => [
      `.B ipvlan ${text(name)}`,
      text(`[FLAG...]${words === "" ? "" : ` ${words}`}`),
      ".br",
    ]),
    ".SH DESCRIPTION",
    "A container runtime starts",
    ".B ipvlan",
    `for each container, with CNI_COMMAND in the environment (CNI specification, versions ${cniVersions.join(", ")}).`,
    "Without CNI_COMMAND it is a command line.",
    "Results are written on standard output, messages on standard error; nothing is asked where there is no terminal.",
    ".SH COMMANDS",
    ...manual.flatMap(commandLines),
    ".SH EXIT STATUS",
    ...commonExits.flatMap((line) => paragraph(line)),
    ".SH ENVIRONMENT",
    ".TP",
    ".B CNI_COMMAND",
    "A command of the protocol: ADD, DEL, CHECK, GC, STATUS or VERSION.",
    ".TP",
    ".B CNI_PATH",
    "Folders of plugins, for validate and release.",
    ".TP",
    ".B NO_COLOR",
    "No colours on a terminal.",
    ".SH FILES",
    ...files.flatMap(([path, meaning]) => [".TP", `.I ${text(path)}`, text(meaning)]),
    ".SH SEE ALSO",
    ".BR ip\\-link (8),",
    ".BR ip\\-netns (8)",
  ];
  return `${lines.join("\n")}\n`;
}

const files = [
  ["/etc/cni/net.d", "Networks: configurations and configuration lists."],
  ["/var/lib/cni/networks", "Addresses that are reserved, a file each."],
  ["/run/ipvlan-cni", "Attachments, and the modes of their parents."],
] as const;

function commandLines({ name, words, summary, description, flags, examples, json, exits }: CommandManual): string[] {
  return [
    `.SS "ipvlan ${text(name)}${words === "" ? "" : ` ${text(words)}`}"`,
    `${text(summary[0]?.toUpperCase() + summary.slice(1))}.`,
    ...description.flatMap((one) => paragraph(one)),
    ...[...flags, helpFlag].flatMap(({ name: flag, short, value, meaning }) => [
      ".TP",
      `.B ${short === undefined ? "" : `\\-${short}, `}\\-\\-${text(flag)}${value === undefined ? "" : ` ${text(value)}`}`,
      text(meaning),
    ]),
    ...examples.flatMap(({ command, meaning }) => [...paragraph(`${meaning}:`), ".nf", `.B ${text(command)}`, ".fi"]),
    ...(json === undefined ? [] : [".PP", "JSON:", ...json.flatMap((line) => [".br", text(line)])]),
    ...(exits === undefined ? [] : [".PP", "Exit status:", ...exits.flatMap((line) => [".br", text(line)])]),
  ];
}

const paragraph = (one: string): string[] => [".PP", text(one)];

/** A backslash and a hyphen mean something to roff, and so does a dot or an apostrophe at a line's beginning. */
function text(one: string): string {
  return one
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("`", "")
    .replace(/^(?=[.'])/, "\\&");
}
