/** Images as an OCI layout: layers that are not compressed, since under emulation unpacking costs more than reading. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface ImageMaker {
  /** @param fill puts the layer's files into a folder */
  layer(fill: (root: string) => void): Descriptor;
  /**
   * @param entryPoint stays, whatever arguments a container is given
   * @param args where a container is given none
   */
  image(name: string, layers: readonly Descriptor[], entryPoint: readonly string[], args?: readonly string[]): void;
}

/** Makes an archive that `ctr images import` takes. */
export function makeArchive(file: string, make: (maker: ImageMaker) => void): void {
  const oci = `${file}.oci`;
  mkdirSync(join(oci, "blobs/sha256"), { recursive: true });
  const manifests: object[] = [];
  make({
    layer: (fill) => addLayer(oci, fill),
    image: (...image) => void manifests.push(addImage(oci, ...image)),
  });
  writeFileSync(join(oci, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  writeFileSync(join(oci, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  execFileSync("tar", ["-C", oci, "-cf", file, "."]);
  rmSync(oci, { recursive: true });
}

export interface Descriptor {
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

function addLayer(oci: string, fill: (root: string) => void): Descriptor {
  const root = join(oci, "layer");
  mkdirSync(root);
  fill(root);
  const words = ["-C", root, "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--sort=name", "-c", "."];
  const archive = execFileSync("tar", words, { maxBuffer: 2 ** 30 });
  rmSync(root, { recursive: true });
  return addBlob(oci, "layer.v1.tar", archive);
}

function addImage(
  oci: string,
  name: string,
  layers: readonly Descriptor[],
  entryPoint: readonly string[],
  args: readonly string[] = [],
): object {
  const config = addBlob(oci, "config.v1+json", {
    architecture: "amd64",
    os: "linux",
    config: { Entrypoint: entryPoint, Cmd: args, Env: ["PATH=/bin"] },
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
