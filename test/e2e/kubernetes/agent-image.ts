import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { runStep } from "../../../build/incremental.ts";
import { buildImage } from "../../../build/oci-image.ts";
import { at } from "../../../build/paths.ts";
import { hostArch } from "../../../build/runtimes.ts";
import { readVersion } from "../../../build/version.ts";

/** The image that the chart runs, as a release has it, with the executables of this build for this machine alone. @returns the archive's path */
export async function agentImage(): Promise<string> {
  const archive = at("dist/kubernetes/image.tar");
  const executables = [at("dist/native/ipvlan"), at("dist/pkg/ipvlan-node")];
  const { version } = readVersion();
  mkdirSync(dirname(archive), { recursive: true });
  await runStep({
    name: "dist/kubernetes/image.tar",
    inputs: ["dist/native/ipvlan", "dist/pkg/ipvlan-node"],
    settings: [version],
    outputs: () => [archive],
    run: () =>
      buildImage(archive, {
        name: `ipvlan-cni:${version}`,
        version,
        time: 0,
        platforms: [{ arch: hostArch, executables, components: [] }],
      }),
  });
  return archive;
}
