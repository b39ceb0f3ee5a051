import { readdirSync } from "node:fs";
import { join } from "node:path";
import { foreignPackage } from "./debian-download.ts";
import { runTool } from "./run-tool.ts";
import type { Arch } from "./runtimes.ts";
import { hostArch } from "./runtimes.ts";
import { hasProgram, requireProgram } from "./system-packages.ts";

/** How C becomes a program of an architecture. */
export interface Toolchain {
  readonly arch: Arch;
  /** The compiler and its words for every call. */
  readonly compiler: readonly string[];
  /** Around the object files, to link them. */
  readonly link: { readonly before: readonly string[]; readonly after: readonly string[] };
  /** Words before a program of it, to run it here. */
  readonly runner: readonly string[];
  /** Decides over what comes out, beside the words. */
  readonly version: string;
}

const why = "to build the native executable";

/**
 * Static programs with musl: one file for every Linux of the architecture. By Debian's gcc: most contributors have it, and the tests
 * need it for its sanitizers.
 */
export async function staticToolchain(arch: Arch): Promise<Toolchain> {
  return arch === hostArch ? native(arch) : crossToArm64();
}

async function native(arch: Arch): Promise<Toolchain> {
  const isMusl = hasProgram("gcc") && (await runTool("gcc", ["-dumpmachine"])).includes("musl");
  if (!isMusl) requireProgram("musl-gcc", ["gcc", "musl-tools"], why);
  const compiler = [isMusl ? "gcc" : "musl-gcc"];
  const link = { before: ["-static", "-no-pie"], after: [] };
  return { arch, compiler, link, runner: [], version: await versionOf(compiler) };
}

/** Debian has a compiler for arm64, and musl for it in the packages of that architecture. */
async function crossToArm64(): Promise<Toolchain> {
  const gcc = "aarch64-linux-gnu-gcc";
  requireProgram(gcc, ["gcc-aarch64-linux-gnu"], `${why} for arm64`);
  requireProgram("qemu-aarch64-static", ["qemu-user-static"], "to fill the arm64 executable's heap");
  const musl = await foreignPackage("musl-dev", "arm64");
  const own = (await runTool(gcc, ["-print-file-name=include"])).trim();
  const library = join(musl, "usr/lib/aarch64-linux-musl");
  const headers = ["-nostdinc", "-isystem", join(musl, "usr/include/aarch64-linux-musl"), "-isystem", own];
  return {
    arch: "arm64",
    compiler: [gcc, ...headers],
    link: {
      before: ["-nostdlib", "-static", "-no-pie", join(library, "crt1.o"), join(library, "crti.o"), `-L${library}`],
      after: ["-lc", "-lgcc", join(library, "crtn.o")],
    },
    runner: ["qemu-aarch64-static"],
    version: `${await versionOf([gcc])} ${readdirSync(join(musl, "usr/share/doc")).join(" ")}`,
  };
}

/** Debian's gcc with glibc: it has the sanitizers. */
export async function sanitizingToolchain(): Promise<Toolchain> {
  requireProgram("gcc", ["gcc", "libc6-dev"], "to build the executable with sanitizers");
  const compiler = ["gcc"];
  return {
    arch: hostArch,
    compiler,
    link: { before: [], after: ["-lm"] },
    runner: [],
    version: await versionOf(compiler),
  };
}

async function versionOf([program]: readonly string[]): Promise<string> {
  return (await runTool(program as string, ["--version"])).split("\n")[0] as string;
}
