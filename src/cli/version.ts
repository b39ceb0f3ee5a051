import { port } from "#system";
import { cniVersions } from "../cni/versions.ts";
import { commit, version as programVersion } from "../version.ts";
import { FINE, type Run } from "./command.ts";
import { kernelRelease, presenceOf } from "./kernel.ts";

const modules = ["ipvlan", "8021q", "dummy"] as const;

export const version: Run = ({ arguments: given, terminal }) => {
  const release = kernelRelease();
  const kernel = Object.fromEntries(modules.map((module) => [module, presenceOf(module, release)]));
  if (given.has("json")) {
    terminal.printJson({
      version: programVersion,
      commit,
      arch: port.arch,
      engine: port.engine,
      cniVersions,
      kernel: { release, ...kernel },
    });
    return FINE;
  }
  terminal.print(`ipvlan ${programVersion} (${commit}), ${port.arch}, ${port.engine}`);
  terminal.print(`CNI    ${cniVersions.join(", ")}`);
  terminal.print(`kernel ${release}: ${modules.map((module) => `${module} ${kernel[module]}`).join(", ")}`);
  return FINE;
};
