// The runtimes' binaries, as npm packages: npm installs the host's own, and so nothing is downloaded here.
// Executables for other machines (release archives) take their targets' binaries from the same packages.
import { at } from "./paths.ts";

export type Arch = "x64" | "arm64";

export const hostArch = process.arch as Arch;

export const bunBinary = (arch: Arch): string =>
  at("node_modules/@oven", { x64: "bun-linux-x64", arm64: "bun-linux-aarch64" }[arch], "bin/bun");

export const nodeBinary = (arch: Arch): string => at("node_modules", `node-linux-${arch}`, "bin/node");
