import type { Terminal } from "../terminal.ts";
import { wrap } from "../wrap.ts";
import type { GraphContainer, GraphLink, GraphNetwork, HostGraph } from "./model.ts";

/*
 * Columns from left to right: links, the VLANs on them, networks, and each network's containers in a grid that is about as high as it
 * is wide. Lengths are in pixels.
 */
const gap = 14;
const lineHeight = 16;
/** Of a monospaced character at 12 pixels. */
const characterWidth = 7.25;
const padding = 9;
const linkWidth = 190;
const networkWidth = 250;
const containerWidth = 172;
const columnGap = 46;
/** Containers of a network that are drawn; the rest is a number. */
const most = 300;

const style = `
  text { font: 12px ui-monospace, "DejaVu Sans Mono", monospace; fill: #1f2328 }
  .title { font-weight: bold } .small { fill: #59636e }
  .paper { fill: #ffffff } .link { fill: #ddf4ff; stroke: #0969da } .network { fill: #dafbe1; stroke: #1a7f37 }
  .container { fill: #f6f8fa; stroke: #818b98 } .dead, .faulty { fill: #ffebe9; stroke: #cf222e }
  .dead { stroke-dasharray: 4 3 } path { fill: none; stroke: #818b98 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .paper { fill: #0d1117 } .link { fill: #10233d; stroke: #4493f8 } .network { fill: #0f2a18; stroke: #3fb950 }
    .container { fill: #151b23; stroke: #656c76 } .dead, .faulty { fill: #3c1618; stroke: #f85149 } path { stroke: #656c76 }
  }`;

/** What is drawn, and how much room it takes. */
interface Drawn {
  readonly width: number;
  readonly height: number;
  /** Of the line that comes from the left. */
  readonly middle: number;
  readonly parts: readonly string[];
}

export function printSvg(graph: HostGraph, terminal: Terminal): void {
  const top = gap + 2 * lineHeight;
  const drawn = stack(graph.links.map((link) => (y: number) => drawLink(link, gap, top + y)));
  const width = Math.ceil(Math.max(drawn.width + gap, 420));
  const height = Math.ceil(top + drawn.height + gap);
  terminal.print(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
  );
  terminal.print(`<title>${escaped(graph.host)}: links, networks and containers of ipvlan-cni</title>`);
  terminal.print(`<style>${style}\n</style>`);
  terminal.print(`<rect class="paper" width="${width}" height="${height}"/>`);
  terminal.print(text(gap, gap + lineHeight, graph.host, "title", 60));
  for (const part of drawn.parts) terminal.print(part);
  terminal.print("</svg>");
}

/** One under another. */
function stack(drawers: readonly ((y: number) => Drawn)[]): Drawn {
  let [y, width] = [0, 0];
  const parts: string[] = [];
  const middles: number[] = [];
  for (const draw of drawers) {
    const drawn = draw(y);
    parts.push(...drawn.parts);
    middles.push(drawn.middle);
    y += drawn.height + gap;
    width = Math.max(width, drawn.width);
  }
  const [first = 0, last = 0] = [middles[0], middles.at(-1)];
  return { width, height: Math.max(0, y - gap), middle: (first + last) / 2, parts };
}

function drawLink(link: GraphLink, x: number, y: number): Drawn {
  const lines = [link.name, ...link.details.flatMap((detail) => wrap(detail, charactersIn(linkWidth)))];
  const ownHeight = lines.length * lineHeight + padding;
  const right = x + linkWidth + columnGap;
  const below = [
    ...link.networks.map((network) => (at: number) => drawNetwork(network, right, y + at)),
    ...link.links.map((one) => (at: number) => drawLink(one, right, y + at)),
  ];
  return drawNode(
    { x, y, width: linkWidth, height: ownHeight, className: link.isFaulty ? "faulty" : "link", lines },
    below,
  );
}

