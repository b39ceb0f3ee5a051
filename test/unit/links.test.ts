// The documentation's links lead somewhere, and its configurations are valid.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { at } from "../../build/paths.ts";
import { parseNetworkConfig } from "../../src/config/parse.ts";

const pages = ["*.md", "docs/*.md", "conf-examples/*.md", "test/**/*.md"]
  .flatMap((pattern) => globSync(pattern, { cwd: at(".") }))
  .sort();
const read = (page: string): string => readFileSync(at(page), "utf8");

/** As GitHub makes them of headings. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );

t.test("every link to a file or heading of the repository has its target", async (t) => {
  let count = 0;
  for (const page of pages) {
    for (const [, target = ""] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      count++;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      t.ok(existsSync(at(file)), `${page}: ${target}`);
      if (anchor !== undefined && file.endsWith(".md")) t.ok(anchorsOf(read(file)).has(anchor), `${page}: ${target}`);
    }
  }
  t.ok(count > 50, "links are found");
});

t.test("every page of docs/ is linked from the README, or from a page that is", async (t) => {
  const seen = new Set<string>();
  const visit = (page: string): void => {
    if (seen.has(page) || !page.endsWith(".md") || !existsSync(at(page))) return;
    seen.add(page);
    for (const [, target = ""] of read(page).matchAll(/\]\(([^)#\s]+)/g)) {
      if (!/^[a-z]+:/.test(target)) visit(join(dirname(page), target));
    }
  };
  visit("README.md");
  t.strictSame(
    globSync("docs/*.md", { cwd: at(".") }).filter((page) => !seen.has(page)),
    [],
  );
});

t.test("every configuration list in the pages is one that the plugin takes, without a warning", async (t) => {
  let count = 0;
  for (const page of pages) {
    for (const [, block = ""] of read(page).matchAll(/^```json\n([\s\S]*?)^```$/gm)) {
      if (!block.trimStart().startsWith("{") || !block.includes('"plugins"')) continue;
      count++;
      const { plugins, name, cniVersion } = JSON.parse(block);
      const text = JSON.stringify({ ...plugins[0], name, cniVersion });
      const { warnings } = parseNetworkConfig(text, {
        command: "ADD",
        args: "",
        netns: "/run/netns/c1",
        ifname: "eth0",
      });
      t.strictSame(warnings, [], page);
    }
  }
  t.ok(count > 0, "configurations are found");
});
