/** A control plane on this machine: an API server, and on demand what makes a whole one of it. */
import { type ChildProcess, execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endChild, hasEnded, spawnBound } from "../../machine/bound-process.ts";

export interface ControlPlaneOptions {
  /** For certificates, configurations and logs. */
  readonly folder: string;
  /** Of the Kubernetes programs. */
  readonly programs: string;
  /** Client URLs of the etcd that holds everything. */
  readonly etcd: readonly string[];
  /** Where the API server listens, and is known by. */
  readonly address: string;
  readonly port: number;
  readonly serviceCIDRs: readonly string[];
  /** Of the pods; with it the controllers and the scheduler are run, too. */
  readonly podCIDRs?: readonly string[];
  /** Words before each command: for a namespace. */
  readonly within?: readonly string[];
}

export interface ControlPlane {
  readonly server: string;
  /** The certificate of the server, PEM. */
  readonly caFile: string;
  /** A kubeconfig of the administrator. */
  readonly kubeconfig: string;
  /** Ends the API server as a power cut does. */
  killServer(): Promise<void>;
  /** Starts it again. */
  startServer(): Promise<void>;
  /** It is there and answers nobody, until {@link resume}. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export const tokens = {
  admin: "admin-token",
  proxy: "proxy-token",
  node: (name: string): string => `node-token-${name}`,
};

/** @param nodes names of the Nodes that will join */
export async function startControlPlane(
  options: ControlPlaneOptions,
  nodes: readonly string[] = [],
): Promise<ControlPlane> {
  const { folder, programs, etcd, address, port, serviceCIDRs, podCIDRs } = options;
  mkdirSync(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  const first = serviceCIDRs.map((cidr) => cidr.replace(/0\/\d+$/, "1").replace(/::\/\d+$/, "::1"));
  makeCertificate(folder, [address, "127.0.0.1", ...first]);
  writeFileSync(
    file("tokens.csv"),
    [
      `${tokens.admin},admin,1,system:masters`,
      // The API server's own role for it is bound to this name.
      `${tokens.proxy},system:kube-proxy,2`,
      ...nodes.map((name) => `${tokens.node(name)},system:node:${name},${name},system:nodes`),
      "",
    ].join("\n"),
    { mode: 0o600 },
  );
  const server = `https://${address}:${port}`;
  const kubeconfig = file("admin.kubeconfig");
  writeFileSync(kubeconfig, kubeconfigOf(server, file("server.crt"), tokens.admin), { mode: 0o600 });

  const start = (name: string, words: readonly string[]): ChildProcess => {
    const log = openSync(file(`${name}.log`), "a");
    const child = spawnBound([...(options.within ?? []), join(programs, name), ...words], {
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    return child;
  };
  const startServer = () =>
    start("kube-apiserver", [
      `--etcd-servers=${etcd.join(",")}`,
      `--bind-address=${address}`,
      // Nobody but this machine reaches loopback: no Service leads there.
      ...(address.startsWith("127.")
        ? ["--endpoint-reconciler-type=none", "--advertise-address=192.0.2.1"]
        : [`--advertise-address=${address}`]),
      `--secure-port=${port}`,
      `--tls-cert-file=${file("server.crt")}`,
      `--tls-private-key-file=${file("server.key")}`,
      `--token-auth-file=${file("tokens.csv")}`,
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      `--service-cluster-ip-range=${serviceCIDRs.join(",")}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${file("accounts.pub")}`,
      `--service-account-signing-key-file=${file("accounts.key")}`,
      "--allow-privileged=true",
      // No name server knows the nodes.
      "--kubelet-preferred-address-types=InternalIP",
      "--enable-priority-and-fairness=false",
      "--profiling=false",
    ]);
  let api = startServer();
  const others: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of [...others, api]) await endChild(child);
  };
  try {
    await untilReady(server, () => hasEnded(api), file("kube-apiserver.log"));
    if (podCIDRs !== undefined) {
      others.push(
        start("kube-controller-manager", [
          `--kubeconfig=${kubeconfig}`,
          "--use-service-account-credentials=false",
          `--service-account-private-key-file=${file("accounts.key")}`,
          `--root-ca-file=${file("server.crt")}`,
          "--allocate-node-cidrs=true",
          `--cluster-cidr=${podCIDRs.join(",")}`,
          `--service-cluster-ip-range=${serviceCIDRs.join(",")}`,
          ...(podCIDRs.length === 2
            ? ["--node-cidr-mask-size-ipv4=24", "--node-cidr-mask-size-ipv6=64"]
            : ["--node-cidr-mask-size=24"]),
          "--leader-elect=false",
          "--bind-address=127.0.0.1",
        ]),
        start("kube-scheduler", [`--kubeconfig=${kubeconfig}`, "--leader-elect=false", "--bind-address=127.0.0.1"]),
      );
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    server,
    caFile: file("server.crt"),
    kubeconfig,
    pause: () => void api.kill("SIGSTOP"),
    resume: () => void api.kill("SIGCONT"),
    killServer: () => endChild(api),
    async startServer() {
      api = startServer();
      await untilReady(server, () => hasEnded(api), file("kube-apiserver.log"));
    },
    stop,
  };
}

/** A kubeconfig of one user. */
export function kubeconfigOf(server: string, caFile: string, token: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "certificate-authority": caFile } }],
    users: [{ name: "user", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "user" } }],
    "current-context": "test",
  });
}

function makeCertificate(folder: string, addresses: readonly string[]): void {
  const openssl = (...words: string[]) =>
    execFileSync("openssl", words, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const names = [
    "DNS:kubernetes",
    "DNS:kubernetes.default.svc",
    "DNS:localhost",
    ...addresses.map((one) => `IP:${one}`),
  ];
  openssl(
    ...[
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=kubernetes",
    ],
    ...["-keyout", "server.key", "-out", "server.crt", "-addext", `subjectAltName=${names.join(",")}`],
  );
  openssl("genrsa", "-out", "accounts.key", "2048");
  openssl("rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub");
}

async function untilReady(server: string, hasFailed: () => boolean, log: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (Date.now() < deadline) {
    if (hasFailed()) throw new Error(`kube-apiserver has ended: ${log}`);
    // Its certificate is known to nobody but to those who read the kubeconfig.
    const code = await answerOf(`${server}/readyz`);
    if (code === 200) return;
    await sleep(200);
  }
  throw new Error(`kube-apiserver is not ready: ${log}`);
}

async function answerOf(url: string): Promise<number> {
  const { get } = await import("node:https");
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${tokens.admin}` };
    get(url, { rejectUnauthorized: false, headers, timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on("error", () => resolve(0));
  });
}
