// Where the build and the test machine take Debian's packages from.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { apt } from "../../build/debian/apt.ts";
import { Obstacle } from "../../build/obstacle.ts";
import { findProgram, must } from "../machine/process.ts";

t.setTimeout(0);
const work = mkdtempSync(join(tmpdir(), "debian-"));
t.teardown(() => rmSync(work, { recursive: true }));
const skip = findProgram("apt-get") === undefined && "this is no Debian";

const names = ["busybox-static", "iproute2", "kmod", "xz-utils"];
const namesOf = (list: readonly string[]) => list.map((entry) => entry.split("=")[0]).sort();

t.test("what is fetched is the same, whatever is installed on the machine", { skip }, async (t) => {
  const wanted = await apt().list(names);
  for (const name of names) t.ok(namesOf(wanted).includes(name), name);
  t.notOk(namesOf(wanted).includes("libc6"), "without what every Debian has");

  // A machine on which all of that is installed, as apt sees it.
  const stanzas = wanted.map((entry) => entry.split("=") as [string, string]);
  const status = stanzas.map(
    ([name, version]) =>
      `Package: ${name}\nStatus: install ok installed\nArchitecture: ${process.arch === "x64" ? "amd64" : "arm64"}\n` +
      `Maintainer: -\nDescription: -\nVersion: ${version}\n`,
  );
  writeFileSync(join(work, "status"), status.join("\n"));
  writeFileSync(join(work, "apt.conf"), `Dir::State::status "${work}/status";\n`);
  process.env.APT_CONFIG = join(work, "apt.conf");
  t.teardown(() => delete process.env.APT_CONFIG);
  const seen = (await must("apt-cache", ["policy", "iproute2"])).toString();
  t.notMatch(seen, "Installed: (none)", "the machine is as it was made");
  t.strictSame(await apt().list(names), wanted);
});

t.test("an empty list is nothing to fetch", { skip }, async (t) => {
  const folder = join(work, "empty");
  t.strictSame(await apt().download([], folder), []);
  t.strictSame(await apt().downloadAlone([], folder), []);
  t.strictSame(readdirSync(folder), []);
});

t.test("a package that cannot be had is told in a sentence", { skip }, async (t) => {
  const name = "ipvlan-cni-there-is-no-such-package";
  const error: Error = await apt()
    .list([name])
    .then(
      () => new Error("it was found"),
      (error) => error,
    );
  t.ok(error instanceof Obstacle, error.message);
  t.match(error.message, new RegExp(`^apt finds no ${name} for \\w+: .*/etc/apt`));
});
