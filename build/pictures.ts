// The pictures of the documentation, as SVG: docs/pictures/*.svg, readable in light and dark. Written by npm run documents.

const style = `
  text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328 }
  .bold { font-weight: 600 } .small { font-size: 11px; fill: #59636e } .title { font-size: 15px; font-weight: 600 }
  .paper { fill: #ffffff } .host { fill: #f6f8fa; stroke: #818b98 } .link { fill: #ddf4ff; stroke: #0969da }
  .pod { fill: #dafbe1; stroke: #1a7f37 } .lan { fill: #fff8c5; stroke: #9a6700 }
  line, path { fill: none; stroke: #59636e; stroke-width: 1.5 }
  .yes { stroke: #1a7f37; stroke-width: 2 } .no { stroke: #cf222e; stroke-width: 2; stroke-dasharray: 5 4 }
  .maybe { stroke: #9a6700; stroke-width: 2; stroke-dasharray: 9 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 }
    .paper { fill: #0d1117 } .host { fill: #151b23; stroke: #656c76 } .link { fill: #10233d; stroke: #4493f8 }
    .pod { fill: #0f2a18; stroke: #3fb950 } .lan { fill: #272115; stroke: #d29922 } line, path { stroke: #9198a1 }
    .yes { stroke: #3fb950 } .no { stroke: #f85149 } .maybe { stroke: #d29922 }
  }`;

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${title}</title>
<style>${style}
</style>
<rect class="paper" width="${width}" height="${height}"/>
${parts.join("\n")}
</svg>
`;
}

function box(
  x: number,
  y: number,
  width: number,
  height: number,
  className: string,
  ...lines: readonly string[]
): string {
  const first = y + height / 2 - ((lines.length - 1) * 16) / 2 + 4;
  const texts = lines.map((line, i) => words(x + width / 2, first + i * 16, line, i === 0 ? "bold" : "small"));
  return `<rect class="${className}" x="${x}" y="${y}" width="${width}" height="${height}" rx="6"/>${texts.join("")}`;
}

const words = (x: number, y: number, line: string, className = "", anchor = "middle"): string =>
  `<text class="${className}" x="${x}" y="${y}" text-anchor="${anchor}">${line}</text>`;

const line = (x1: number, y1: number, x2: number, y2: number, className = ""): string =>
  `<line class="${className}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;

/** A host with containers on its link, on a VLAN of it, and alone. */
function overview(): string {
  const pod = (x: number, y: number, name: string, address: string) => box(x, y, 118, 44, "pod", name, address);
  return svg(760, 330, "Containers on a host's own link, on a VLAN of it, and on none", [
    `<rect class="host" x="16" y="16" width="560" height="298" rx="8"/>`,
    words(32, 40, "a host", "title", "start"),
    pod(40, 64, "pod a", "192.168.1.2"),
    pod(170, 64, "pod b", "192.168.1.3"),
    pod(310, 64, "pod c", "10.20.0.2"),
    pod(440, 64, "pod d", "172.18.0.2"),
    line(99, 108, 150, 216),
    line(229, 108, 180, 216),
    line(369, 108, 369, 146),
    line(499, 108, 499, 216),
    box(310, 146, 118, 40, "link", "eth0.20", "made for the first"),
    line(369, 186, 230, 236),
    box(100, 216, 130, 40, "link", "eth0", "the parent"),
    box(440, 216, 118, 40, "link", "di-alone", "isolated"),
    words(40, 296, "one MAC address, no bridge, no NAT", "small", "start"),
    line(165, 256, 165, 284),
    line(165, 284, 600, 284),
    line(600, 284, 600, 230),
    box(600, 150, 140, 80, "lan", "the network", "untagged and VLAN 20"),
  ]);
}

interface Panel {
  /** The upper left corner. */
  readonly x: number;
  readonly y: number;
  /** The frame, and in it the title and what it says. */
  readonly frame: readonly string[];
}

