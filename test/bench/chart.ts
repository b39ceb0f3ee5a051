import { BESIDE_NONE } from "./plan.ts";
import { machineText, type Report } from "./report.ts";
import type { Figures } from "./statistics.ts";

/** Pixels. Letters of 12 pixels are about this wide on average; the longest label decides over the place of the bars. */
const LETTER = 6.6;
const ROW = 24;
const TOP = 76;
const NUMBER = 46;
/** As much time as the reference takes. */
const UNIT = 320;
const MARGIN = 16;

/** Both themes: the reader's own decides (an SVG in an <img> sees it, too). */
const style = `
    text { font: 12px sans-serif; fill: #1f2328 }
    .title { font-size: 14px; font-weight: bold }
    .quiet { fill: #59636e }
    .back { fill: #ffffff }
    .attachment { fill: #2563eb }
    .start { fill: #7c3aed }
    .interval { stroke: #1f2328 }
    .grid { stroke: #d1d9e0 }
    .reference { stroke: #c2410c } .reference-text { fill: #c2410c }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .quiet { fill: #9198a1 }
      .back { fill: #0d1117 }
      .attachment { fill: #4c8dff }
      .start { fill: #a78bfa }
      .interval { stroke: #e6edf3 }
      .grid { stroke: #30363d }
      .reference { stroke: #fb923c } .reference-text { fill: #fb923c }
    }`;

/**
 * A bar for each row: dist/native's time as a part of the reference's, with its confidence interval below the bar's middle and the
 * number before it; the scale begins at 0. Rows that the reference does not have are left out.
 */
export function chart(report: Report): string {
  const rows = [
    ...report.attachments.map((figures) => ({ figures, kind: "attachment" })),
    ...report.starts.map((figures) => ({ figures, kind: "start" })),
  ].filter(
    ({ figures: { row, contender, ratio } }) =>
      contender === "native" && ratio !== undefined && !row.startsWith("memory") && !row.endsWith(BESIDE_NONE),
  );
  const { date, versions, kernel } = report.circumstances;
  const title = "Time of dist/native beside the reference plugin: shorter is better";
  const notes = [
    `median of pairs with its 95 % interval; ${versions.reference}; ${date}`,
    `blue: ${machineText(report.circumstances)}; violet: Linux ${kernel}, no emulation`,
  ];
  const left = MARGIN + Math.max(...rows.map(({ figures }) => figures.row.length)) * LETTER + NUMBER + 8;
  const longest = Math.max(1, ...rows.map(({ figures }) => figures.ratio?.interval[1] ?? 0));
  const width = Math.ceil(
    Math.max(left + longest * UNIT, ...[title, ...notes].map((text) => text.length * LETTER)) + MARGIN * 2,
  );
  const bottom = TOP + rows.length * ROW;
  const height = bottom + 28;
  const x = (value: number): string => (left + value * UNIT).toFixed(1);
  const marks = Array.from({ length: Math.floor(longest * 4) + 1 }, (_, i) => i / 4);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>${escaped(title)}</title>
<style>${style}
</style>
<rect class="back" width="100%" height="100%"/>
<text class="title" x="${MARGIN}" y="24">${escaped(title)}</text>
${notes.map((note, i) => `<text class="quiet" x="${MARGIN}" y="${42 + i * 16}">${escaped(note)}</text>`).join("\n")}
${marks.map((mark) => `<path class="${mark === 1 ? "reference" : "grid"}" d="M${x(mark)} ${TOP - 4}V${bottom}"/>`).join("\n")}
${marks
  .map((mark) => {
    const [name, text] = mark === 1 ? ["reference-text", "the reference"] : ["quiet", String(mark)];
    return `<text class="${name}" x="${x(mark)}" y="${bottom + 16}" text-anchor="middle">${text}</text>`;
  })
  .join("\n")}
${rows.map(({ figures, kind }, i) => bar(figures, kind, TOP + i * ROW, left, x)).join("\n")}
</svg>
`;
}

function bar({ row, ratio }: Figures, kind: string, y: number, left: number, x: (value: number) => string): string {
  if (ratio === undefined) return "";
  const [low, high] = ratio.interval;
  const middle = y + 10;
  return [
    `<text x="${left - NUMBER - 8}" y="${y + 14}" text-anchor="end">${escaped(row)}</text>`,
    `<text x="${left - 8}" y="${y + 14}" text-anchor="end">${ratio.median.toFixed(2)}</text>`,
    `<rect class="${kind}" x="${left}" y="${y + 3}" width="${(Number(x(ratio.median)) - left).toFixed(1)}" height="14"/>`,
    `<path class="interval" d="M${x(low)} ${middle}H${x(high)}M${x(low)} ${middle - 3}V${middle + 3}M${x(high)} ${middle - 3}V${middle + 3}"/>`,
  ].join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
