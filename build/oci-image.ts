// The image of the DaemonSet in build/kubernetes/chart: the plugin, the agent, and the libraries that the agent needs; no shell. It is an
// archive of the layout of OCI images: no Docker is needed to make it, and every runtime's own tool reads it (ctr, podman, nerdctl, kind,
// skopeo).
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Component, thirdPartyText } from "./components.ts";
import { debianArch } from "./debian/apt.ts";
import { unpack, unpacked, versionIn } from "./debian/packages.ts";
import { pack } from "./packing.ts";
import { at } from "./paths.ts";
import type { Arch } from "./runtimes.ts";

export interface ImagePlatform {
  readonly arch: Arch;
  /** The plugin, and the program of the agent. */
  readonly executables: readonly string[];
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

/** Where Debian has libraries, and where programs say that their loader is. */
const places: Readonly<Record<Arch, { readonly libraries: string; readonly loader: string }>> = {
  x64: { libraries: "lib/x86_64-linux-gnu", loader: "lib64/ld-linux-x86-64.so.2" },
  arm64: { libraries: "lib/aarch64-linux-gnu", loader: "lib/ld-linux-aarch64.so.1" },
};

/** Debian's packages with what Node's binary is linked to, and of each the files that it needs; the loader is libc6's, too. */
const libraries: Readonly<Record<string, { readonly license: string; readonly files: readonly string[] }>> = {
  libc6: {
    license: "LGPL-2.1-or-later",
    files: ["libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0"],
  },
  libatomic1: { license: "GPL-3.0-or-later WITH GCC-exception-3.1", files: ["libatomic.so.1"] },
  "libgcc-s1": { license: "GPL-3.0-or-later WITH GCC-exception-3.1", files: ["libgcc_s.so.1"] },
  "libstdc++6": { license: "GPL-3.0-or-later WITH GCC-exception-3.1", files: ["libstdc++.so.6"] },
};

const librariesFolder = (arch: Arch): Promise<string> =>
  unpacked({
    name: "node-libraries",
    arch,
    alone: Object.keys(libraries),
    documents: true,
    layout: 1,
    // The compiler's libraries have their copyright file in a package of its version, gcc-12-base.
    async finish(root, source) {
      const base = await source.realPackage("libgcc-s1", "gcc-");
      const archives = join(root, "../base");
      for (const file of await source.downloadAlone([base], archives)) await unpack(file, root);
      rmSync(archives, { recursive: true });
    },
  });

/** What of Debian is in the image. */
export async function libraryComponents(arch: Arch): Promise<Component[]> {
  const root = await librariesFolder(arch);
  return Object.entries(libraries).map(([name, { license }]) => {
    const version = versionIn(root, name);
    const copyright = readFileSync(join(root, "usr/share/doc", name, "copyright"), "utf8");
    return {
      name,
      version,
      purl: `pkg:deb/debian/${encodeURIComponent(name)}@${version}?arch=${debianArch(arch)}`,
      license,
      text: `Unchanged from Debian, whose source packages of this version have the source.\n\n${copyright}`,
    };
  });
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
      Entrypoint: ["/ipvlan-cni/ipvlan-node", "agent"],
      Labels: {
        "org.opencontainers.image.title": "ipvlan-cni",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses":
          "Apache-2.0 AND MIT AND LGPL-2.1-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1",
      },
    },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created, created_by: "ipvlan-cni" }],
  });
  const layers = [addBlob(blobs, types.layer, gzipSync(layer, { level: 6 }))];
  const manifest = addBlob(blobs, types.manifest, { schemaVersion: 2, mediaType: types.manifest, config, layers });
  return { ...manifest, platform: target };
}

/** Where the DaemonSet mounts what is the host's, and what a runtime mounts into every container. */
const mountPoints = [
  ...["dev", "proc", "sys", "tmp"],
  ...["etc/cni/net.d", "etc/ipvlan-cni/networks", "opt/cni/bin", "run/ipvlan-cni", "run/netns", "var/lib/cni"],
];

/** @returns the tar archive of the image's files */
async function makeLayer(
  blobs: string,
  { arch, executables, components }: ImagePlatform,
  time: number,
): Promise<Buffer> {
  const folder = mkdtempSync(join(blobs, "../.layer-"));
  const archive = `${folder}.tar`;
  try {
    for (const made of mountPoints) mkdirSync(join(folder, made), { recursive: true });
    // Runtimes name containers' namespaces by either path, and Kubernetes mounts the token there.
    symlinkSync("../run", join(folder, "var/run"));
    const debian = await librariesFolder(arch);
    const place = places[arch];
    const put = (from: string, to: string) => {
      mkdirSync(dirname(join(folder, to)), { recursive: true });
      // Debian's are links to names with a version.
      copyFileSync(join(debian, from), join(folder, to));
    };
    put(join("usr", place.libraries, basename(place.loader)), place.loader);
    for (const { files } of Object.values(libraries)) {
      for (const name of files) put(join("usr", place.libraries, name), join(place.libraries, name));
    }
    const own = join(folder, "ipvlan-cni");
    mkdirSync(own);
    for (const path of executables) copyFileSync(path, join(own, basename(path)));
    copyFileSync(at("LICENSE"), join(own, "LICENSE"));
    writeFileSync(join(own, "THIRD-PARTY.txt"), thirdPartyText(components));
    await pack(folder, readdirSync(folder).sort(), archive, time);
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
