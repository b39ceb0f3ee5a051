import { fileStatus } from "../../system/files.ts";
import { findProgram, runProgram } from "../../system/programs.ts";
import { commit, version } from "../../version.ts";
import { pluginFolders } from "../plugin-folders.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** Whether each runtime finds this plugin, and the others of its networks' chains. */
export function checkPlugins({ runtimes, networks }: Patient): HostFinding[] {
  const own = "/proc/self/exe";
  const findings: HostFinding[] = [];
  const wanted = new Set(
    networks.flatMap(({ network, config }) => [
      ...network.entries.map(({ type }) => type),
      ...(config.ipam.type === "delegate" ? [config.ipam.plugin] : []),
    ]),
  );
  wanted.add("ipvlan");
  // Each container of containerd's gets a loopback interface by it.
  const needs = (name: string): ReadonlySet<string> =>
    name === "containerd" ? new Set([...wanted, "loopback"]) : wanted;
  const everywhere = pluginFolders(undefined);
  // Without a runtime there may be somebody who calls the plugin by hand; it is enough that it is there.
  const places =
    runtimes.length > 0
      ? runtimes.map(({ name, plugins }) => ({ name, folders: plugins, types: needs(name) }))
      : everywhere.length > 0
        ? [{ name: "a runtime", folders: everywhere, types: wanted }]
        : [];
  for (const { name, folders, types } of places) {
    for (const type of types) {
      const file = findProgram(folders, type);
      const [folder] = folders;
      if (file !== undefined) {
        const fault = checkFile(file, type);
        if (fault !== undefined) findings.push(fault);
        else if (type === "ipvlan") findings.push(...checkIdentity(file, name, own));
        continue;
      }
      const source = type === "ipvlan" ? ownFile(everywhere) : findProgram(everywhere, type);
      const target = folder ?? "/opt/cni/bin";
      findings.push({
        id: "plugin-missing",
        severity: "error",
        place: folders.join(", ") || target,
        message: `${name} looks for plugins here, and ${type} is not there`,
        mend: source === undefined ? undefined : `mkdir -p ${target} && cp ${source} ${target}/${type}`,
      });
    }
  }
  return unique(findings);
}

/** Where this program is, for a shell. */
function ownFile(folders: readonly string[]): string {
  const own = fileStatus("/proc/self/exe");
  const found = folders
    .map((folder) => `${folder}/ipvlan`)
    .find((file) => fileStatus(file)?.identity === own?.identity);
  return found ?? '"$(command -v ipvlan)"';
}

function checkFile(file: string, type: string): HostFinding | undefined {
  const status = fileStatus(file);
  if (status === undefined) return undefined;
  if ((status.mode & 0o111) === 0) {
    return {
      id: "plugin-not-executable",
      severity: "error",
      place: file,
      message: `the plugin ${type} is not executable`,
      mend: `chmod 755 ${file}`,
    };
  }
  if ((status.mode & 0o022) === 0) return undefined;
  return {
    id: "plugin-writable",
    severity: "warning",
    place: file,
    message: "others than root may write it, and it runs as root",
    mend: `chmod go-w ${file}`,
  };
}

const TIME_LIMIT_MS = 5000;

/** What a plugin says of itself without a command. */
function checkIdentity(file: string, runtime: string, own: string): HostFinding[] {
  if (fileStatus(file)?.identity === fileStatus(own)?.identity) return [];
  const { stderr } = runProgram(file, { environment: {}, stdin: "", timeoutMs: TIME_LIMIT_MS });
  const [, itsVersion, itsCommit] = /^CNI plugin ipvlan v(\S+) \((\S+)\)\n[\s\S]*^Commands: /m.exec(stderr) ?? [];
  if (itsVersion === version && itsCommit === commit) return [];
  const what =
    itsVersion === undefined
      ? "is another program"
      : `is version ${itsVersion} (${itsCommit}), and this is ${version} (${commit})`;
  return [
    {
      id: "plugin-other",
      severity: "warning",
      place: file,
      message: `the plugin ipvlan that ${runtime} starts ${what}`,
      mend: `cp ${ownFile(pluginFolders(undefined))} ${file}`,
    },
  ];
}

/** The same file may be looked at for two runtimes. */
function unique(findings: readonly HostFinding[]): HostFinding[] {
  return [...new Map(findings.map((finding) => [`${finding.id} ${finding.place} ${finding.mend}`, finding])).values()];
}
