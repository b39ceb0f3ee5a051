// What of others is in an executable or an image: for the bill of materials and the licences that go with a release.
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { versionIn } from "./debian/packages.ts";
import { at } from "./paths.ts";
import { quickjsPackage, quickjsVersion } from "./quickjs.ts";
import type { Arch } from "./runtimes.ts";

export interface Component {
  readonly name: string;
  readonly version: string;
  /** Package URL (ECMA-427), without qualifiers behind a `#`. */
  readonly purl: string;
  /** An SPDX expression. */
  readonly license: string;
  /** Copyright and licence, as their authors want them passed on. */
  readonly text: string;
  /** Where it was taken from, if that is not what the package URL says. */
  readonly source?: { readonly purl: string; readonly sha256: string };
}

/** The engine: its C files' own words, since the source distribution has no file with them. */
export function quickjsComponent(sources: string): Component {
  const heads = globSync("*.c", { cwd: sources })
    .sort()
    .map((name) => /^\/\*([\s\S]*?)\*\//.exec(readFileSync(join(sources, name), "utf8"))?.[1] ?? "")
    .map((head) => head.replaceAll(/^ \* ?/gm, "").trim());
  const copyrights = new Set(heads.flatMap((head) => head.match(/^Copyright .*$/gm) ?? []));
  const terms = /^Permission is hereby granted[\s\S]*$/m.exec(
    heads.find((head) => head.includes("granted")) ?? "",
  )?.[0];
  if (copyrights.size === 0 || terms === undefined) throw new Error(`no licence is in the files of ${sources}`);
  const { name, version, sha256 } = quickjsPackage();
  return {
    name: "quickjs-ng",
    version: quickjsVersion,
    purl: `pkg:github/quickjs-ng/quickjs@v${quickjsVersion}`,
    license: "MIT",
    text: `${[...copyrights].join("\n")}\n\n${terms}`,
    source: { purl: `pkg:pypi/${name}@${version}`, sha256 },
  };
}

/** What the linker added to the engine and this plugin's own files: start files and archives. */
export function linkedComponents(linked: readonly string[], musl: string, gcc: string, arch: Arch): Component[] {
  const components: Component[] = [];
  const architecture = arch === "x64" ? "amd64" : "arm64";
  for (const file of new Set(linked.map((path) => path.replace(/^.*\//, "")))) {
    if (/^(libc\.a|crt1\.o|crti\.o|crtn\.o)$/.test(file)) {
      if (components.some(({ name }) => name === "musl")) continue;
      const version = versionIn(musl, "musl-dev");
      components.push({
        name: "musl",
        version,
        purl: `pkg:deb/debian/musl@${version}?arch=${architecture}`,
        license: "MIT",
        text: readFileSync(join(musl, "usr/share/doc/musl-dev/copyright"), "utf8"),
      });
    } else if (file === "libgcc.a") {
      const [name, version] = versionMatching(gcc, /^libgcc-\d+-dev/);
      components.push({
        name: "libgcc",
        version,
        purl: `pkg:deb/debian/${name}@${version}`,
        license: "GPL-3.0-or-later WITH GCC-exception-3.1",
        text: "Copyright Free Software Foundation, Inc.\n\nGNU General Public License, version 3 or later, with the GCC Runtime Library Exception 3.1, which\ngrants that programs which contain parts of this library may be passed on under any terms.",
      });
    } else {
      throw new Error(`the linker took ${file}, whose licence nobody has looked at: say it in build/components.ts`);
    }
  }
  return components;
}

function versionMatching(root: string, pattern: RegExp): [string, string] {
  const versions = Object.entries<string>(JSON.parse(readFileSync(join(root, "../versions.json"), "utf8")));
  const found = versions.find(([name]) => pattern.test(name));
  if (found === undefined) throw new Error(`${root} has no package ${pattern}`);
  return found;
}

/**
 * npm packages whose code is in a bundle.
 * @param inputs esbuild's: paths from the checkout
 */
export function npmComponents(inputs: readonly string[]): Component[] {
  const folders = new Set<string>();
  for (const input of inputs) {
    for (const folder of packageFolder(input)) folders.add(folder);
    if (!input.startsWith("src/config/generated/")) continue;
    // What ajv has written, and what was taken into it: esbuild names each file in a comment.
    if (input.endsWith(".validator.js")) folders.add("node_modules/ajv");
    for (const [, path] of readFileSync(at(input), "utf8").matchAll(/^\/\/ (node_modules\/\S+)$/gm)) {
      for (const folder of packageFolder(path as string)) folders.add(folder);
    }
  }
  const components = [...folders].map((folder) => npmComponent(nameOf(folder), at(folder)));
  // One that lies there twice, for two others.
  const byPurl = new Map(components.map((component) => [component.purl, component]));
  return [...byPurl.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
}

/** The folder of the package that a file is of; one at most. */
const packageFolder = (path: string): string[] =>
  /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.slice(0, 1) ?? [];

const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);

/** @param place its folder */
export function npmComponent(name: string, place = at("node_modules", name)): Component {
  const { version, license } = JSON.parse(readFileSync(join(place, "package.json"), "utf8"));
  const file = existsSync(place)
    ? readdirSync(place).find((entry) => /^(licen[cs]e|copying)(\.\w+)?$/i.test(entry))
    : undefined;
  if (file === undefined || typeof license !== "string") throw new Error(`the npm package ${name} states no licence`);
  return {
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    license,
    text: readFileSync(join(place, file), "utf8"),
  };
}

/** The licences of all components as one text. */
export function thirdPartyText(components: readonly Component[]): string {
  const parts = components.map(
    ({ name, version, license, text }) =>
      `${"=".repeat(72)}\n${name} ${version}: ${license}\n${"=".repeat(72)}\n\n${text.trim()}\n`,
  );
  return `What of others is in this release, and under which terms.\n\n${parts.join("\n")}`;
}
