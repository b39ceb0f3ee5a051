// Node's binary is an npm package: npm installs the host's own, and so nothing is downloaded here. Executables for
// other machines (release archives) take their target's from the same package.
import { at } from "./paths.ts";

export type Arch = "x64" | "arm64";

export const hostArch = process.arch as Arch;

export const nodeBinary = (arch: Arch): string => at("node_modules", `node-linux-${arch}`, "bin/node");
