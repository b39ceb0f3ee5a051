// What is for Kubernetes and kind, by every means that needs neither Docker nor a cluster.
import { createHash } from "node:crypto";
import { chmodSync, globSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parse as parseToml } from "smol-toml";
import t, { type Test } from "tap";
import { parseAllDocuments } from "yaml";
import { helm, renderChart } from "../../build/manifests.ts";
import { npmPackage } from "../../build/npm-package.ts";
import { userEmulator } from "../../build/toolchain.ts";
import { parseNetworkConfig } from "../../src/config/parse.ts";
import { render } from "../../src/node/agent/render.ts";
import { places, readSettings } from "../../src/node/agent/settings.ts";
import { goTool } from "../machine/go-tools.ts";
import { findProgram, must, run } from "../machine/process.ts";
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

const manifests = yaml(at("build/kubernetes/ipvlan-cni.yaml"));
const ofKind = (kind: string): Json => manifests.find((object) => object.kind === kind);
const { spec: pod } = ofKind("DaemonSet").spec.template;
const [agent] = pod.containers;

/** The types do not have a schema's extensions. */
const withoutExtensions = (key: string, value: Json): Json => (key.startsWith("x-kubernetes-") ? undefined : value);

/** The package of Kubernetes' types that has each kind. */
const typesOf: Record<string, string> = {
  "v1 ServiceAccount": "core/v1",
  "v1 ConfigMap": "core/v1",
  "apps/v1 DaemonSet": "apps/v1",
  "rbac.authorization.k8s.io/v1 ClusterRole": "rbac/v1",
  "rbac.authorization.k8s.io/v1 ClusterRoleBinding": "rbac/v1",
  "rbac.authorization.k8s.io/v1 Role": "rbac/v1",
  "rbac.authorization.k8s.io/v1 RoleBinding": "rbac/v1",
  "apiextensions.k8s.io/v1 CustomResourceDefinition": "apiextensions/v1",
};

t.test("the manifests are what Kubernetes' types say, and a slip of the pen is not", async (t) => {
  const types = await npmPackage({
    name: "kubernetes-types",
    version: "1.30.0",
    integrity: "sha512-Dew1okvhM/SQcIa2rcgujNndZwU8VnSapDgdxlYoB84ZlpAD43U6KLAFqYo17ykSFGHNPrg0qry0bP+GJd9v7Q==",
  });
  const check = async (objects: Json[]) => {
    const lines = objects.map((object, index) => {
      const module = typesOf[`${object.apiVersion} ${object.kind}`];
      t.ok(module, `${object.apiVersion} ${object.kind}`);
      const type = `import("${join(types, `${module}`)}").${object.kind}`;
      return `export const object${index}: ${type} = ${JSON.stringify(object, withoutExtensions)};`;
    });
    const file = join(work, "manifests.ts");
    writeFileSync(file, lines.join("\n"));
    const options = ["--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--module", "preserve", "--types", ""];
    return run(process.execPath, [at("node_modules/typescript/bin/tsc"), ...options, file]);
  };
  const objects = [...manifests, ...yaml(at("test/e2e/kind/pods.yaml"))];
  t.ok(objects.length >= 9, `${objects.length} objects`);
  const { code, stdout } = await check(objects);
  t.equal(code, 0, stdout.toString());
  const wrong = structuredClone(ofKind("DaemonSet"));
  wrong.spec.template.spec.hostNetwrok = true;
  t.match((await check([wrong])).stdout.toString(), "hostNetwrok");
  for (const { metadata, spec } of objects.filter(({ kind }) => kind === "DaemonSet")) {
    t.match(spec.template.metadata.labels, spec.selector.matchLabels, `${metadata.name} selects its own pods`);
  }
});

t.test("chart and manifests name the version that this is", async (t) => {
  t.match(yaml(at("build/kubernetes/chart/Chart.yaml"))[0], { version, appVersion: version });
  t.equal(agent.image, `ipvlan-cni:${version}`);
});

