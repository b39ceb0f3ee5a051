// What is for Kubernetes and kind, by every means that needs neither Docker nor a cluster.
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse as parseToml } from "smol-toml";
import t from "tap";
import { parseAllDocuments } from "yaml";
import { npmPackage } from "../../build/npm-package.ts";
import { parseNetworkConfig } from "../../src/config/parse.ts";
import { goTool } from "../machine/go-tools.ts";
import { must, run } from "../machine/process.ts";
import { obstacle } from "./lib/bare-root.ts";
import { at, release, releaseFolder } from "./lib/release.ts";

t.setTimeout(0);
const missing = await obstacle();
const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
const work = mkdtempSync(join(tmpdir(), "kubernetes-"));
t.teardown(() => rmSync(work, { recursive: true }));

// biome-ignore lint/suspicious/noExplicitAny: objects of every kind
type Json = any;

/** The documents of a YAML file. */
function yaml(file: string): Json[] {
  return parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS());
}

const manifests = ["build/kubernetes/install.yaml", "build/kubernetes/uninstall.yaml", "test/e2e/kind/pods.yaml"].map(
  (path) => at(path),
);

t.test("the manifests are what Kubernetes' types say, and a slip of the pen is not", async (t) => {
  const types = await npmPackage({
    name: "kubernetes-types",
    version: "1.30.0",
    integrity: "sha512-Dew1okvhM/SQcIa2rcgujNndZwU8VnSapDgdxlYoB84ZlpAD43U6KLAFqYo17ykSFGHNPrg0qry0bP+GJd9v7Q==",
  });
  const check = async (objects: Json[]) => {
    const lines = objects.map((object, index) => {
      t.match(object, { apiVersion: "apps/v1", kind: "DaemonSet" });
      return `export const object${index}: DaemonSet = ${JSON.stringify(object)};`;
    });
    const file = join(work, "manifests.ts");
    writeFileSync(file, [`import type { DaemonSet } from "${join(types, "apps/v1")}";`, ...lines].join("\n"));
    const options = ["--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--module", "preserve", "--types", ""];
    return run(process.execPath, [at("node_modules/typescript/bin/tsc"), ...options, file]);
  };
  const objects = manifests.flatMap(yaml);
  const { code, stdout } = await check(objects);
  t.equal(code, 0, stdout.toString());
  const wrong = structuredClone(objects[0]);
  wrong.spec.template.spec.hostNetwrok = true;
  t.match((await check([wrong])).stdout.toString(), "hostNetwrok");
  for (const { metadata, spec } of objects) {
    t.match(spec.template.metadata.labels, spec.selector.matchLabels, `${metadata.name} selects its own pods`);
  }
});

t.test("both manifests name the version that this is", async (t) => {
  for (const file of manifests.slice(0, 2)) {
    const images = [...readFileSync(file, "utf8").matchAll(/^ +image: (.*)/gm)].map(([, image]) => image);
    t.strictSame(images, [`ipvlan-cni:${version}`, `ipvlan-cni:${version}`], file);
  }
});

/** Unpacks the image for a processor, as a runtime does. @returns its configuration and the folder */
async function unpackImage(architecture: string): Promise<{ config: Json; folder: string }> {
  const archive = join(work, "oci");
  mkdirSync(archive, { recursive: true });
  await must("tar", ["-xf", join(releaseFolder, `ipvlan-cni-${version}-image.tar`), "-C", archive]);
  const blob = ({ digest, size }: Json): Buffer => {
    const bytes = readFileSync(join(archive, "blobs", digest.replace(":", "/")));
    t.equal(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, digest);
    t.equal(bytes.length, size);
    return bytes;
  };
  const read = (descriptor: Json): Json => JSON.parse(blob(descriptor).toString());
  const [top] = JSON.parse(readFileSync(join(archive, "index.json"), "utf8")).manifests;
  t.equal(top.annotations["io.containerd.image.name"], `docker.io/library/ipvlan-cni:${version}`);
  const manifest = read(read(top).manifests.find(({ platform }: Json) => platform.architecture === architecture));
  const config = read(manifest.config);
  const [layer] = manifest.layers.map(blob);
  t.strictSame(config.rootfs.diff_ids, [`sha256:${createHash("sha256").update(gunzipSync(layer)).digest("hex")}`]);
  const folder = join(work, architecture);
  mkdirSync(folder);
  await must("tar", ["-xzf", "-", "-C", folder], { input: layer });
  return { config, folder };
}

