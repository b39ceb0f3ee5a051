import { type CommandManual, commonExits, helpFlag, manual } from "../src/cli/manual.ts";

/** docs/commands.md: the words of the help. */
export function commandReference(): string {
  return `# The command line

<!-- Made by npm run documents from src/cli/manual.ts. -->

\`ipvlan\` without \`CNI_COMMAND\` in its environment is a command line: the same executable, whose commands are loaded only then.
Results are written on standard output, messages on standard error. Colours are used on a terminal alone, and not with \`NO_COLOR\`.

| command | what it does |
|---|---|
${manual.map(({ name, summary }) => `| [\`${name}\`](#ipvlan-${name}) | ${cell(summary)} |`).join("\n")}

Exit codes, where a command does not say otherwise: ${commonExits.map((line) => line.replace(/^(\d)/, "`$1`")).join("; ")}.

${manual.map(section).join("\n")}`;
}

function section({ name, words, description, summary, flags, examples, json, exits }: CommandManual): string {
  const parts = [
    `## ipvlan ${name}\n`,
    `\`ipvlan ${name}${words === "" ? "" : ` ${words}`}\`: ${summary}.\n`,
    ...description.map((one) => `${one}\n`),
    "| flag | |\n|---|---|",
    ...[...flags, helpFlag].map(({ name: flag, short, value, meaning }) => {
      const shown = `${short === undefined ? "" : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}`;
      return `| \`${cell(shown)}\` | ${cell(meaning)} |`;
    }),
    `\n\`\`\`sh\n${examples.map(({ command, meaning }) => `${command}   # ${meaning}`).join("\n")}\n\`\`\`\n`,
  ];
  if (json !== undefined) parts.push(`\`--json\`:\n\n${json.map((line) => `- ${line}`).join("\n")}\n`);
  if (exits !== undefined)
    parts.push(`Exit codes: ${exits.map((line) => line.replace(/^(\d)/, "`$1`")).join("; ")}.\n`);
  return parts.join("\n");
}

const cell = (text: string): string => text.replaceAll("|", "\\|");
