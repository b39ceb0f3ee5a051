// What a release consists of, read as its users read it.
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import t from "tap";
import { cachePath } from "../../build/cache.ts";
import { findProgram, must, run } from "../machine/process.ts";
import { at, release, releaseFolder } from "./lib/release.ts";

t.setTimeout(0);
const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
const work = mkdtempSync(join(tmpdir(), "release-"));
t.teardown(() => rmSync(work, { recursive: true }));
const noDebian = findProgram("apt-get") === undefined && "this is no Debian";

// biome-ignore lint/suspicious/noExplicitAny: a bill of materials
type Json = any;
const readJson = (path: string): Json => JSON.parse(readFileSync(path, "utf8"));
const lock = Object.entries<Json>(readJson(at("package-lock.json")).packages);
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** @returns the folder of an archive's contents */
async function unpackArchive(name: string): Promise<string> {
  await release(name);
  const folder = `ipvlan-cni-${version}-${name}`;
  await must("tar", ["-xzf", join(releaseFolder, `${folder}.tar.gz`), "-C", work]);
  return join(work, folder);
}

/** @returns the folder of a Debian package's contents */
async function unpackDebian(architecture: string): Promise<string> {
  await release(architecture);
  const folder = join(work, `deb-${architecture}`);
  await must("dpkg-deb", ["-x", join(releaseFolder, `ipvlan-cni_${version}_${architecture}.deb`), folder]);
  return folder;
}

t.test("every link of the packaged texts leads to a file that is packaged, too", { skip: noDebian }, async (t) => {
  for (const folder of [await unpackArchive("linux-x64"), await unpackDebian("amd64")]) {
    const texts = globSync("**/*.md", { cwd: folder });
    let links = 0;
    for (const text of texts) {
      for (const [, target = ""] of readFileSync(join(folder, text), "utf8").matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:|^#/.test(target)) continue;
        links++;
        const file = resolve(dirname(join(folder, text)), target.split("#")[0] as string);
        t.ok(file.startsWith(folder) && existsSync(file), `${text}: ${target}`);
      }
    }
    t.ok(links > 4, `${links} links in ${texts.length} texts`);
    for (const name of ["ipvlan-cni.yaml", "crio.conf", "chart/values.yaml"]) {
      t.equal(globSync(`**/kubernetes/${name}`, { cwd: folder }).length, 1, `${name} for Kubernetes is there`);
    }
  }
});

