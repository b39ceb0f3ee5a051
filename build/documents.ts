// What of the checkout goes with an executable, and where.
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { at } from "./paths.ts";

/** Files and folders of the checkout, and where they lie in a package. What the checkout does not have is left out. */
export type Layout = Readonly<Record<string, string>>;

/** In an archive. */
export const archiveLayout: Layout = {
  LICENSE: "LICENSE",
  "README.md": "README.md",
  "CHANGELOG.md": "CHANGELOG.md",
  docs: "docs",
  "conf-examples": "conf-examples",
  "build/kubernetes": "kubernetes",
  "build/install.sh": "install.sh",
  schemas: "schemas",
};

/** Of the checkout, what decides over the documents. */
export const documentInputs: readonly string[] = Object.keys(archiveLayout).flatMap((path) =>
  existsSync(at(path)) && statSync(at(path)).isDirectory() ? `${path}/**/*.*` : path,
);

/** Copies them into a folder. The links of the texts lead to where things are there; where they would lead nowhere, their words stay. */
export function layOutDocuments(folder: string, layout: Layout): void {
  for (const [from, to] of Object.entries(layout)) {
    if (!existsSync(at(from))) continue;
    const files = statSync(at(from)).isDirectory()
      ? globSync(`${from}/**/*`, { cwd: at(".") }).filter((path) => statSync(at(path)).isFile())
      : [from];
    for (const path of files) {
      const place = join(to, posix.relative(from, path));
      mkdirSync(dirname(join(folder, place)), { recursive: true });
      if (!path.endsWith(".md")) cpSync(at(path), join(folder, place));
      else writeFileSync(join(folder, place), relinked(readFileSync(at(path), "utf8"), path, layout));
    }
  }
}

/**
 * A Markdown text with the links of another place.
 * @param from the text's path in the checkout
 */
export function relinked(text: string, from: string, layout: Layout): string {
  const here = placeOf(from, layout) ?? from;
  return text.replaceAll(/(!?)\[([^\]]*)\]\(([^)\s]+)\)/g, (all, image: string, words: string, target: string) => {
    if (/^[a-z]+:|^#/.test(target)) return all;
    const [path = "", ...fragment] = target.split("#");
    const place = placeOf(posix.normalize(posix.join(posix.dirname(from), path)), layout);
    if (place === undefined) return image ? "" : words;
    const link = [posix.relative(posix.dirname(here), place), ...fragment].join("#");
    return `${image}[${words}](${link})`;
  });
}

/** Where a file or folder of the checkout lies in the package; undefined where it is not in it. */
function placeOf(path: string, layout: Layout): string | undefined {
  const plain = path.replace(/\/$/, "");
  for (const [from, to] of Object.entries(layout)) {
    if ((plain === from || plain.startsWith(`${from}/`)) && existsSync(at(plain))) {
      return posix.join(to, posix.relative(from, plain));
    }
  }
  return undefined;
}
