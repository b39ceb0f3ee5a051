// What a release has for other machines than a developer's.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { layer } from "../machine/packages.ts";
import { findProgram, must } from "../machine/process.ts";
import { at, release, releaseFolder } from "./lib/release.ts";

t.setTimeout(0);
const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
const work = mkdtempSync(join(tmpdir(), "packages-"));
t.teardown(() => rmSync(work, { recursive: true }));

const arm64 = process.arch === "x64" ? false : "this machine is not x64";
for (const name of ["linux-arm64", "linux-arm64-node"]) {
  t.test(
    `the executable of ${name}, run by an emulator of that processor, answers VERSION`,
    { skip: arm64 },
    async (t) => {
      await release(name);
      const root = await layer("arm64-libraries");
      const folder = `ipvlan-cni-${version}-${name}`;
      await must("tar", ["-xzf", join(releaseFolder, `${folder}.tar.gz`), "-C", work]);
      const words = ["-L", join(root, "usr/aarch64-linux-gnu"), join(work, folder, "ipvlan")];
      const env = { CNI_COMMAND: "VERSION" };
      const answer = await must(join(root, "usr/bin/qemu-aarch64-static"), words, {
        env,
        input: '{ "cniVersion": "1.0.0" }',
      });
      t.match(JSON.parse(answer.toString()), { cniVersion: "1.0.0", supportedVersions: ["0.1.0"] });
    },
  );
}

const debian =
  process.getuid?.() !== 0 ? "needs root" : findProgram("dpkg-divert") === undefined ? "this is no Debian" : false;
t.test(
  "the Debian package moves the reference plugin aside and back, whichever is installed first",
  { skip: debian },
  async (t) => {
    const architecture = (await must("dpkg", ["--print-architecture"])).toString().trim();
    await release(architecture);
    const ours = join(releaseFolder, `ipvlan-cni_${version}_${architecture}.deb`);
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
