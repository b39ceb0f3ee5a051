// What a release has for other machines than a developer's.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import t from "tap";
import { userEmulator } from "../../build/toolchain.ts";
import { layer } from "../machine/packages.ts";
import { findProgram, must, run } from "../machine/process.ts";
import { at, release, releaseFolder } from "./lib/release.ts";

t.setTimeout(0);
const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
const work = mkdtempSync(join(tmpdir(), "packages-"));
t.teardown(() => rmSync(work, { recursive: true }));

const arm64 = process.arch === "x64" ? false : "this machine is not x64";
t.test(
  "the executable of linux-arm64-node, run by an emulator of that processor, answers VERSION, and heeds no variable of Node's",
  { skip: arm64 },
  async (t) => {
    const name = "linux-arm64-node";
    await release(name);
    const libraries = join(await layer("arm64-libraries"), "usr/aarch64-linux-gnu");
    const folder = `ipvlan-cni-${version}-${name}`;
    await must("tar", ["-xzf", join(releaseFolder, `${folder}.tar.gz`), "-C", work]);
    const words = ["-L", libraries, join(work, folder, "ipvlan")];
    const evil = join(work, "evil.cjs");
    writeFileSync(evil, 'console.log("evil");');
    const env = { CNI_COMMAND: "VERSION", NODE_REPL_EXTERNAL_MODULE: evil, NODE_DEBUG: "module", PATH: "/bin" };
    const answer = await run(await userEmulator("arm64"), words, { env, input: '{ "cniVersion": "1.0.0" }' });
    t.match(JSON.parse(answer.stdout.toString()), { cniVersion: "1.0.0", supportedVersions: ["0.1.0"] });
    t.strictSame([answer.code, answer.stderr], [0, ""]);
  },
);

const debian =
  process.getuid?.() !== 0 ? "needs root" : findProgram("dpkg-divert") === undefined ? "this is no Debian" : false;
t.test(
  "the Debian package moves the reference plugin aside and back, whichever is installed first",
  { skip: debian },
  async (t) => {
    const architecture = (await must("dpkg", ["--print-architecture"])).toString().trim();
    await release(architecture);
    const ours = join(releaseFolder, `ipvlan-cni_${version}_${architecture}.deb`);
    const files = join(work, "files");
    await must("dpkg-deb", ["--extract", ours, files]);
    t.match(gunzipSync(readFileSync(join(files, "usr/share/man/man8/ipvlan.8.gz"))).toString(), /^\.TH IPVLAN 8/m);
    const said = await must(join(files, "usr/lib/cni/ipvlan-node"), ["version"]);
    t.match(said.toString(), `ipvlan-node ${version} `, "beside it lies the program that asks a cluster's store");
    for (const path of [
      "bash-completion/completions/ipvlan",
      "zsh/vendor-completions/_ipvlan",
      "fish/vendor_completions.d/ipvlan.fish",
    ]) {
      t.match(readFileSync(join(files, "usr/share", path), "utf8"), "ipvlan __complete", path);
    }
    const reference = async (version: string) => {
      const folder = mkdtempSync(join(work, "reference-"));
      mkdirSync(join(folder, "DEBIAN"));
      mkdirSync(join(folder, "usr/lib/cni"), { recursive: true });
      const control = {
        Package: "containernetworking-plugins",
        Version: version,
        Architecture: "all",
        Maintainer: "-",
        Description: "-",
      };
      writeFileSync(
        join(folder, "DEBIAN/control"),
        Object.entries(control)
          .map(([key, value]) => `${key}: ${value}\n`)
          .join(""),
      );
      writeFileSync(join(folder, "usr/lib/cni/ipvlan"), `reference ${version}`);
      await must("dpkg-deb", ["--build", folder, `${folder}.deb`]);
      return `${folder}.deb`;
    };
    const old = await reference("1.0");
    const upgrade = await reference("1.1");

    for (const first of ["the reference", "ours"]) {
      const root = mkdtempSync(join(work, "root-"));
      for (const folder of ["info", "updates", "triggers"])
        mkdirSync(join(root, "var/lib/dpkg", folder), { recursive: true });
      writeFileSync(join(root, "var/lib/dpkg/status"), "");
      const dpkg = (...words: string[]) =>
        must("dpkg", [`--root=${root}`, "--force-script-chrootless", "--force-depends", "--force-not-root", ...words]);
      const at = (name: string) => join(root, "usr/lib/cni", name);
      for (const file of first === "ours" ? [ours, old] : [old, ours]) await dpkg("--install", file);
      const answer = await must(at("ipvlan"), [], { env: { CNI_COMMAND: "VERSION" }, input: "{}" });
      t.match(answer.toString(), "supportedVersions", `${first} first: the plugin is ours`);
      t.equal(readFileSync(at("ipvlan.reference"), "utf8"), "reference 1.0");
      await dpkg("--install", upgrade);
      t.equal(readFileSync(at("ipvlan.reference"), "utf8"), "reference 1.1", "an upgrade of it stays aside");
      await dpkg("--install", ours);
      await dpkg("--purge", "ipvlan-cni");
      t.equal(readFileSync(at("ipvlan"), "utf8"), "reference 1.1", "it is back");
      t.notOk(existsSync(at("ipvlan.reference")));
      await dpkg("--purge", "containernetworking-plugins");
      t.notOk(existsSync(join(root, "usr/lib/cni")), "nothing is left");
      rmSync(root, { recursive: true });
    }
  },
);

