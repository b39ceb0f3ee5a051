/** Under the names by which Kubernetes' own suite asks for its images: the programs that its cases run, from Debian's packages and Go modules. */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { libraryPath } from "../../../../build/library-path.ts";
import { layer } from "../../../machine/packages.ts";
import { busyboxLayer, cachedArchive } from "../images.ts";
import { kubernetesSource } from "../programs.ts";

/** What the network's cases use of each image, as it is published: its entry point, with arguments for who gives none, or a shell. */
const entryPoints: readonly (readonly [image: RegExp, entryPoint: readonly string[], args?: readonly string[]])[] = [
  [/\/agnhost:/, ["/agnhost"], ["pause"]],
  [/\/pause:/, ["/bin/sleep", "1000000"]],
  [/\/(busybox|glibc-dns-testing):/, []],
];

/** Besides busybox: busybox has no such program, or one that does not know the words that the cases use. */
const tools = ["bash", "curl", "dig", "getent", "ip", "nc.openbsd"];

/** @returns the archive's path */
export async function conformanceImages(kubernetes: string): Promise<string> {
  const base = await layer("base");
  const network = await layer("network-tools");
  const source = await kubernetesSource();
  return cachedArchive("conformance-images", [import.meta.filename, kubernetes, base, network], (maker) => {
    const busybox = busyboxLayer(maker, base);
    const programs = maker.layer((root) => {
      for (const name of tools) addProgram(root, name, [network, base, "/"]);
      for (const [name, program] of Object.entries({ sh: "bash", nc: "nc.openbsd" })) {
        symlinkSync(program, join(root, "bin", name));
      }
      mkdirSync(join(root, "etc"));
      writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
    });
    const agnhost = maker.layer((root) => {
      cpSync(join(kubernetes, "agnhost"), join(root, "agnhost"));
      for (const file of ["localhost.crt", "localhost.key"]) {
        cpSync(join(source, "test/images/agnhost/porter", file), join(root, file));
      }
      symlinkSync("agnhost", join(root, "agnhost-2"));
      mkdirSync(join(root, "uploads"));
    });
    const list = execFileSync(join(kubernetes, "e2e.test"), ["--list-images"], { encoding: "utf8" });
    for (const name of list.trim().split("\n")) {
      const [, entryPoint, args] = entryPoints.find(([image]) => image.test(name)) ?? [];
      if (entryPoint !== undefined) maker.image(name, [busybox, programs, agnhost], entryPoint, args);
    }
  });
}

/** A program with the libraries that it is linked with, found in root folders of which the first one wins. */
function addProgram(root: string, name: string, roots: readonly string[]): void {
  const places = roots.flatMap((from) => ["usr/bin", "usr/sbin"].map((folder) => join(from, folder, name)));
  const program = places.find((place) => existsSync(place));
  if (program === undefined) throw new Error(`there is no program ${name}`);
  mkdirSync(join(root, "bin"), { recursive: true });
  copyFileSync(program, join(root, "bin", name));
  const env = { ...process.env, LD_LIBRARY_PATH: roots.map(libraryPath).join(":") };
  const linked = execFileSync("ldd", [program], { encoding: "utf8", env });
  for (const [, library, file] of linked.matchAll(/^\t(?:(\S+) => )?(\/\S+) \(0x/gm)) {
    // The loader is named by its path, all others are looked for in the folders of libraries.
    const place = join(root, library === undefined ? (file as string) : join("lib", library));
    mkdirSync(dirname(place), { recursive: true });
    copyFileSync(file as string, place);
  }
}
