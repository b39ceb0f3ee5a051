import t from "tap";
import { cniVersions, isAtLeast, parseCniVersion, requireCommand } from "../../../src/cni/versions.ts";
import { refusal } from "./lib/refusal.ts";

t.test("every released version is read as itself", async (t) => {
  for (const version of cniVersions) t.equal(parseCniVersion(version), version);
});

t.test("no version is 0.1.0, as libcni has it", async (t) => {
  for (const absent of [undefined, null, ""]) t.equal(parseCniVersion(absent), "0.1.0");
});

t.test("a version that is not spoken names those that are", async (t) => {
  for (const version of ["2.0.0", "1.0", "0.3.2", "v1.0.0", "1.1.0 "]) {
    const { code, message, details } = refusal(() => parseCniVersion(version));
    t.strictSame([code, details], [1, "/cniVersion"]);
    t.match(message, cniVersions.join(", "));
    t.match(message, version);
  }
});

t.test("a version that is no text", async (t) => {
  t.equal(refusal(() => parseCniVersion(1)).code, 7);
});

t.test("versions are compared by their age", async (t) => {
  for (const [i, a] of cniVersions.entries()) {
    for (const [j, b] of cniVersions.entries()) t.equal(isAtLeast(a, b), i >= j, `${a} is at least ${b}`);
  }
});

t.test("commands are refused before the version that brought them", async (t) => {
  const since = { ADD: "0.1.0", DEL: "0.1.0", VERSION: "0.1.0", CHECK: "0.4.0", GC: "1.1.0", STATUS: "1.1.0" } as const;
  for (const [command, first] of Object.entries(since) as [keyof typeof since, (typeof cniVersions)[number]][]) {
    for (const version of cniVersions) {
      if (isAtLeast(version, first)) t.doesNotThrow(() => requireCommand(command, version), `${command} in ${version}`);
      else t.equal(refusal(() => requireCommand(command, version)).code, 1, `${command} in ${version}`);
    }
  }
});
