/** Pages of docs/: the table of a run, with its date and versions. */
import { writeFileSync } from "node:fs";
import { at } from "../../../build/paths.ts";
import { readVersion } from "../../../build/version.ts";
import type { Cluster } from "./cluster.ts";
import { versions } from "./programs.ts";
import { count, type Row, table } from "./rows.ts";

/** @param milliseconds that the run took, with the start of the cluster */
export async function publish(
  { nodes, settings }: Cluster,
  isConformance: boolean,
  rows: readonly Row[],
  milliseconds: number,
): Promise<void> {
  const host = nodes[0]?.host;
  const of = async (script: string): Promise<string> => (await host?.ok(script))?.trim() ?? "";
  const { version, commit } = readVersion();
  const [page, title, command] = isConformance
    ? ["docs/kubernetes-conformance.md", "Kubernetes' own suite", "npm run e2e:kubernetes -- conformance --publish"]
    : ["docs/kubernetes-tests.md", "Tested in Kubernetes", "npm run e2e:kubernetes -- --publish"];
  const what = isConformance
    ? `The cases of \`e2e.test\` that are \`[sig-network]\` and \`[Conformance]\`, ${settings.processes} at a time, with CoreDNS as pods of the cluster. `
    : "";
  const text = `# ${title}

What \`${command}\` saw on ${new Date().toISOString().slice(0, 10)}. ${what}Two nodes, virtual machines by software
emulation with two processors and 4 GB each, and a machine that is no node, in one LAN whose router also has the control plane.

**${count(rows)}**, in ${(milliseconds / 60_000).toFixed(0)} minutes, the start of the cluster with it.

| | |
|---|---|
| ipvlan-cni | ${version} (${commit}), native |
| Kubernetes | ${versions.kubernetes}: API server, controllers, scheduler, kubelet, kube-proxy |
| containerd, runc | ${versions.containerd}, ${await of("runc --version | sed -n '1s/^runc version //p'")} |
| CoreDNS | ${versions.coredns} |
| kernel of the nodes | ${await of("uname -r")} |
${table(rows)}`;
  writeFileSync(at(page), text);
}
