import { BESIDE_NONE } from "./plan.ts";
import { machineText, type Report } from "./report.ts";
import type { Figures } from "./statistics.ts";

const LEFT = 230;
const WIDTH = 640;
/** Pixels for as much time as the reference takes. */
const UNIT = 220;
const ROW = 24;
const TOP = 64;

/**
 * A bar for each row: dist/bun's time as a multiple of the reference's, with its confidence interval, and the reference's
 * as a line. Rows that the reference does not have are left out.
 */
export function chart(report: Report): string {
  const rows = [
    ...report.attachments.map((figures) => ({ figures, kind: "attachment" })),
    ...report.native.map((figures) => ({ figures, kind: "native" })),
  ].filter(
    ({ figures: { row, contender, ratio } }) =>
      contender === "bun" && ratio !== undefined && !row.startsWith("memory") && !row.endsWith(BESIDE_NONE),
  );
  const height = TOP + rows.length * ROW + 46;
  const { date, versions } = report.circumstances;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">
<title>Time of dist/bun relative to the reference plugin</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="20" font-size="14" font-weight="bold">dist/bun beside the reference plugin: shorter is better</text>
<text x="10" y="38" fill="#555">median of pairs with its 95 % interval; ${escaped(versions.reference)}; ${date}</text>
${rows.map(({ figures, kind }, i) => bar(figures, kind, TOP + i * ROW)).join("\n")}
<line x1="${LEFT + UNIT}" y1="${TOP - 12}" x2="${LEFT + UNIT}" y2="${height - 40}" stroke="#c2410c" stroke-width="1.5"/>
<text x="${LEFT + UNIT}" y="${TOP - 14}" text-anchor="middle" fill="#c2410c">reference</text>
<text x="10" y="${height - 22}" fill="#555">dark: ${escaped(machineText(report.circumstances))}</text>
<text x="10" y="${height - 7}" fill="#555">light: Linux ${escaped(report.circumstances.kernel)}, no emulation</text>
</svg>
`;
}

function bar({ row, ratio }: Figures, kind: string, y: number): string {
  if (ratio === undefined) return "";
  const room = WIDTH - LEFT - 60;
  const place = (value: number): number => LEFT + Math.min(value * UNIT, room);
  const cut = ratio.median * UNIT > room ? "… " : "";
  const end = place(ratio.median);
  const [low, high] = ratio.interval.map(place) as [number, number];
  const middle = y + 8;
  return [
    `<text x="${LEFT - 8}" y="${y + 12}" text-anchor="end">${escaped(row)}</text>`,
    `<rect x="${LEFT}" y="${y}" width="${(end - LEFT).toFixed(1)}" height="16" fill="${kind === "native" ? "#93c5fd" : "#2563eb"}"/>`,
    `<path d="M${low.toFixed(1)} ${middle}H${high.toFixed(1)}" stroke="#111" stroke-width="1"/>`,
    `<text x="${(Math.max(end, high) + 6).toFixed(1)}" y="${y + 12}">${cut}${ratio.median.toFixed(2)}</text>`,
  ].join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