t.test("the agent has what it reads, and every folder of the host at the host's own place", async (t) => {
  const { metadata } = ofKind("DaemonSet");
  const variables = Object.fromEntries(agent.env.map(({ name, value, valueFrom }: Json) => [name, value ?? valueFrom]));
  t.same(variables.NODE_NAME, { fieldRef: { fieldPath: "spec.nodeName" } });
  t.equal(variables.DAEMONSET, `${metadata.namespace}/${metadata.name}`);
  t.match(readSettings({ ...variables, NODE_NAME: "n" }), { listen: /^127\.0\.0\.1:\d+$/ });
  const mounted = new Map(agent.volumeMounts.map(({ name, mountPath }: Json) => [mountPath, name]));
  for (const path of [places.plugins, places.networks, places.state, places.reservations, "/etc/machine-id"]) {
    const { hostPath } = pod.volumes.find(({ name }: Json) => name === mounted.get(path)) ?? {};
    t.equal(hostPath?.path, path);
  }
  const { configMap } = pod.volumes.find(({ name }: Json) => name === mounted.get(places.templates));
  t.equal(configMap.name, ofKind("ConfigMap").metadata.name);
  const { port, host, path } = agent.readinessProbe.httpGet;
  t.equal(`${host}:${port}${path}`, `${variables.METRICS_ADDRESS}/healthz`);
  t.match(pod, { hostNetwork: true, tolerations: [{ operator: "Exists" }], priorityClassName: "system-node-critical" });
  t.match(agent.securityContext, { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  t.same(agent.securityContext.capabilities, { drop: ["ALL"], add: ["NET_ADMIN", "SYS_ADMIN"] });
});

/** Each as `GROUP/RESOURCE VERB`. */
const rightsOf = ({ rules }: Json): string[] =>
  rules.flatMap(({ apiGroups, resources, verbs }: Json) =>
    verbs.map((verb: string) => `${apiGroups}/${resources} ${verb}`),
  );

t.test("the agent may do what its program asks of the API, and nothing else", async (t) => {
  t.same(rightsOf(ofKind("ClusterRole")).sort(), [
    "/nodes get",
    "/nodes watch",
    "ipvlan-cni.io/ipvlanclaims create",
    "ipvlan-cni.io/ipvlanclaims delete",
    "ipvlan-cni.io/ipvlanclaims get",
    "ipvlan-cni.io/ipvlanclaims list",
    "ipvlan-cni.io/ipvlanclaims/status patch",
  ]);
  t.same(ofKind("Role").rules, [
    { apiGroups: ["apps"], resources: ["daemonsets"], resourceNames: ["ipvlan-cni"], verbs: ["get"] },
  ]);
  const account = ofKind("ServiceAccount").metadata;
  t.equal(pod.serviceAccountName, account.name);
  for (const kind of ["ClusterRole", "Role"]) {
    const { roleRef, subjects } = ofKind(`${kind}Binding`);
    t.match(roleRef, { kind, name: ofKind(kind).metadata.name });
    t.same(subjects, [{ kind: "ServiceAccount", name: account.name, namespace: account.namespace }]);
  }
});

const facts = { podCIDRs: ["10.244.1.0/24", "fd00:10:244:1::/64"] };

/** Sees that the plugin takes each of the ConfigMap's networks as a node's agent completes it. @returns the plugins of each */
function networksOf(t: Test, { data }: Json): Record<string, Json[]> {
  return Object.fromEntries(
    Object.entries<string>(data).map(([file, template]) => {
      const { name, cniVersion, plugins } = JSON.parse(render(file, template, facts));
      const context = { command: "ADD", args: "", netns: "/run/netns/c1", ifname: "eth0" } as const;
      const { warnings } = parseNetworkConfig(JSON.stringify({ name, cniVersion, ...plugins[0] }), context);
      t.strictSame(warnings, [], file);
      return [file, plugins];
    }),
  );
}

t.test("the network of the manifests is one that the plugin takes", async (t) => {
  const { "10-pods.conflist": plugins = [], ...others } = networksOf(t, ofKind("ConfigMap"));
  t.same(others, {});
  t.match(plugins, [{ type: "ipvlan", mode: "l3s", hostAccess: true, serviceCIDRs: ["10.96.0.0/12"] }]);
  t.same(
    plugins[0].ipam.subnets,
    facts.podCIDRs.map((subnet) => ({ subnet })),
  );
});

const noHelm = await helm().then(
  () => false,
  (error: Error) => error.message,
);
t.test("Helm renders the committed manifests, and a chart with other values", { skip: noHelm }, async (t) => {
  t.equal(await renderChart(), readFileSync(at("build/kubernetes/ipvlan-cni.yaml"), "utf8"), "npm run manifests");
  const networks = [
    { name: "flat", file: "05-flat", parent: "eth1", mode: "l2", podCIDRs: false, hostAccess: false, portmap: true },
    { name: "lan", parent: "eth0", mode: "l3s", podCIDRs: false, announce: true, more: { mtu: 1400 } },
  ].map((network, i) => ({
    ...network,
    subnets: [{ subnet: `10.2${i}.0.0/16`, gateway: `10.2${i}.0.1`, ipRange: `10.2${i}.64.0/18` }],
    ...(i === 0 ? { pool: { blockSize: { ipv4: 27 } }, sticky: true } : {}),
  }));
  const values = join(work, "values.json");
  const rendered = async (all: object) => {
    writeFileSync(values, JSON.stringify(all));
    return parseAllDocuments(await renderChart(["--values", values])).map((document) => document.toJS());
  };
  const objects = await rendered({ networks, image: { repository: "r.example/x", tag: "t" }, metrics: { port: 9000 } });
  const { "05-flat.conflist": flat = [], "10-lan.conflist": lan = [] } = networksOf(
    t,
    objects.find(({ kind }: Json) => kind === "ConfigMap"),
  );
  t.match(flat, [
    { mode: "l2", ipam: { cluster: { kubernetes: {}, blockSize: { ipv4: 27 } }, sticky: true } },
    { type: "portmap", capabilities: { portMappings: true } },
  ]);
  t.match(lan, [{ mode: "l3s", announce: true, mtu: 1400 }]);
  t.notOk(lan[0].ipam.cluster);
  t.notOk(lan[0].ipam.sticky);
  const [container] = objects.find(({ kind }: Json) => kind === "DaemonSet").spec.template.spec.containers;
  t.match(container, { image: "r.example/x:t", readinessProbe: { httpGet: { port: 9000, host: "127.0.0.1" } } });
  await t.rejects(rendered({ networks: [{ name: "x", parent: "eth0", mode: "l4" }] }), /mode/);
  await t.rejects(rendered({ networks: [{ ...networks[0], podCIDRs: true }] }), /networks/);
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

/** All files of a folder; links are none. */
const filesIn = (folder: string): string[] =>
  globSync("**/*", { cwd: folder })
    .filter((path) => lstatSync(join(folder, path)).isFile())
    .sort();

const machines = { amd64: 62, arm64: 183 };
const triplets: Record<string, string> = { amd64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };
const loaders: Record<string, string> = { amd64: "lib64/ld-linux-x86-64.so.2", arm64: "lib/ld-linux-aarch64.so.1" };
const own = process.arch === "x64" ? "amd64" : "arm64";
const noDebian = findProgram("apt-get") === undefined && "this is no Debian";

t.test(
  "the image holds two programs, what they need of Debian, and nothing else that runs",
  { skip: noDebian },
  async (t) => {
    await release("image");
    for (const [architecture, machine] of Object.entries(machines)) {
      const { config, folder } = await unpackImage(architecture);
      t.match(config, { architecture, os: "linux", config: { Entrypoint: ["/ipvlan-cni/ipvlan-node", "agent"] } });
      const programs = ["ipvlan-cni/ipvlan", "ipvlan-cni/ipvlan-node"];
      const names = ["atomic.so.1", "c.so.6", "dl.so.2", "gcc_s.so.1", "m.so.6", "pthread.so.0", "stdc++.so.6"];
      const libraries = names.map((name) => `lib/${triplets[architecture]}/lib${name}`);
      const texts = ["ipvlan-cni/LICENSE", "ipvlan-cni/THIRD-PARTY.txt"];
      const loader = loaders[architecture] as string;
      t.strictSame(filesIn(folder), [...programs, ...libraries, ...texts, loader].sort(), architecture);
      for (const name of [...programs, ...libraries, loader]) {
        // e_machine of ELF
        t.equal(readFileSync(join(folder, name)).readUInt16LE(18), machine, `${name} for ${architecture}`);
      }
      const licences = readFileSync(join(folder, "ipvlan-cni/THIRD-PARTY.txt"), "utf8");
      for (const name of ["quickjs-ng", "musl", "node-linux", "libc6", "libstdc\\+\\+6", "libatomic1", "libgcc-s1"]) {
        t.match(licences, new RegExp(`^${name}`, "m"));
      }
      if (architecture === own || architecture !== "arm64") continue;
      const words = ["-L", folder, join(folder, "ipvlan-cni/ipvlan-node"), "version"];
      const said = await must(await userEmulator("arm64"), words);
      t.match(said.toString(), `ipvlan-node ${version} `, "it runs with these libraries alone");
    }
  },
);

t.test(
  "its agent runs in it as a node's would: plugin and network are put in their places; its memory stays well below the limit",
  { skip: missing || noDebian },
  async (t) => {
    const folder = join(work, own);
    const words = [process.execPath, "--disable-warning=ExperimentalWarning", at("test/install/lib/agent-in-image.ts")];
    const { code, stdout, stderr } = await run("unshare", [
      "--net",
      "--mount",
      "--propagation",
      "private",
      ...words,
      folder,
    ]);
    t.equal(code, 0, stderr);
    const seen = JSON.parse(stdout.toString());
    t.match(seen, { health: "200 ok\n", plugin: true });
    t.same(
      seen.network.plugins[0].ipam.subnets,
      facts.podCIDRs.map((subnet) => ({ subnet })),
    );
    t.comment(`the agent's memory: ${Math.round(seen.memory / 1e6)} MB, at most ${Math.round(seen.most / 1e6)} MB`);
    // 85 MB, of which 35 are its own and 50 pages of the executable; a busy machine has seen 93.
    const limit = Number.parseInt(pod.containers[0].resources.limits.memory, 10) * 1024 * 1024;
    t.ok(seen.memory > 1e6 && seen.memory < 0.75 * limit, `${seen.memory} bytes`);
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
      *"test -e /etc/cni/net.d/10-pods.conflist"* | *"test -e /opt/cni/bin/ipvlan"*) exit 1 ;;
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
  "the script for kind goes through all its steps, and gives each node the ways to the other's pods",
  async (t) => {
    const { env, calls } = clusterOf();
    const { code, stdout, stderr } = await run("sh", [script], { env });
    t.equal(code, 0, stderr);
    t.match(stdout.toString(), /== all is well\n$/);
    const file = at("build/kubernetes/ipvlan-cni.yaml");
    for (const call of [
      "docker exec -i one ip route replace 10.244.1.0/24 via 172.18.0.3",
      "docker exec -i one ip route replace fd00:10:244:1::/64 via fc00:f853:ccd:e793::3",
      "docker exec -i two ip route replace 10.244.0.0/24 via 172.18.0.2",
      `kubectl --context kind-ipvlan-cni apply --server-side --filename ${file}`,
      `kubectl --context kind-ipvlan-cni delete --filename ${file}`,
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
