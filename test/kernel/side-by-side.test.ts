import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import t from "tap";
import { cniVersions } from "../../src/cni/versions.ts";
import { goTool } from "../machine/go-tools.ts";
import { executable, pluginPath } from "./lib/lab.ts";
import { openLab } from "./lib/open-lab.ts";
import { configurations } from "./side-by-side/configurations.ts";
import { compare, hostScript, observe, parseFiles, type Run, type Side, script } from "./side-by-side/observe.ts";

const tools = ["main/ipvlan", "ipam/host-local", "ipam/static"].map((name) =>
  goTool(`github.com/containernetworking/plugins/plugins/${name}@v1.9.1`),
) as { path: string }[];
const lab = await openLab();
const path = ["/tmp/lab/bin", ...tools.slice(1).map(({ path }) => dirname(path))].join(":");
const ours: Side = { letter: "a", host: "h1", plugin: pluginPath, path };
const theirs: Side = { letter: "b", host: "h2", plugin: tools[0]!.path, path };
let number = 0;
const runs: Run[] = configurations.flatMap((configuration, index) => {
  const older = cniVersions.slice(0, -1);
  const versions = configuration.everyVersion ? older : [older[index % older.length]!];
  return [...versions, "1.1.0" as const].map((version) => ({
    number: number++,
    configuration,
    version,
    whole: version === "1.1.0",
  }));
});
console.error(runs.length, executable);
const ipam = `#!/bin/sh
config=$(cat)
case $CNI_COMMAND in
ADD)
  case $config in *'"answer":"error"'*) echo '{"cniVersion":"1.0.0","code":110,"msg":"no lease","details":"the server is away"}'; exit 1 ;; esac
  case $config in
  *'"cniVersion":"0.1.0"'*|*'"cniVersion":"0.2.0"'*) echo '{"ip4":{"ip":"10.1.2.99/24","gateway":"10.1.2.1","routes":[{"dst":"10.9.0.0/16"}]},"dns":{"domain":"x.test"}}' ;;
  *) echo '{"ips":[{"version":"4","address":"10.1.2.99/24","gateway":"10.1.2.1"}],"routes":[{"dst":"10.9.0.0/16"}],"dns":{"domain":"x.test"}}' ;;
  esac ;;
esac
`;
await lab.ok(`reset
${hostScript("h1")}
${hostScript("h2")}
mkdir -p /tmp/lab/bin; cat > /tmp/lab/bin/my-ipam <<'END'\n${ipam}END
chmod +x /tmp/lab/bin/my-ipam; printf 'nameserver 10.1.2.54\nsearch c.test\n' > /tmp/lab/resolv.conf`);
const started = Date.now();
const text = await lab.ok(script(runs, [ours, theirs]), { timeoutMs: 300_000 });
console.error("runs", Date.now() - started, text.length);
const files = parseFiles(text);
let out = "";
for (const run of runs) {
  const findings = compare(run, observe(files, ours, run), observe(files, theirs, run));
  out += `\n## ${run.configuration.name} ${run.version}\n`;
  for (const { place, ours, theirs } of findings)
    out += `${place}: ${JSON.stringify(ours)} | ${JSON.stringify(theirs)}\n`;
}
writeFileSync("/tmp/findings.txt", out);
writeFileSync("/tmp/files.txt", text);
t.pass();
