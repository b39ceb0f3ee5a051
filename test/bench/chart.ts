import type { Figures } from "./statistics.ts";

const colours: Readonly<Record<string, string>> = { bun: "#2563eb", pkg: "#93c5fd" };

/** A bar for each ratio to the reference, the reference's own time as the line at 1. */
export function chart(figures: readonly Figures[], title: string): string {
  const bars = figures.filter(({ ratio, contender }) => ratio !== undefined && contender in colours);
  const limit = 4;
  const left = 250;
  const scale = 110;
  const height = 60 + bars.length * 22;
  const lines = bars.map(({ row, contender, ratio }, i) => {
    const y = 50 + i * 22;
    const value = ratio?.median ?? 0;
    const width = Math.min(value, limit) * scale;
    return [
      `<text x="${left - 8}" y="${y + 11}" text-anchor="end">${row}, ${contender}</text>`,
      `<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="14" fill="${colours[contender]}"/>`,
      `<text x="${left + width + 6}" y="${y + 11}">${value.toFixed(2)}</text>`,
    ].join("");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + limit * scale + 60}" height="${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="10" y="20" font-size="13">${title}</text>
${lines.join("\n")}
<line x1="${left + scale}" y1="30" x2="${left + scale}" y2="${height - 10}" stroke="#dc2626"/>
<text x="${left + scale}" y="42" text-anchor="middle" fill="#dc2626">reference</text>
</svg>
`;
}
