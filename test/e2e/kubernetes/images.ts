/** The images of all pods, made from static programs and kept in the cache: one archive, which each node imports once. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cachedFolder } from "../../../build/cache.ts";
import { layer } from "../../machine/packages.ts";
import { shortHash } from "../../machine/paths.ts";
import { type Descriptor, type ImageMaker, makeArchive } from "./oci-archive.ts";

export const images = {
  /** Sleeps: what holds a pod's namespaces. */
  pause: "localhost/pause:1",
  /** Kubernetes' own test server, with busybox for a shell. */
  agnhost: "localhost/agnhost:1",
  coredns: "localhost/coredns:1",
} as const;

/** @returns the archive's path */
export async function imageArchive(programs: { kubernetes: string; coredns: string }): Promise<string> {
  const base = await layer("base");
  return cachedArchive("images", [import.meta.filename, programs.kubernetes, programs.coredns, base], (maker) => {
    const busybox = busyboxLayer(maker, base);
    const agnhost = maker.layer((root) => cpSync(join(programs.kubernetes, "agnhost"), join(root, "agnhost")));
    const coredns = maker.layer((root) => cpSync(join(programs.coredns, "coredns"), join(root, "coredns")));
    maker.image(images.pause, [busybox], ["/bin/sleep", "1000000"]);
    maker.image(images.agnhost, [busybox, agnhost], ["/agnhost"]);
    maker.image(images.coredns, [busybox, coredns], ["/coredns"]);
  });
}

/**
 * An archive of images in the cache.
 * @param sources what it is made from: the file that says how, and folders whose names change with their contents
 */
export async function cachedArchive(
  name: string,
  sources: readonly [file: string, ...folders: string[]],
  make: (maker: ImageMaker) => void,
): Promise<string> {
  const [file, ...folders] = sources;
  const key = shortHash([readFileSync(file, "utf8"), ...folders].join("\n"));
  const folder = await cachedFolder(`kubernetes/${name}-${key}`, async (folder) => {
    makeArchive(join(folder, "images.tar"), make);
  });
  return join(folder, "images.tar");
}

/** A shell and what belongs to it. @param base the packages that have it */
export function busyboxLayer({ layer }: ImageMaker, base: string): Descriptor {
  return layer((root) => {
    mkdirSync(join(root, "bin"));
    mkdirSync(join(root, "tmp"));
    const program = join(base, "usr/bin/busybox");
    cpSync(program, join(root, "bin/busybox"));
    const applets = execFileSync(program, ["--list"], { encoding: "utf8" }).trim().split("\n");
    for (const name of applets) if (name !== "busybox") symlinkSync("busybox", join(root, "bin", name));
  });
}
