import type { Terminal } from "../terminal.ts";
import type { GraphLink, HostGraph } from "./model.ts";

/** A node of a diagram, and what hangs on it. */
interface Node {
  readonly kind: "link" | "network" | "container" | "dead";
  readonly lines: readonly string[];
  readonly below: readonly Node[];
}

function nodesOf({ name, details, links, networks }: GraphLink): Node {
  return {
    kind: "link",
    lines: [name, details.join(", ")],
    below: [
      ...networks.map(
        (network): Node => ({
          kind: "network",
          lines: [network.name, network.details.join(", "), `reach ${network.reach}`],
          below: network.containers.map((container) => ({
            kind: container.isAlive ? "container" : "dead",
            lines: [`${container.name} ${container.ifname}`, ...container.addresses],
            below: [],
          })),
        }),
      ),
      ...links.map(nodesOf),
    ],
  };
}

/** Calls `node` for each, and `edge` for each with the one that it hangs on. */
function walk(
  graph: HostGraph,
  node: (id: string, node: Node) => void,
  edge: (from: string, to: string) => void,
): void {
  let count = 0;
  const visit = (one: Node, parent: string | undefined): void => {
    const id = `n${count++}`;
    node(id, one);
    if (parent !== undefined) edge(parent, id);
    for (const below of one.below) visit(below, id);
  };
  for (const link of graph.links) visit(nodesOf(link), undefined);
}

/** For Markdown that shows Mermaid (mermaid.js.org, flowchart). */
export function printMermaid(graph: HostGraph, terminal: Terminal): void {
  const [open, close] = [
    { link: "[", network: "([", container: "(", dead: "(" },
    { link: "]", network: "])", container: ")", dead: ")" },
  ];
  terminal.print("flowchart LR");
  walk(
    graph,
    (id, { kind, lines }) => {
      const text = lines.map((line) => line.replaceAll('"', "#quot;").replaceAll("<", "#lt;")).join("<br>");
      terminal.print(`  ${id}${open?.[kind]}"${text}"${close?.[kind]}${kind === "dead" ? ":::dead" : ""}`);
    },
    (from, to) => terminal.print(`  ${from} --- ${to}`),
  );
  terminal.print("  classDef dead stroke:#c00,stroke-dasharray:4");
}

/** For Graphviz (graphviz.org, the DOT language). */
export function printDot(graph: HostGraph, terminal: Terminal): void {
  const shapes = {
    link: "box",
    network: "box, style=rounded",
    container: "plaintext",
    dead: "plaintext, fontcolor=red",
  };
  const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  terminal.print(`graph ${quoted(graph.host)} {`);
  terminal.print("  rankdir=LR; node [fontname=monospace, fontsize=10];");
  walk(
    graph,
    (id, { kind, lines }) =>
      terminal.print(`  ${id} [label=${quoted(lines.join("\n")).replaceAll("\n", "\\n")}, shape=${shapes[kind]}];`),
    (from, to) => terminal.print(`  ${from} -- ${to};`),
  );
  terminal.print("}");
}
