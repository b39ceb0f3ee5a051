import type { Terminal } from "../terminal.ts";
import type { GraphLink, HostGraph } from "./model.ts";

interface Line {
  readonly text: string;
  readonly below: readonly Line[];
}

/** A tree of lines. */
export function printText(graph: HostGraph, terminal: Terminal): void {
  const ofLink = ({ name, details, isFaulty, links, networks }: GraphLink): Line => ({
    text: `${terminal.style(isFaulty ? "red" : "bold", name)}  ${details.join(", ")}`,
    below: [
      ...networks.map((network) => ({
        text: `${terminal.style("cyan", network.name)}  ${network.details.join(", ")}: reach ${network.reach}`,
        below: network.containers.map((container) => ({
          text:
            `${container.name} ${container.ifname}  ${container.addresses.join(" ")}`.trimEnd() +
            (container.isAlive ? "" : terminal.style("red", "  dead")),
          below: [],
        })),
      })),
      ...links.map(ofLink),
    ],
  });
  const print = (lines: readonly Line[], indent: string): void => {
    lines.forEach(({ text, below }, index) => {
      const isLast = index === lines.length - 1;
      terminal.print(`${indent}${isLast ? "└─ " : "├─ "}${text}`);
      print(below, `${indent}${isLast ? "   " : "│  "}`);
    });
  };
  terminal.print(terminal.style("bold", graph.host));
  print(graph.links.map(ofLink), "");
}