t.test(
  "the image holds an executable for each processor, and its installer puts it on a node",
  { skip: missing },
  async (t) => {
    await release("image");
    for (const [architecture, machine] of Object.entries({ amd64: 62, arm64: 183 })) {
      const { config, folder } = await unpackImage(architecture);
      t.match(config, { architecture, os: "linux" });
      for (const name of ["bin/busybox", "ipvlan-cni/ipvlan"]) {
        // e_machine of ELF
        t.equal(readFileSync(join(folder, name)).readUInt16LE(18), machine, `${name} for ${architecture}`);
      }
      for (const name of ["QuickJS", "musl", "busybox"]) {
        t.match(readFileSync(join(folder, "ipvlan-cni/THIRD-PARTY.txt"), "utf8"), new RegExp(name, "i"));
      }
      if (architecture !== (process.arch === "x64" ? "amd64" : "arm64")) continue;
      const node = join(folder, "host");
      const inContainer = (...words: string[]) => {
        const [entry, ...args] = [...config.config.Entrypoint, ...words];
        return run("/usr/sbin/chroot", [folder, entry, ...args], { env: { PATH: "/bin" } });
      };
      t.match(await inContainer(), { code: 0, stderr: `/host/opt/cni/bin/ipvlan is ipvlan v${version}` });
      await must("cmp", [join(node, "opt/cni/bin/ipvlan"), join(folder, "ipvlan-cni/ipvlan")]);
      t.match(await inContainer("--uninstall"), { code: 0, stderr: "is gone" });
    }
  },
);

t.test("CRI-O's configuration names the folders that the installer and the networks use", async (t) => {
  const pods = JSON.parse(readFileSync(at("conf-examples/30-kubernetes.conflist"), "utf8"));
  t.same(structuredClone(parseToml(readFileSync(at("build/kubernetes/crio.conf"), "utf8"))), {
    crio: {
      network: { plugin_dirs: ["/opt/cni/bin"], network_dir: "/etc/cni/net.d", cni_default_network: pods.name },
    },
  });
});

const kind = goTool("sigs.k8s.io/kind@v0.33.0");
t.test("kind itself reads the cluster's configuration", { skip: "missing" in kind && kind.missing }, async (t) => {
  if ("missing" in kind) return;
  const create = async (config: string) => {
    writeFileSync(join(work, "cluster.yaml"), config);
    // It reads the configuration before it looks for Docker, which is not here.
    const words = ["create", "cluster", "--name", "never", "--config", join(work, "cluster.yaml")];
    return (await run(kind.path, words, { env: { PATH: work, KIND_EXPERIMENTAL_PROVIDER: "docker" } })).stderr;
  };
  const config = readFileSync(at("test/e2e/kind/cluster.yaml"), "utf8");
  const seen = await create(config);
  t.notMatch(seen, "decode");
  t.match(seen, /docker/);
  t.match(await create(config.replace("disableDefaultCNI", "disableDefaultCNl")), "unable to decode config");
});

