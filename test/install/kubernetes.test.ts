// What is for Kubernetes and kind, by every means that needs neither Docker nor a cluster.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import t from "tap";
import { parseAllDocuments } from "yaml";
import { npmPackage } from "../../build/npm-package.ts";
import { parseNetworkConfig } from "../../src/config/parse.ts";
import { goTool } from "../machine/go-tools.ts";
import { must, run } from "../machine/process.ts";
import { makeBareRoot, obstacle } from "./lib/bare-root.ts";
import { at, release, releaseFolder } from "./lib/release.ts";

t.setTimeout(0);
const missing = await obstacle();
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
  const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
  for (const file of manifests.slice(0, 2)) {
    const images = [...readFileSync(file, "utf8").matchAll(/image: (.*)/g)].map(([, image]) => image);
    t.strictSame(images, [`ipvlan-cni:${version}`, `ipvlan-cni:${version}`], file);
  }
});

t.test(
  "the image's folder holds an executable for each processor, and its installer takes the right one",
  { skip: missing },
  async (t) => {
    await release("image");
    const image = join(releaseFolder, "image");
    t.strictSame(readdirSync(image).sort(), ["Dockerfile", "LICENSE", "amd64", "arm64", "install.sh"]);
    t.strictSame(readdirSync(join(image, "arm64")).sort(), ["ipvlan-linux-arm64"]);
    // As the Dockerfile lays it out.
    const architecture = process.arch === "x64" ? "amd64" : "arm64";
    const executable = `ipvlan-linux-${process.arch}`;
    const root = await makeBareRoot(join(image, architecture, executable));
    const words = ["--root", root.path, "--from", join(image, architecture)];
    const { code, stderr } = await root.run(["sh", join(image, "install.sh"), ...words]);
    t.equal(code, 0, stderr);
    await must("cmp", [join(root.path, "opt/cni/bin/ipvlan"), join(image, architecture, executable)]);
  },
);

t.test("CRI-O's configuration names the folders that the installer and the networks use", async (t) => {
  const pods = JSON.parse(readFileSync(at("conf-examples/30-kubernetes.conflist"), "utf8"));
  t.strictSame(parseToml(readFileSync(at("build/kubernetes/crio.conf"), "utf8")), {
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
      *"apply --filename -"*) cat > "$0.applied" ;;
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
    t.match(readFileSync(at("kubectl.applied"), "utf8"), /image: ipvlan-cni:e2e\n[\s\S]*image: ipvlan-cni:e2e\n/);
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