/** One of several panels of a size, in rows of so many. */
function panel(
  index: number,
  columns: number,
  [width, height]: readonly [number, number],
  { title, says }: { readonly title: string; readonly says: string },
): Panel {
  const x = 16 + (index % columns) * (width + 12);
  const y = 16 + Math.floor(index / columns) * (height + 12);
  const frame = [
    `<rect class="host" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    words(x + 14, y + 26, title, "title", "start"),
    words(x + 14, y + 46, says, "small", "start"),
  ];
  return { x, y, frame };
}

type Reach = "yes" | "no" | "maybe";

interface Mode {
  readonly title: string;
  readonly says: string;
  readonly peer: Reach;
  readonly host: Reach;
  readonly lan: Reach;
}

const modes: readonly Mode[] = [
  { title: "l2", says: "neighbours on the parent's network", peer: "yes", host: "maybe", lan: "yes" },
  { title: "l2 private", says: "each by itself", peer: "no", host: "no", lan: "yes" },
  { title: "l2 vepa", says: "each other by way of the switch", peer: "maybe", host: "no", lan: "yes" },
  { title: "l3", says: "routed by the host's kernel", peer: "yes", host: "maybe", lan: "maybe" },
  { title: "l3s", says: "as l3, others through the host's netfilter", peer: "yes", host: "maybe", lan: "maybe" },
  { title: "isolated", says: "on a dummy link", peer: "yes", host: "maybe", lan: "no" },
];

/** Who reaches whom, a panel for each mode. */
function reach(): string {
  const [width, height] = [300, 250];
  const panels = modes.flatMap(({ peer, host, lan, ...heading }, index) => {
    const { x, y, frame } = panel(index, 3, [width, height], heading);
    return [
      ...frame,
      line(x + 116, y + 92, x + 184, y + 92, peer),
      line(x + 66, y + 118, x + 66, y + 182, host),
      line(x + 90, y + 118, x + 212, y + 190, lan),
      box(x + 16, y + 66, 100, 52, "pod", "container"),
      box(x + 184, y + 66, 100, 52, "pod", "container"),
      box(x + 16, y + 182, 100, 48, "link", "host"),
      box(x + 184, y + 182, 100, 48, "lan", "others"),
    ];
  });
  const y = 16 + 2 * (height + 12);
  const legend = (
    [
      ["yes", 30, "reaches"],
      ["maybe", 260, "where something else allows it: see the table"],
      ["no", 670, "does not reach"],
    ] as const
  ).flatMap(([kind, x, text]) => {
    return [line(x, y + 14, x + 40, y + 14, kind), words(x + 50, y + 18, text, "small", "start")];
  });
  return svg(16 + 3 * (width + 12), y + 34, "Who reaches whom in each mode", [...panels, ...legend]);
}

interface Wish {
  readonly title: string;
  readonly says: string;
  /** Addresses of a pod on each node. */
  readonly pods: readonly [string, string];
  readonly nodes: readonly [string, string];
  readonly wire: string;
  readonly other: readonly [string, string];
}

const wishes: readonly Wish[] = [
  {
    title: "own subnets: l3s and BGP",
    says: "each node tells the router its containers",
    pods: ["10.244.1.7", "10.244.2.9"],
    nodes: ["node 1, BIRD", "node 2, BIRD"],
    wire: "192.168.50.0/24",
    other: ["router", "10.244.1.7 via node 1"],
  },
  {
    title: "flat LAN: l2 and one pool",
    says: "pods are machines of the LAN; nodes claim blocks",
    pods: ["192.168.50.70", "192.168.50.131"],
    nodes: ["node 1: .64/26", "node 2: .128/26"],
    wire: "192.168.50.0/24",
    other: ["a machine", "asks the pod by ARP"],
  },
  {
    title: "flat LAN: l3s and announce",
    says: "the node answers ARP and ND for its pods",
    pods: ["192.168.50.97", "192.168.50.98"],
    nodes: ["node 1, netfilter", "node 2, netfilter"],
    wire: "192.168.50.0/24",
    other: ["a machine", "hears the node's MAC"],
  },
  {
    title: "VLAN per namespace: Multus",
    says: "a second interface in the pod, beside the cluster's",
    pods: ["192.168.20.77", "192.168.20.78"],
    nodes: ["node 1: eth0.20", "node 2: eth0.20"],
    wire: "VLAN 20 on the trunk",
    other: ["VLAN 20", "its router, its firewall"],
  },
];

/** Networks of a Kubernetes, a panel for each. */
function kubernetes(): string {
  const [width, height] = [368, 236];
  const panels = wishes.flatMap(({ pods, nodes, wire, other, ...heading }, index) => {
    const { x, y, frame } = panel(index, 2, [width, height], heading);
    const onNodes = ([0, 1] as const).flatMap((at) => {
      const left = x + 14 + at * 176;
      return [
        line(left + 82, y + 108, left + 82, y + 122),
        line(left + 82, y + 154, left + 82, y + 174),
        box(left, y + 64, 164, 44, "pod", "pod", pods[at]),
        box(left, y + 122, 164, 32, "link", nodes[at]),
      ];
    });
    return [
      ...frame,
      ...onNodes,
      line(x + 14, y + 174, x + 354, y + 174),
      line(x + 272, y + 174, x + 272, y + 186),
      words(x + 14, y + 194, wire, "small", "start"),
      box(x + 190, y + 186, 164, 42, "lan", ...other),
    ];
  });
  return svg(16 + 2 * (width + 12), 16 + 2 * (height + 12), "Networks of a Kubernetes", panels);
}

/** By the file's name. */
export const pictures: Readonly<Record<string, () => string>> = {
  "kubernetes.svg": kubernetes,
  "overview.svg": overview,
  "reach.svg": reach,
};