/** Programs that answer as a cluster of two nodes would, and note what they were asked. */
const cluster: Record<string, string> = {
  npm: "",
  kind: "",
  kubectl: `
    case "$*" in
      *"get nodes"*) echo "one two" ;;
      *"get node one"*podCIDRs*) echo "10.244.0.0/24 fd00:10:244::/64" ;;
      *"get node two"*podCIDRs*) echo "10.244.1.0/24 fd00:10:244:1::/64" ;;
      *"get node one"*addresses*) echo "172.18.0.2 fc00:f853:ccd:e793::2" ;;
      *"get node two"*addresses*) echo "172.18.0.3 fc00:f853:ccd:e793::3" ;;
      *"get pods"*name=probe*metadata.name*) echo "probe-1 probe-2" ;;
      *"get pod probe-1"*) echo "10.244.0.2 fd00:10:244::2" ;;
      *"get pod probe-2"*) echo "10.244.1.2 fd00:10:244:1::2" ;;
      *"exec probe-1 -- ping"*10.244.1.2) [ ! -e "$0.broken" ] ;;
    esac`,
  docker: `
    case "$*" in
      *"cat > /etc/cni/net.d"*) cat > "$0.network.$3" ;;
      *"test -e /opt/cni/bin/ipvlan"*) exit 1 ;;
    esac`,
};

function clusterOf(): { env: NodeJS.ProcessEnv; at(name: string): string; calls(): string } {
  const folder = mkdtempSync(join(work, "bin-"));
  mkdirSync(folder, { recursive: true });
  for (const [name, script] of Object.entries(cluster)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return {
    env: { PATH: `${folder}:${process.env.PATH}` },
    at: (name) => join(folder, name),
    calls: () => readFileSync(join(folder, "calls"), "utf8"),
  };
}

const script = at("test/e2e/kind/run.sh");

t.test(
  "the script for kind goes through all its steps, and gives each node a network that the plugin takes",
  async (t) => {
    const { env, at, calls } = clusterOf();
    const { code, stdout, stderr } = await run("sh", [script], { env });
    t.equal(code, 0, stderr);
    t.match(stdout.toString(), /== all is well\n$/);
    for (const [node, subnets] of [
      ["one", ["10.244.0.0/24", "fd00:10:244::/64"]],
      ["two", ["10.244.1.0/24", "fd00:10:244:1::/64"]],
    ] as const) {
      const { name, cniVersion, plugins } = JSON.parse(readFileSync(at(`docker.network.${node}`), "utf8"));
      const text = JSON.stringify({ name, cniVersion, ...plugins[0] });
      const context = { command: "ADD", args: "", netns: "/run/netns/c1", ifname: "eth0" } as const;
      const { config, warnings } = parseNetworkConfig(text, context);
      t.strictSame(warnings, []);
      t.match(config, { name: "pods", mode: "l3s", parent: { kind: "defaultRoute", family: 4 } });
      t.strictSame(
        plugins[0].ipam.subnets.map(({ subnet }: Json) => subnet),
        subnets,
      );
    }
    for (const call of [
      "docker exec -i one ip route replace 10.244.1.0/24 via 172.18.0.3",
      "docker exec -i one ip route replace fd00:10:244:1::/64 via fc00:f853:ccd:e793::3",
      "docker exec -i two ip route replace 10.244.0.0/24 via 172.18.0.2",
      "kubectl --context kind-ipvlan-cni exec probe-2 -- ping -c 1 -W 5 fd00:10:244::2",
    ]) {
      t.ok(calls().includes(`${call}\n`), call);
    }
    t.match(calls(), /kind load image-archive --name ipvlan-cni \S+-image\.tar\n/);
    t.match(calls(), /kind delete cluster --name ipvlan-cni\n$/, "the cluster goes last");
  },
);

t.test(
  "the script for kind fails where a pod does not reach another, and takes its cluster away all the same",
  async (t) => {
    const { env, at, calls } = clusterOf();
    writeFileSync(at("kubectl.broken"), "");
    const { code, stderr } = await run("sh", [script], { env });
    t.equal(code, 1);
    t.match(stderr, "FAILED: probe-1 does not reach probe-2 at 10.244.1.2");
    t.match(calls(), /kind delete cluster --name ipvlan-cni\n$/);
  },
);
