/**
 * Pages of docs/ with what runs have seen. Each scenario in each network is a section with its own date and versions, so that it can be
 * run again by itself: its section is replaced, all others stay as they are.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { at } from "../../../build/paths.ts";
import { readVersion } from "../../../build/version.ts";
import type { Cluster } from "./cluster.ts";
import { versions } from "./programs.ts";
import { count, type Row, replaceRows, resultsIn, table } from "./rows.ts";

export interface Page {
  readonly path: string;
  readonly head: string;
}

const machines = `Two nodes, virtual machines by software emulation with
two processors and 4 GB each, and a machine that is no node, in one LAN whose router also has the control plane. The plugin came onto the
nodes by the chart.`;

export const scenarioPage: Page = {
  path: "docs/kubernetes-tests.md",
  head: `# Tested in Kubernetes

What \`npm run e2e:kubernetes -- --publish\` saw, section by section with the date of its run. ${machines}`,
};

export const conformancePage: Page = {
  path: "docs/kubernetes-conformance.md",
  head: `# Kubernetes' own suite

The cases of \`e2e.test\` that are \`[sig-network]\` and \`[Conformance]\`, with CoreDNS as pods of the cluster, as
\`npm run e2e:kubernetes -- conformance --publish\` saw them. ${machines}`,
};

/** Networks, and in each the text of its scenarios; in the order in which they came. */
export type Sections = Map<string, Map<string, string>>;

/**
 * Writes what a scenario has shown in a network into its page.
 * @param isPart only some of its checks were run: all others stay as they are there
 */
export async function publish(
  page: Page,
  { nodes }: Cluster,
  stage: string,
  rows: readonly Row[],
  isPart: boolean,
): Promise<void> {
  const [row] = rows;
  if (row === undefined) return;
  const of = async (script: string): Promise<string> => (await nodes[0]?.host.ok(script))?.trim() ?? "";
  const { version, commit } = readVersion();
  const programs = [
    `ipvlan-cni ${version} (${commit})`,
    `Kubernetes ${versions.kubernetes}`,
    `containerd ${versions.containerd}`,
    `runc ${await of("runc --version | sed -n '1s/^runc version //p'")}`,
    `CoreDNS ${versions.coredns}`,
    `Linux ${await of("uname -r")}`,
  ];
  const head = `${new Date().toISOString().slice(0, 10)}; ${programs.join(", ")}`;
  const path = at(page.path);
  const sections = existsSync(path) ? read(readFileSync(path, "utf8")) : new Map();
  const scenarios = sections.get(stage) ?? new Map();
  const before = isPart ? scenarios.get(row.scenario) : undefined;
  const text =
    before === undefined
      ? `${head}\n\n**${count(rows)}**\n\n${table(rows)}`
      : withPart(before, rows, `by itself: ${head}`);
  sections.set(stage, scenarios.set(row.scenario, text));
  writeFileSync(path, print(page.head, sections));
}

/** @param when of these rows alone */
function withPart(text: string, rows: readonly Row[], when: string): string {
  const told = rows.map((row) => ({ ...row, detail: [when, row.detail].filter((part) => part !== "").join("; ") }));
  const merged = replaceRows(text, told);
  return merged.replace(/^\*\*.*\*\*$/m, `**${count(resultsIn(merged))}**`);
}

/** The sections of a page that {@link print} has made. */
export function read(page: string): Sections {
  const sections: Sections = new Map();
  for (const part of page.split(/^## /m).slice(1)) {
    const [title = "", ...scenarios] = part.split(/^### /m);
    const texts = scenarios.map((text) => {
      const [name = "", ...lines] = text.split("\n");
      return [name, lines.join("\n").trim()] as const;
    });
    sections.set(title.trim(), new Map(texts));
  }
  return sections;
}

export function print(head: string, sections: Sections): string {
  const parts = [...sections].flatMap(([title, scenarios]) => [
    `## ${title}`,
    ...[...scenarios].map(([name, text]) => `### ${name}\n\n${text}`),
  ]);
  return `${[head, ...parts].join("\n\n")}\n`;
}