function drawNetwork(network: GraphNetwork, x: number, y: number): Drawn {
  const characters = charactersIn(networkWidth);
  const lines = [
    network.name,
    ...network.details.flatMap((detail) => wrap(detail, characters)),
    ...wrap(`reach ${network.reach}`, characters),
  ];
  const height = lines.length * lineHeight + padding;
  const right = x + networkWidth + columnGap;
  const below =
    network.containers.length === 0 ? [] : [(at: number) => drawContainers(network.containers, right, y + at)];
  return drawNode({ x, y, width: networkWidth, height, className: "network", lines }, below);
}

function drawContainers(containers: readonly GraphContainer[], x: number, y: number): Drawn {
  const shown = containers.slice(0, most);
  const columns = Math.min(6, Math.max(1, Math.ceil(Math.sqrt(shown.length / 3))));
  const cellHeight = (1 + Math.max(1, ...shown.map(({ addresses }) => addresses.length))) * lineHeight + padding;
  const rows = Math.ceil(shown.length / columns);
  const parts = shown.flatMap(({ name, ifname, addresses, isAlive }, index) => {
    const at = {
      x: x + (index % columns) * (containerWidth + 8),
      y: y + Math.floor(index / columns) * (cellHeight + 8),
    };
    const className = isAlive ? "container" : "dead";
    return box({
      ...at,
      width: containerWidth,
      height: cellHeight,
      className,
      lines: [`${name} ${ifname}`, ...(isAlive ? addresses : ["gone"])],
    });
  });
  let height = rows * (cellHeight + 8) - 8;
  if (containers.length > shown.length) {
    parts.push(text(x, y + height + lineHeight, `and ${containers.length - shown.length} more`, "small", 40));
    height += lineHeight;
  }
  return { width: x + columns * (containerWidth + 8) - 8, height, middle: y + height / 2, parts };
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly className: string;
  /** The first is the title. */
  readonly lines: readonly string[];
}

/** A box, in the middle of what hangs on it to the right, and the lines to that. */
function drawNode(node: Box, drawers: readonly ((y: number) => Drawn)[]): Drawn {
  const middles: number[] = [];
  const below = stack(
    drawers.map((draw) => (at: number) => {
      const drawn = draw(at);
      middles.push(drawn.middle);
      return drawn;
    }),
  );
  const height = Math.max(node.height, below.height);
  const ownY =
    below.parts.length === 0
      ? node.y
      : Math.max(node.y, Math.min(below.middle - node.height / 2, node.y + height - node.height));
  const middle = ownY + node.height / 2;
  const [from, to] = [node.x + node.width, node.x + node.width + columnGap];
  const paths = middles.map((y) => `<path d="M${from} ${middle}H${from + columnGap / 2}V${y}H${to}"/>`);
  const parts = [...paths, ...box({ ...node, y: ownY }), ...below.parts];
  return { width: Math.max(node.x + node.width, below.width), height, middle, parts };
}

function box({ x, y, width, height, className, lines }: Box): string[] {
  const characters = charactersIn(width);
  return [
    `<g><title>${escaped(lines.join("\n"))}</title><rect class="${className}" x="${x}" y="${y}" width="${width}" height="${height}" rx="5"/>`,
    ...lines.map((line, index) =>
      text(x + padding, y + lineHeight * (index + 1), line, index === 0 ? "title" : "small", characters),
    ),
    "</g>",
  ];
}

const charactersIn = (width: number): number => Math.floor((width - 2 * padding) / characterWidth);

const text = (x: number, y: number, line: string, className: string, characters: number): string =>
  `<text class="${className}" x="${x}" y="${y}">${escaped(shortened(line, characters))}</text>`;

/** Names that begin alike differ at their ends. */
function shortened(line: string, characters: number): string {
  if (line.length <= characters) return line;
  const head = Math.ceil((characters - 1) / 3);
  return `${line.slice(0, head)}…${line.slice(line.length - (characters - 1 - head))}`;
}

const escaped = (line: string): string => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
