// This plugin beside the reference plugin: the same configurations in the same environment, compared field by field.
import t from "tap";
import { type CniVersion, cniVersions } from "../../src/cni/versions.ts";
import { newestPlugins, packagedFolder, packagedVersion, referenceVersion } from "../machine/reference-plugins.ts";
import { executable, pluginPath } from "./lib/lab.ts";
import { openLab } from "./lib/open-lab.ts";
import { type Configuration, configurations } from "./side-by-side/configurations.ts";
import { type Difference, differences, packagedDifferences } from "./side-by-side/differences.ts";
import { compare, type Finding, observe, parseFiles } from "./side-by-side/observe.ts";
import { programs, type Run, runsScript, type Side, setUpScript } from "./side-by-side/script.ts";

interface Reference {
  readonly folder: string;
  readonly newest: CniVersion;
  /** Why it is not the newest one. */
  readonly lack?: string;
}

function findReference(): Reference {
  const newest = newestPlugins();
  if ("path" in newest) return { folder: newest.path, newest: "1.1.0" };
  return { folder: packagedFolder, newest: "1.0.0", lack: newest.missing };
}

const reference = findReference();
const path = [programs, reference.folder].join(":");
const later = reference.folder;
const ours: Side = { letter: "a", host: "h1", plugin: pluginPath, path, later };
const theirs: Side = { letter: "b", host: "h2", plugin: `${reference.folder}/ipvlan`, path, later };

// What the executable's runtime is does not show in results: the one that starts slowly does a part.
const isShort = executable !== "native";
const compared = configurations.filter(
  // Debian's plugins behind ours are others than the newest.
  ({ short, chain }) => (short || !isShort) && (chain === undefined || reference.lack === undefined),
);
const runs: readonly Run[] = compared
  .flatMap((configuration, index) =>
    versionsOf(configuration, index).map((version) => ({
      configuration,
      version,
      whole: version === reference.newest,
    })),
  )
  // Those that take long first, so that the workers get as much each.
  .sort((a, b) => Number(b.whole) - Number(a.whole))
  .map((run, number) => ({ ...run, number }));

/** The newest first. */
function versionsOf({ versions }: Configuration, index: number): readonly CniVersion[] {
  const { newest } = reference;
  const earlier = cniVersions.slice(0, cniVersions.indexOf(newest));
  if (isShort || versions === "newest") return [newest];
  return versions === "every"
    ? [newest, ...earlier.toReversed()]
    : [newest, earlier[index % earlier.length] as CniVersion];
}

const lab = await openLab();
await lab.ok(`reset\n${setUpScript([ours, theirs])}`);
const files = parseFiles(await lab.ok(runsScript(runs, [ours, theirs]), { timeoutMs: 480_000 }));
const seen = new Set<Difference>();

/** The differences that nobody meant. */
function unlisted(run: Run): readonly Finding[] {
  const [our, their] = [observe(files, ours, run), observe(files, theirs, run)];
  return compare(run, our, their).filter((finding) => {
    const listed = differences.filter(({ covers }) => covers(finding, our, their));
    for (const one of listed) seen.add(one);
    const { lack } = reference;
    return (
      listed.length === 0 && (lack === undefined || !packagedDifferences.some((covers) => covers(finding, our, their)))
    );
  });
}

for (const configuration of compared) {
  t.test(`as the reference plugin, but for what is listed: ${configuration.name}`, async (t) => {
    for (const run of runs) {
      if (run.configuration !== configuration) continue;
      t.equal(files.get(`${ours.letter}${run.number}/add.exit`)?.length, 1, `${run.version}: it ran here`);
      t.equal(files.get(`${theirs.letter}${run.number}/add.exit`)?.length, 1, `${run.version}: it ran there`);
      const findings = unlisted(run).map(({ place, ours, theirs }) => ({ place, ours, theirs }));
      t.strictSame(findings, [], `${run.version}: no other difference`);
    }
  });
}

t.test(
  "every difference that is listed shows",
  { skip: isShort && "only some configurations are compared" },
  async (t) => {
    for (const one of differences) {
      if (reference.lack === undefined) t.ok(seen.has(one), one.here);
    }
  },
);

t.test("both plugins leave the host's links as they were", async (t) => {
  const links = (host: string) => lab.ok(`ip -n ${host} -j link | grep -o '"ifname":"[^"]*"'`);
  t.equal(await links("h1"), await links("h2"));
});

t.test(
  `the reference plugin is ${referenceVersion}, in all versions of the specification and with the plugins behind it`,
  { skip: reference.lack !== undefined && `${packagedVersion} up to 1.0.0 instead: ${reference.lack}` },
  async () => {},
);
