import { FAILED, FINE, FOUND, type Run } from "./command.ts";
import { compareNetworks, compareWithHost } from "./compare.ts";
import { configurationFiles, defaultFolder, type Finding, readConfigurations } from "./configurations.ts";
import { pluginFolders } from "./plugin-folders.ts";
import type { Terminal } from "./terminal.ts";

export const validate: Run = ({ arguments: given, environment, terminal }) => {
  let isUnread = false;
  const paths = given.words.length === 0 ? [defaultFolder] : given.words;
  const files = paths.flatMap((path) => {
    const found = configurationFiles(path);
    if (found !== undefined) return found;
    terminal.warn(`ipvlan: ${path} does not exist`);
    isUnread = true;
    return [];
  });
  const { networks, findings: each } = readConfigurations(files);
  const together = compareNetworks(networks);
  const folders = pluginFolders(given.value("plugins") ?? environment.CNI_PATH);
  const withHost = given.has("no-host") ? [] : compareWithHost(networks, folders);
  const findings = inOrder([...each, ...together, ...withHost], files);
  if (given.has("json")) {
    terminal.printJson({
      files,
      findings: findings.map(({ file, spot: { line, column }, severity, pointer, message }) => ({
        file,
        line,
        column,
        severity,
        pointer,
        message,
      })),
    });
  } else {
    for (const finding of findings) printFinding(terminal, finding);
    const what = findings.length === 0 ? "nothing found" : `${findings.length} found`;
    terminal.print(`${files.length} ${files.length === 1 ? "file" : "files"} read, ${what}`);
  }
  if (isUnread) return FAILED;
  return findings.length === 0 ? FINE : FOUND;
};

function inOrder(findings: readonly Finding[], files: readonly string[]): readonly Finding[] {
  const order = new Map(files.map((file, index) => [file, index]));
  const place = ({ file }: Finding): number => order.get(file) ?? 0;
  return findings.toSorted((a, b) => place(a) - place(b) || a.spot.line - b.spot.line || a.spot.column - b.spot.column);
}

/** Characters of a line that are shown; a file may be one line. */
const shown = 100;

function printFinding(terminal: Terminal, { file, spot, severity, message }: Finding): void {
  const colour = severity === "error" ? "red" : "yellow";
  const where = terminal.style("bold", `${file}:${spot.line}:${spot.column}:`);
  terminal.print(`${where} ${terminal.style(colour, `${severity}:`)} ${message}`);
  const from = Math.max(0, spot.column - 1 - shown / 2);
  const text = spot.text.slice(from, from + shown).replaceAll("\t", " ");
  terminal.print(`    ${text}`);
  terminal.print(`    ${" ".repeat(spot.column - 1 - from)}${terminal.style(colour, "^")}`);
}