t.test(
  "the Debian package depends on nothing, and says under which terms its contents are",
  { skip: debian },
  async (t) => {
    const architecture = (await must("dpkg", ["--print-architecture"])).toString().trim();
    await release(architecture);
    const file = join(releaseFolder, `ipvlan-cni_${version}_${architecture}.deb`);
    t.equal((await must("dpkg-deb", ["--field", file, "Depends", "Pre-Depends"])).toString(), "");
    const contents = mkdtempSync(join(work, "contents-"));
    await must("dpkg-deb", ["-x", file, contents]);
    const documents = join(contents, "usr/share/doc/ipvlan-cni");
    const copyright = readFileSync(join(documents, "copyright"), "utf8");
    for (const words of ["quickjs-ng 0", "Fabrice Bellard", "musl 1", "Rich Felker", "Permission is hereby granted"]) {
      t.match(copyright, words);
    }
    // Of Debian's format: a line is a field, or belongs to the one above it.
    for (const line of copyright.split("\n")) t.match(line, /^$|^ |^[A-Z][\w-]*:/);
    const { components } = JSON.parse(readFileSync(join(documents, "sbom.cdx.json"), "utf8"));
    const ofOthers = components.filter(({ purl }: { purl: string }) => !purl.startsWith("pkg:generic/"));
    t.equal(ofOthers.length, components.length - 1, "ipvlan-node alone is this project's own");
    for (const { name, version } of ofOthers) t.match(copyright, `${name} ${version}`);
  },
);

t.test(
  "the Debian package is not silent when it goes while containers are attached, and says what stays",
  { skip: debian },
  async (t) => {
    const architecture = (await must("dpkg", ["--print-architecture"])).toString().trim();
    await release(architecture);
    const root = mkdtempSync(join(work, "root-"));
    for (const folder of ["info", "updates", "triggers"]) {
      mkdirSync(join(root, "var/lib/dpkg", folder), { recursive: true });
    }
    writeFileSync(join(root, "var/lib/dpkg/status"), "");
    const dpkg = async (...words: string[]) => {
      const options = [`--root=${root}`, "--force-script-chrootless", "--force-not-root"];
      const { code, stdout, stderr } = await run("dpkg", [...options, ...words]);
      t.equal(code, 0, stderr);
      return `${stdout}${stderr}`;
    };
    const ours = join(releaseFolder, `ipvlan-cni_${version}_${architecture}.deb`);
    const records = join(root, "run/ipvlan-cni/networks/net1");
    const data = join(root, "var/lib/cni/networks");
    await dpkg("--install", ours);
    mkdirSync(records, { recursive: true });
    writeFileSync(join(records, "c1:eth0"), "{}");
    mkdirSync(join(data, ".ipvlan-cni"), { recursive: true });
    mkdirSync(join(data, "net1"));
    writeFileSync(join(data, "net1/192.168.1.2"), "c1");

    t.notMatch(await dpkg("--install", ours), "warning", "an upgrade is nothing to warn of");
    const removed = await dpkg("--remove", "ipvlan-cni");
    t.match(removed, "warning: this plugin has attached net1/c1:eth0, and their removal needs it");
    t.match(removed, "/run/ipvlan-cni: apt-get purge ipvlan-cni removes it");
    t.match(removed, "1 addresses stay reserved in");
    const early = await dpkg("--purge", "ipvlan-cni");
    t.match(early, "warning: it has still attached net1/c1:eth0");
    t.ok(existsSync(join(records, "c1:eth0")), "what it knows of them stays");

    await dpkg("--install", ours);
    rmSync(join(records, "c1:eth0"));
    t.notMatch(await dpkg("--remove", "ipvlan-cni"), "warning");
    const purged = await dpkg("--purge", "ipvlan-cni");
    t.notMatch(purged, "has remembered");
    t.match(purged, "1 addresses stay reserved in");
    t.notOk(existsSync(join(root, "run/ipvlan-cni")));
    t.strictSame(readdirSync(data), ["net1"], "addresses may be other plugins'");
  },
);