/** The packages that the plugin's sources import by name, and are there at run time; src/node/ is another program's. */
const imported = [
  ...new Set(
    globSync("src/**/*.ts", { cwd: at("."), exclude: ["src/node/**"] }).flatMap((path) =>
      [...readFileSync(at(path), "utf8").matchAll(/^(?:import|export) (?!type)[^";]* from "([^.#"][^"]*)";$/gm)]
        .map(([, name]) => name as string)
        .filter((name) => !name.startsWith("node:")),
    ),
  ),
].sort();

for (const [name, expected] of Object.entries({
  "linux-x64": ["ipvlan-node", "musl", "quickjs-ng"],
  // Its instructions for 128-bit numbers are the compiler's library.
  "linux-arm64": ["ipvlan-node", "libgcc", "musl", "quickjs-ng"],
})) {
  t.test(
    `the bill of materials of ${name} is CycloneDX's and names all that is in it, with its licence`,
    { skip: noDebian },
    async (t) => {
      const folder = await unpackArchive(name);
      const text = readFileSync(join(folder, "sbom.cdx.json"), "utf8");
      t.equal(
        await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text),
        null,
        "it keeps to the schema",
      );
      const wrong = text.replace('"type": "library"', '"type": "libary"');
      t.ok(
        await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(wrong),
        "a slip of the pen would not",
      );
      t.equal(text, readFileSync(join(releaseFolder, `ipvlan-cni-${version}-${name}.cdx.json`), "utf8"));

      const { metadata, components } = JSON.parse(text);
      t.equal(metadata.component.hashes[0].content, sha256(join(folder, "ipvlan")), "it is of this executable");
      const isOwn = ({ purl }: Json): boolean => purl.startsWith("pkg:generic/");
      const [store] = components.filter(isOwn);
      t.equal(store.hashes[0].content, sha256(join(folder, store.name)), "and of the one beside it");
      const ofNpm = components.filter(({ purl }: Json) => purl.startsWith("pkg:npm/"));
      t.strictSame(
        components
          .filter((one: Json) => !ofNpm.includes(one))
          .map((one: Json) => one.name)
          .sort(),
        expected,
      );
      // The validators are ajv's writing.
      for (const each of ["ajv", ...imported])
        t.ok(
          ofNpm.some((one: Json) => one.name === each),
          `${each} of npm`,
        );
      const licences = readFileSync(join(folder, "THIRD-PARTY.txt"), "utf8");
      for (const { name, version, purl, licenses } of components) {
        t.ok(name && version && purl && (licenses[0].license?.id ?? licenses[0].expression), `${name}: ${purl}`);
        if (!isOwn({ purl })) t.match(licences, `\n${name} ${version}: `);
        if (ofNpm.some((one: Json) => one.name === name)) {
          // Some lie there twice, in two versions, for two others.
          const locked = lock
            .filter(([path]) => path.endsWith(`node_modules/${name}`))
            .map(([, { version }]) => version);
          t.ok(locked.includes(version), `${name} ${version} is one that is installed: ${locked}`);
        }
      }
      const { purl: node } = ofNpm.find(({ purl }: Json) => purl.startsWith(`pkg:npm/node-${name}@`)) ?? {};
      t.ok(node, "the Node in ipvlan-node");
      for (const words of ["Fabrice Bellard", "Rich Felker", "Permission is hereby granted, free of charge"]) {
        t.match(licences, words);
      }
    },
  );
}

const noGit = findProgram("git") === undefined || !existsSync(at(".git"));
t.test(
  "two builds of one commit are the same, byte by byte, wherever and by whomever",
  { skip: noDebian || (noGit && "this is no checkout of git") },
  async (t) => {
    // With what is not committed yet.
    const git = async (...words: string[]) => (await must("git", ["-C", at("."), ...words])).toString().trim();
    const identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    const commit = (await git(...identity, "stash", "create")) || (await git("rev-parse", "HEAD"));
    const clone = async (folder: string) => {
      await must("git", ["clone", "--quiet", "--shared", "--no-checkout", at("."), folder]);
      await must("git", ["-C", folder, "checkout", "--quiet", commit]);
      await must("cp", ["-al", at("node_modules"), folder]);
      return folder;
    };
    const build = async (folder: string, names: string, umask: string, env: NodeJS.ProcessEnv) => {
      const script = `umask ${umask}; exec "$0" build/release.ts ${names}`;
      const { code, stderr } = await run("sh", ["-c", script, process.execPath], { cwd: folder, env });
      t.equal(code, 0, stderr);
      return join(folder, "dist/release");
    };
    const first = await build(await clone(join(work, "first")), "linux-x64 linux-arm64 amd64 arm64 image", "022", {});
    // Another one has another place and time zone, lets nobody read his files, and compiles all for his own machine anew.
    const elsewhere = await clone(join(work, "some/where/else"));
    const his = { TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8", HOME: work, USER: "other", SOURCE_DATE_EPOCH: "1" };
    const cache = join(work, "cache");
    mkdirSync(join(cache, "build"), { recursive: true });
    for (const name of ["apt", "debian"]) symlinkSync(cachePath(name), join(cache, name));
    for (const name of readdirSync(cachePath("build"))) {
      if (name.startsWith("quickjs-"))
        cpSync(cachePath("build", name), join(cache, "build", name), { recursive: true });
    }
    const own = process.arch === "x64" ? "linux-x64 amd64" : "linux-arm64 arm64";
    await build(elsewhere, own, "077", { ...his, IPVLAN_CNI_CACHE: cache });
    const second = await build(elsewhere, "linux-x64 linux-arm64 amd64 arm64 image", "077", his);
    const names = readdirSync(first).filter((name) => !name.startsWith("."));
    t.strictSame(
      readdirSync(second).filter((name) => !name.startsWith(".")),
      names,
    );
    t.equal(names.length, 9, names.join(" "));
    for (const name of names) t.equal(sha256(join(second, name)), sha256(join(first, name)), name);
  },
);
