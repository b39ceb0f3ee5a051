/** The images of all pods, made from static programs and kept in the cache: one archive, which each node imports once. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachedFolder } from "../../../build/cache.ts";
import { layer } from "../../machine/packages.ts";
import { shortHash } from "../../machine/paths.ts";

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
  const made = shortHash(readFileSync(import.meta.filename, "utf8") + programs.kubernetes + programs.coredns + base);
  const folder = await cachedFolder(`kubernetes/images-${made}`, async (folder) => {
    const oci = join(folder, "oci");
    mkdirSync(join(oci, "blobs/sha256"), { recursive: true });
    const busybox = addLayer(oci, (root) => {
      mkdirSync(join(root, "bin"));
      mkdirSync(join(root, "tmp"));
      const program = join(base, "usr/bin/busybox");
      cpSync(program, join(root, "bin/busybox"));
      const applets = execFileSync(program, ["--list"], { encoding: "utf8" }).trim().split("\n");
      for (const name of applets) if (name !== "busybox") symlinkSync("busybox", join(root, "bin", name));
    });
    const agnhost = addLayer(oci, (root) => cpSync(join(programs.kubernetes, "agnhost"), join(root, "agnhost")));
    const coredns = addLayer(oci, (root) => cpSync(join(programs.coredns, "coredns"), join(root, "coredns")));
    const manifests = [
      addImage(oci, images.pause, [busybox], ["/bin/sleep", "1000000"]),
      addImage(oci, images.agnhost, [busybox, agnhost], ["/agnhost"]),
      addImage(oci, images.coredns, [busybox, coredns], ["/coredns"]),
    ];
    writeFileSync(join(oci, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    writeFileSync(join(oci, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    execFileSync("tar", ["-C", oci, "-cf", join(folder, "images.tar"), "."]);
    rmSync(oci, { recursive: true });
  });
  return join(folder, "images.tar");
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function addBlob(oci: string, mediaType: string, contents: Buffer | object): Descriptor {
  const bytes = Buffer.isBuffer(contents) ? contents : Buffer.from(JSON.stringify(contents));
  const digest = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(join(oci, "blobs/sha256", digest), bytes);
  return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: `sha256:${digest}`, size: bytes.length };
}

/** Not compressed: under emulation, unpacking costs more than reading. */
function addLayer(oci: string, fill: (root: string) => void): Descriptor {
  const root = join(oci, "layer");
  mkdirSync(root);
  fill(root);
  const words = ["-C", root, "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--sort=name", "-c", "."];
  const archive = execFileSync("tar", words, { maxBuffer: 2 ** 30 });
  rmSync(root, { recursive: true });
  return addBlob(oci, "layer.v1.tar", archive);
}

function addImage(oci: string, name: string, layers: readonly Descriptor[], command: readonly string[]): object {
  const config = addBlob(oci, "config.v1+json", {
    architecture: "amd64",
    os: "linux",
    config: { Entrypoint: command, Env: ["PATH=/bin"] },
    // A layer that is not compressed has the same digest before and after.
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  });
  const manifest = addBlob(oci, "manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config,
    layers,
  });
  const annotations = { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name };
  return { ...manifest, annotations };
}
