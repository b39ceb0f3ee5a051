// FOLDER: runs the agent of an unpacked image, with a stand-in of Kubernetes' API, and tells what it has done as JSON. In network and mount
// namespaces of its own.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import { startStandIn } from "../../cluster/lib/kubernetes-stand-in.ts";
import { at } from "./release.ts";

const folder = process.argv[2] as string;
const api = 8001;
const tls = 6443;
const web = "127.0.0.1:9428";
const host = ["opt/cni/bin", "etc/cni/net.d", "etc/ipvlan-cni/networks", "run", "var/lib/cni", "tmp"];
const mount = (...words: string[]) => execFileSync("mount", words);

execFileSync("ip", ["link", "set", "lo", "up"]);
mount("--bind", folder, folder);
mount("-o", "remount,ro,bind", folder);
mount("-t", "proc", "proc", join(folder, "proc"));
mount("-t", "sysfs", "sysfs", join(folder, "sys"));
mount("--bind", "/dev", join(folder, "dev"));
for (const path of host) mount("-t", "tmpfs", "tmpfs", join(folder, path));
for (const path of ["run/ipvlan-cni", "run/netns"]) mkdirSync(join(folder, path));

// What a pod has: a ServiceAccount, and the API by TLS.
const account = join(folder, "run/secrets/kubernetes.io/serviceaccount");
mkdirSync(account, { recursive: true });
writeFileSync(join(account, "token"), "token");
const key = join(folder, "tmp/key");
const made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=api"];
const names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", join(account, "ca.crt")];
execFileSync("openssl", ["req", ...made, ...names], { stdio: "ignore" });
await startStandIn(join(folder, "tmp/kubeconfig"), api);
const files = { key: readFileSync(key), cert: readFileSync(join(account, "ca.crt")) };
createServer(files, (asked, answer) => {
  const { method, url, headers } = asked;
  const { authorization, ...others } = headers;
  if (authorization !== "Bearer token") return void answer.writeHead(401).end("{}");
  const options = { host: "127.0.0.1", port: api, method, path: url, headers: others };
  asked.pipe(
    request(options, (reply) => {
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      answer.flushHeaders();
      reply.pipe(answer);
    }),
  );
}).listen(tls, "127.0.0.1");
const put = (path: string, object: object) =>
  fetch(`http://127.0.0.1:${api}${path}`, { method: "PUT", body: JSON.stringify(object) });
await put("/api/v1/nodes/n1", {
  kind: "Node",
  metadata: { name: "n1", uid: "u1", resourceVersion: "1" },
  spec: { podCIDRs: ["10.244.1.0/24", "fd00:10:244:1::/64"] },
});
await put("/apis/apps/v1/namespaces/kube-system/daemonsets/ipvlan-cni", { metadata: {} });
const objects = parseAllDocuments(readFileSync(at("build/kubernetes/ipvlan-cni.yaml"), "utf8")).map((one) =>
  one.toJS(),
);
for (const [name, text] of Object.entries<string>(objects.find(({ kind }) => kind === "ConfigMap").data)) {
  writeFileSync(join(folder, "etc/ipvlan-cni/networks", name), text);
}

const environment = {
  NODE_NAME: "n1",
  KUBERNETES_SERVICE_HOST: "127.0.0.1",
  KUBERNETES_SERVICE_PORT: String(tls),
  METRICS_ADDRESS: web,
  DAEMONSET: "kube-system/ipvlan-cni",
};
// Without a shell: the process is the agent's own.
const child = spawn("chroot", [folder, "/ipvlan-cni/ipvlan-node", "agent"], {
  env: { ...environment, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  stdio: ["ignore", process.stderr, process.stderr],
});
try {
  const network = join(folder, "etc/cni/net.d/10-pods.conflist");
  const plugin = join(folder, "opt/cni/bin/ipvlan");
  for (let left = 60; left > 0 && !(existsSync(network) && existsSync(plugin)); left--) {
    if (child.exitCode !== null) throw new Error(`the agent ended with ${child.exitCode}`);
    await sleep(500);
  }
  // It looks at links and claims meanwhile.
  await sleep(5000);
  const health = await fetch(`http://${web}/healthz`);
  await (await fetch(`http://${web}/metrics`)).text();
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
  const same = readFileSync(plugin).equals(readFileSync(join(folder, "ipvlan-cni/ipvlan")));
  const seen = {
    health: `${health.status} ${await health.text()}`,
    plugin: same,
    network: JSON.parse(readFileSync(network, "utf8")),
    memory: bytes("VmRSS"),
    most: bytes("VmHWM"),
  };
  writeFileSync(1, JSON.stringify(seen));
} finally {
  child.kill("SIGKILL");
}
process.exit(0);
