import { UsageError } from "./arguments.ts";
import { seeAttachments } from "./attachments.ts";
import { FINE, type Run } from "./command.ts";
import { printDot, printMermaid } from "./graph/diagrams.ts";
import { buildGraph, type HostGraph } from "./graph/model.ts";
import { printSvg } from "./graph/svg.ts";
import { printText } from "./graph/text.ts";
import { ownNetworks } from "./networks.ts";
import type { Terminal } from "./terminal.ts";

const formats: Readonly<Record<string, (graph: HostGraph, terminal: Terminal) => void>> = {
  text: printText,
  svg: printSvg,
  mermaid: printMermaid,
  dot: printDot,
};

export const graph: Run = ({ arguments: given, terminal }) => {
  const format = given.value("format") ?? "text";
  const print = formats[format];
  if (print === undefined) throw new UsageError(`--format ${format}: ${Object.keys(formats).join(", ")}`);
  const network = given.value("network");
  const networks = ownNetworks(given.value("config")).filter(
    ({ config }) => network === undefined || config.name === network,
  );
  const drawn = buildGraph(networks, seeAttachments({ network }));
  if (given.has("json")) terminal.printJson(drawn);
  else print(drawn, terminal);
  return FINE;
};
