// npm run manifests: build/kubernetes/ipvlan-cni.yaml, for those without Helm, from the chart beside it with its own values. Needs Go, by
// which Helm is built once.
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cachedFolder } from "./cache.ts";
import { Obstacle, tellFailures } from "./obstacle.ts";
import { at, shown } from "./paths.ts";
import { hasProgram } from "./programs.ts";
import { runTool } from "./run-tool.ts";

const helmVersion = "3.21.4";
export const chart = at("build/kubernetes/chart");
export const manifests = at("build/kubernetes/ipvlan-cni.yaml");

const head = `# The CNI plugin ipvlan on every Linux node, with a network for its podCIDRs in mode L3S:
#
#   kubectl apply --server-side --filename ipvlan-cni.yaml
#
# The nodes must have the image: a release has it as ipvlan-cni-VERSION-image.tar, for \`ctr --namespace k8s.io images import\` on each node, or
# for a registry; then put its name there in place of ipvlan-cni:VERSION. Other networks: the ConfigMap below, or the chart's values.
# \`kubectl delete\` of the same file takes all of it away again, on the nodes too. Rendered from the chart, with its values as they are.
`;

/** The path of Helm. @throws Obstacle where Go is not on the machine */
export async function helm(): Promise<string> {
  const folder = await cachedFolder(`go/helm-${helmVersion}`, async (folder) => {
    if (!hasProgram("go")) throw new Obstacle("Helm is built from a Go module, and go is not on this machine");
    const variables = { GOBIN: folder, CGO_ENABLED: "0", GOFLAGS: "-trimpath" };
    await runTool("go", ["install", `helm.sh/helm/v3/cmd/helm@v${helmVersion}`], { variables });
  });
  return join(folder, "helm");
}

/**
 * The chart as plain manifests.
 * @param words more options of `helm template`
 */
export async function renderChart(words: readonly string[] = []): Promise<string> {
  // A Helm that is built so takes the cluster for an old one, unless it is told.
  const options = ["--namespace", "kube-system", "--include-crds", "--kube-version", "1.37.0", ...words];
  return head + (await runTool(await helm(), ["template", "ipvlan-cni", chart, ...options]));
}

if (basename(process.argv[1] ?? "") === basename(import.meta.filename)) {
  tellFailures("manifests");
  writeFileSync(manifests, await renderChart());
  process.stderr.write(`manifests: ${shown(manifests)}\n`);
}
