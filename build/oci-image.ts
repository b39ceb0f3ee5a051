// The image of the DaemonSets in build/kubernetes, as an archive of the OCI's image layout: no Docker is needed to make it, and every
// runtime's own tool reads it (ctr, podman, nerdctl, kind, skopeo).
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Component, thirdPartyText } from "./components.ts";
import { debianArch } from "./debian/apt.ts";
import { unpacked, versionIn } from "./debian/packages.ts";
import { pack } from "./packing.ts";
import { at } from "./paths.ts";
import { runTool } from "./run-tool.ts";
import { type Arch, hostArch } from "./runtimes.ts";

export interface ImagePlatform {
  readonly arch: Arch;
  readonly executable: string;
  readonly components: readonly Component[];
}

export interface Image {
  /** As Kubernetes' manifests name it: `ipvlan-cni:0.1.0`. */
  readonly name: string;
  readonly version: string;
  /** Of everything in it, in seconds since 1970. */
  readonly time: number;
  readonly platforms: readonly ImagePlatform[];
}

/** The installer's shell and programs: the one file of Debian's busybox-static. */
const busyboxFolder = (arch: Arch): Promise<string> =>
  unpacked({ name: "busybox", arch, alone: ["busybox-static"], documents: true });

export async function busyboxComponent(arch: Arch): Promise<Component> {
  const root = await busyboxFolder(arch);
  const version = versionIn(root, "busybox-static");
  return {
    name: "busybox",
    version,
    purl: `pkg:deb/debian/busybox-static@${version}?arch=${debianArch(arch)}`,
    license: "GPL-2.0-only",
    text: `Unchanged from Debian; its source is Debian's source package busybox of the same version.\n\n${readFileSync(join(root, "usr/share/doc/busybox-static/copyright"), "utf8")}`,
  };
}

/** Writes the archive: an index with an image for each platform. */
export async function buildImage(output: string, image: Image): Promise<void> {
  const folder = mkdtempSync(join(dirname(output), ".image-"));
  try {
    const blobs = join(folder, "blobs/sha256");
    mkdirSync(blobs, { recursive: true });
    const manifests = [];
    for (const platform of image.platforms) manifests.push(await addPlatform(blobs, image, platform));
    const index = addBlob(blobs, types.index, { schemaVersion: 2, mediaType: types.index, manifests });
    const annotations = {
      "io.containerd.image.name": `docker.io/library/${image.name}`,
      "org.opencontainers.image.ref.name": image.version,
    };
    writeJson(join(folder, "index.json"), { schemaVersion: 2, manifests: [{ ...index, annotations }] });
    writeJson(join(folder, "oci-layout"), { imageLayoutVersion: "1.0.0" });
    await pack(folder, ["blobs", "index.json", "oci-layout"], output, image.time);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const types = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

async function addPlatform(blobs: string, { time, version }: Image, platform: ImagePlatform): Promise<object> {
  const layer = await makeLayer(blobs, platform, time);
  const created = new Date(time * 1000).toISOString();
  const target = { architecture: debianArch(platform.arch), os: "linux" };
  const config = addBlob(blobs, types.config, {
    created,
    ...target,
    config: {
      Env: ["PATH=/bin"],
      Entrypoint: ["/ipvlan-cni/install.sh", "--root", "/host"],
      Labels: {
        "org.opencontainers.image.title": "ipvlan-cni",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "Apache-2.0 AND MIT AND GPL-2.0-only",
      },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created, created_by: "ipvlan-cni" }],
  });
  const layers = [addBlob(blobs, types.layer, gzipSync(layer, { level: 6 }))];
  const manifest = addBlob(blobs, types.manifest, { schemaVersion: 2, mediaType: types.manifest, config, layers });
  return { ...manifest, platform: target };
}

/** @returns the tar archive of the image's files */
async function makeLayer(
  blobs: string,
  { arch, executable, components }: ImagePlatform,
  time: number,
): Promise<Buffer> {
  const folder = mkdtempSync(join(blobs, "../.layer-"));
  const archive = `${folder}.tar`;
  try {
    for (const made of ["bin", "dev", "host", "ipvlan-cni", "proc", "sys"]) mkdirSync(join(folder, made));
    cpSync(join(await busyboxFolder(arch), "usr/bin/busybox"), join(folder, "bin/busybox"));
    // The same version for another architecture has the same programs.
    const applets = await runTool(join(await busyboxFolder(hostArch), "usr/bin/busybox"), ["--list"]);
    for (const applet of applets.trim().split("\n")) {
      if (applet !== "busybox") symlinkSync("busybox", join(folder, "bin", applet));
    }
    const own = join(folder, "ipvlan-cni");
    cpSync(executable, join(own, "ipvlan"));
    cpSync(at("build/install.sh"), join(own, "install.sh"));
    cpSync(at("LICENSE"), join(own, "LICENSE"));
    writeFileSync(join(own, "THIRD-PARTY.txt"), thirdPartyText(components));
    await pack(folder, ["bin", "dev", "host", "ipvlan-cni", "proc", "sys"], archive, time);
    return readFileSync(archive);
  } finally {
    rmSync(folder, { recursive: true });
    rmSync(archive, { force: true });
  }
}

/** @param contents bytes, or what is written as JSON */
function addBlob(blobs: string, mediaType: string, contents: Buffer | object): Descriptor {
  const bytes = Buffer.isBuffer(contents) ? contents : Buffer.from(JSON.stringify(contents));
  const digest = sha256(bytes);
  writeFileSync(join(blobs, digest), bytes);
  return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
}

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

const writeJson = (path: string, value: object): void => writeFileSync(path, JSON.stringify(value));
