import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Component, linkedComponents } from "./components.ts";
import { unpacked, versionIn } from "./debian/packages.ts";
import { libraryPath } from "./library-path.ts";
import { Obstacle } from "./obstacle.ts";
import { hasProgram } from "./programs.ts";
import { runTool } from "./run-tool.ts";
import { type Arch, hostArch } from "./runtimes.ts";

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
  readonly versions: { readonly gcc: string; readonly musl?: string };
  /** What of others is in a program, by the files that were linked; undefined where nobody knows. */
  readonly components?: (linked: readonly string[]) => Component[];
}

/**
 * Static programs with musl: one file for every Linux of the architecture. By Debian's gcc and musl, unpacked into the cache: nothing is
 * installed, root is not needed, and what the machine has of its own makes no difference.
 * @throws Obstacle where this is no Debian and has no musl-gcc of its own either
 */
export async function staticToolchain(arch: Arch): Promise<Toolchain> {
  if (!hasProgram("apt-get")) return foreignToolchain(arch);
  const { root, gcc } = await debianGcc(arch);
  const musl = await muslFolder(arch);
  const library = join(musl, `usr/lib/${muslTriplets[arch]}`);
  const own = (await runGcc(gcc, "-print-file-name=include")).trim();
  const headers = ["-nostdinc", "-isystem", join(musl, "usr/include", muslTriplets[arch]), "-isystem", own];
  return {
    arch,
    // musl has not what libgcc's choice between two kinds of atomic instructions asks.
    compiler: [...gcc, ...headers, ...(arch === "arm64" ? ["-mno-outline-atomics"] : [])],
    link: {
      before: ["-nostdlib", "-static", "-no-pie", join(library, "crt1.o"), join(library, "crti.o"), `-L${library}`],
      after: ["-lc", "-lgcc", join(library, "crtn.o")],
    },
    runner: arch === hostArch ? [] : [await userEmulator(arch)],
    versions: { gcc: await versionOf(gcc), musl: versionIn(musl, "musl-dev") },
    components: (linked) => linkedComponents(linked, musl, root, arch),
  };
}

const triplets: Record<Arch, string> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };
const muslTriplets: Record<Arch, string> = { x64: "x86_64-linux-musl", arm64: "aarch64-linux-musl" };

/** Debian's musl of an architecture, with its copyright file. @returns the root folder */
export const muslFolder = (arch: Arch): Promise<string> =>
  unpacked({ name: "musl", arch, alone: ["musl-dev"], documents: true });

/** Of what gcc depends on: a third, and a static C program needs none of it. */
const unneeded = /^lib(a|hwa|t|l|ub)san|^lib(atomic|cc|gomp|gprofng|itm|quadmath|stdc\+\+|c6|gcc-s)\d?/;

/** A compiler that runs here: its packages, and the words before its arguments. */
async function debianGcc(arch: Arch): Promise<{ root: string; gcc: readonly string[] }> {
  const triplet = triplets[arch];
  const name = arch === hostArch ? "gcc" : `gcc-${triplet.replaceAll("_", "-")}`;
  const root = await unpacked({ name, packages: [name], without: unneeded });
  const bin = join(root, "usr/bin");
  const here = arch === hostArch ? [`-B${bin}/`] : [];
  return { root, gcc: ["env", `LD_LIBRARY_PATH=${libraryPath(root)}`, join(bin, `${triplet}-gcc`), ...here] };
}

/** QEMU for single programs of another architecture. */
export async function userEmulator(arch: Arch): Promise<string> {
  const name = arch === "arm64" ? "qemu-aarch64-static" : "qemu-x86_64-static";
  const root = await unpacked({
    name: `qemu-user-${arch}`,
    alone: ["qemu-user-static"],
    // It has forty others.
    finish: async (folder) => {
      const bin = join(folder, "usr/bin");
      for (const file of readdirSync(bin)) if (file !== name) rmSync(join(bin, file));
    },
  });
  return join(root, "usr/bin", name);
}

/** On another system: its own compiler, for its own architecture. */
async function foreignToolchain(arch: Arch): Promise<Toolchain> {
  const isMusl = hasProgram("gcc") && (await runTool("gcc", ["-dumpmachine"])).includes("musl");
  const compiler = [isMusl ? "gcc" : "musl-gcc"];
  if (arch !== hostArch || !hasProgram(compiler[0] as string)) {
    throw new Obstacle(
      `the native executable for ${arch} is built on Debian, whose packages have all that it takes; ` +
        `elsewhere musl-gcc, or gcc on a system with musl, builds the one for the machine's own architecture`,
    );
  }
  const link = { before: ["-static", "-no-pie"], after: [] };
  return { arch, compiler, link, runner: [], versions: { gcc: await versionOf(compiler) } };
}

/** gcc with glibc: it has the sanitizers. What comes out runs with the machine's glibc. */
export async function sanitizingToolchain(): Promise<Toolchain> {
  const link = { before: ["-static-libasan", "-static-libubsan"], after: ["-lm"] };
  if (!hasProgram("apt-get")) {
    if (!hasProgram("gcc")) throw new Obstacle("the executable with sanitizers needs gcc");
    return { arch: hostArch, compiler: ["gcc"], link, runner: [], versions: { gcc: await versionOf(["gcc"]) } };
  }
  const { gcc } = await debianGcc(hostArch);
  const glibc = await unpacked({ name: "glibc", alone: ["libc6", "libc6-dev", "libgcc-s1", "linux-libc-dev"] });
  const compiler = [...gcc, `--sysroot=${glibc}`];
  return { arch: hostArch, compiler, link, runner: [], versions: { gcc: await versionOf(gcc) } };
}

const runGcc = ([program, ...words]: readonly string[], ...more: string[]): Promise<string> =>
  runTool(program as string, [...words, ...more]);

const versionOf = async (gcc: readonly string[]): Promise<string> =>
  (await runGcc(gcc, "--version")).split("\n")[0] as string;
