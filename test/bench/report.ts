/** The bench's figures as text, for a terminal and for docs/speed.md. */
import type { ContenderName } from "./plan.ts";
import type { Estimate, Figures } from "./statistics.ts";

/** Where and of what the figures are. */
export interface Circumstances {
  /** YYYY-MM-DD */
  readonly date: string;
  readonly processor: string;
  readonly processors: number;
  /** Its release. */
  readonly kernel: string;
  /** Of the test machine, if attachments were measured. */
  readonly machine?: { readonly kind: "vm" | "local"; readonly kernel: string };
  readonly versions: Readonly<Record<"plugin" | "quickjs" | "node" | "reference", string>>;
  /** Bytes. */
  readonly sizes: Readonly<Record<"native" | "pkg" | "reference", number>>;
}

export interface Report {
  readonly circumstances: Circumstances;
  /** Starts, on this machine's own kernel. */
  readonly starts: readonly Figures[];
  /** In the test machine. */
  readonly attachments: readonly Figures[];
}

export function machineText(circumstances: Circumstances): string {
  const { machine } = circumstances;
  if (machine === undefined || machine.kind === "local") return `Linux ${machine?.kernel ?? circumstances.kernel}`;
  return `Linux ${machine.kernel} in a virtual machine without hardware acceleration`;
}

const unitOf = (row: string): string => (row.startsWith("memory") ? "MiB" : "ms");
const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2));
const range = ([low, high]: readonly [number, number], show: (value: number) => string): string =>
  `${show(low)} to ${show(high)}`;
const ratioText = ({ median, interval }: Estimate): string =>
  `${median.toFixed(2)} (${range(interval, (value) => value.toFixed(2))})`;

/** For a terminal: one line for each row and contender. */
export function table(figures: readonly Figures[]): string {
  const lines = [["", "", "median", "quartiles", "to the reference (95 %)"]];
  let last = "";
  for (const { row, contender, median, quartiles, ratio, beyond, toFloor, runs } of figures) {
    const notes = ratio === undefined ? [] : [ratioText(ratio)];
    if (beyond !== undefined) {
      notes.push(`${digits(beyond.median)} ms (${range(beyond.interval, digits)}) beyond the empty program`);
    }
    if (toFloor !== undefined) notes.push(`${ratioText(toFloor)} of iproute2 making the same calls`);
    lines.push([
      row === last ? "" : `${row} (${runs})`,
      contender,
      `${digits(median)} ${unitOf(row)}`,
      range(quartiles, digits),
      notes.join("; "),
    ]);
    last = row;
  }
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  return lines
    .map(([row, contender, median, quartiles, notes]) =>
      [
        row?.padEnd(widths[0] as number),
        contender?.padEnd(widths[1] as number),
        median?.padStart(widths[2] as number),
        quartiles?.padEnd(widths[3] as number),
        notes,
      ]
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The section of docs/speed.md between its marks. */
export function section({ circumstances, starts, attachments }: Report): string {
  const { date, processor, processors, versions, sizes } = circumstances;
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  const head = [
    "| | `dist/native` | `dist/pkg` | reference | `dist/native` to reference (95 % interval) |",
    "|---|---|---|---|---|",
  ];
  const size = `| size of the executable | ${megabytes(sizes.native)} | ${megabytes(sizes.pkg)} | ${megabytes(sizes.reference)} | |`;
  const floors = attachments.filter(({ contender }) => contender === "floor");
  const toFloors = attachments.flatMap(({ contender, toFloor }) =>
    contender === "native" && toFloor !== undefined ? [ratioText(toFloor)] : [],
  );
  const beyond = starts.find(({ contender, beyond }) => contender === "native" && beyond !== undefined)?.beyond;
  return [
    `Whole processes, medians, measured by \`npm run bench\` on ${date} in turn with the reference plugin (${versions.reference}), on`,
    `${machineText(circumstances)}: emulation makes everything some fifteen times slower than it is, and the ratios are what counts.`,
    "",
    ...head,
    ...markdownRows(attachments),
    size,
    "",
    "The reference plugin waits for IPv6's duplicate address detection, and reads every reservation. In the rows `beside none`,",
    "`dist/native` is compared with itself without reservations. Where a cell is empty, the plugin has no such thing, or was not measured.",
    ...(floors.length === 2 && toFloors.length === 2
      ? [
          `iproute2 making the same calls (\`ip -batch\`) takes ${floors.map(({ median }) => `${digits(median)} ms`).join(" for ADD and ")} for DEL; ` +
            `\`dist/native\` is ${toFloors.join(" and ")} of it.`,
        ]
      : []),
    "",
    `The start alone, on Linux ${circumstances.kernel} without emulation (${processors} processors, ${processor}):`,
    "",
    ...head,
    ...markdownRows(starts),
    "",
    ...(beyond === undefined
      ? []
      : [
          `A start takes ${digits(beyond.median)} ms (${range(beyond.interval, digits)}) more than that of an empty static C program: ` +
            "[where the time goes](../test/bench/start-up.md).",
          `QuickJS-ng ${versions.quickjs}, Node.js ${versions.node}, this plugin ${versions.plugin}.`,
        ]),
    "",
    "![Time relative to the reference plugin](../test/bench/chart.svg)",
  ].join("\n");
}

function markdownRows(figures: readonly Figures[]): string[] {
  const rows = Map.groupBy(figures, ({ row }) => row);
  return [...rows].flatMap(([row, ofRow]) => {
    const of = (name: ContenderName) => ofRow.find(({ contender }) => contender === name);
    const cell = (name: ContenderName): string => {
      const found = of(name);
      return found === undefined ? "" : `${digits(found.median)} ${unitOf(row)}`;
    };
    const native = of("native");
    if (native === undefined || of("empty") !== undefined) return [];
    return [
      `| ${row} | ${cell("native")} | ${cell("pkg")} | ${cell(of("none") ? "none" : "reference")} | ${native.ratio ? ratioText(native.ratio) : ""} |`,
    ];
  });
}
