/** Nodes: virtual machines with a NIC on the LAN and a disk, in which containerd, the kubelet and kube-proxy run. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attach, type TestHost } from "../../machine/host.ts";
import { bootVm, type Vm } from "../../machine/vm.ts";
import { recorderFolder } from "./cni-calls.ts";
import { type ControlPlane, kubeconfigOf, tokens } from "./control-plane.ts";
import { images } from "./images.ts";
import { type Dual, type Lan, nodeAddresses, prefixLengths, router } from "./lan.ts";
import type { ProgramSet } from "./programs.ts";

export type ProxyMode = "nftables" | "iptables";

export interface NodeOptions {
  readonly number: number;
  readonly lan: Lan;
  /** For its disk. */
  readonly folder: string;
  readonly programs: Record<ProgramSet, string>;
  readonly imageArchives: readonly string[];
}

export interface ClusterNode {
  readonly name: string;
  readonly addresses: Dual;
  /** Its machine: `sh` and `ok` run scripts on the node. After a reset it is another one. */
  readonly host: TestHost;
  /** Sends a network of the pods of another node by way of that one; after a reset, too. */
  route(cidr: string, node: Dual): Promise<void>;
  /** Puts a file where the node finds it, readable by root alone. @returns its path there */
  put(file: string, text: string): string;
  /** Starts a program that stays, under a name by which it is known; after a reset it is started again. */
  start(name: string, command: readonly string[]): Promise<void>;
  /** Ends such a program, by force, as if it had crashed; until {@link ClusterNode.resume} it is not started again. */
  kill(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** Power off and on: what is in memory is lost, what is on the disk stays. */
  reset(): Promise<void>;
  /** What its programs said last, and what the kernel, the plugin and the packet filter have. */
  logs(): Promise<string>;
  stop(): Promise<void>;
}

/** Where containerd tells its metrics, on its node. */
export const metricsAddress = "127.0.0.1:1338";

/** What the agent said, on its node. */
export const agentLogs = "/var/log/pods/kube-system_ipvlan-cni-*/agent/*.log";

/**
 * What kube-proxy and the kubelet's iptables need of nf_tables. Linux 6.1 hung for good where both asked for it at the same moment behind a
 * boot: each waits for a module, and begins again since the other has gone on meanwhile.
 */
const packetFilter = [
  ...[
    "nf_tables",
    "nft_chain_nat",
    "nft_compat",
    "nft_ct",
    "nft_fib_inet",
    "nft_fib_ipv4",
    "nft_fib_ipv6",
    "nft_limit",
    "nft_log",
  ],
  ...["nft_masq", "nft_nat", "nft_numgen", "nft_redir", "nft_reject_ipv4", "nft_reject_ipv6"],
  ...[
    "xt_MASQUERADE",
    "xt_addrtype",
    "xt_comment",
    "xt_conntrack",
    "xt_mark",
    "xt_multiport",
    "xt_nat",
    "xt_recent",
    "xt_statistic",
  ],
  "xt_tcpudp",
];

/** Where the guest sees what {@link ClusterNode.put} puts into the shared folder. */
const shared = "/run/ipvlan-test/node";

export const nodeName = (number: number): string => `node${number}`;

/** Boots a node, with its network, containerd and the images; no Node yet. */
export async function startNode(options: NodeOptions): Promise<ClusterNode> {
  const { number, lan, folder, programs, imageArchives } = options;
  const name = nodeName(number);
  const addresses = nodeAddresses(number);
  const disk = makeDisk(folder, name);
  const files = new Map<string, string>([
    ["containerd.toml", containerdConfig],
    ["crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\ntimeout: 120\n"],
  ]);
  const routes = new Map<string, string>();
  const daemons = new Map<string, readonly string[]>();
  const ended = new Set<string>();

  const write = (vm: Vm, file: string, text: string): void => {
    const folder = join(vm.folder.share, "node");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), text, { mode: 0o600 });
  };
  const boot = async (): Promise<{ vm: Vm; host: TestHost }> => {
    const vm = await bootVm({
      hostname: name,
      groups: ["runtimes"],
      memory: "4G",
      modules: ["virtio_net", "virtio_blk", "ext4", "nf_conntrack", "br_netfilter", ...packetFilter],
      bootTimeoutMs: 300_000,
      devices: [
        ...["-netdev", `tap,id=lan,ifname=${lan.tap(number)},script=no,downscript=no`],
        ...["-device", `virtio-net-pci,netdev=lan,romfile=,mac=52:54:00:50:00:${String(number).padStart(2, "0")}`],
        ...["-drive", `if=none,id=disk,format=raw,cache=unsafe,file=${disk}`],
        ...["-device", "virtio-blk-pci,drive=disk"],
      ],
    });
    try {
      const host = await attach(vm.folder, vm.stop);
      for (const [file, text] of files) write(vm, file, text);
      await host.ok(networkScript(number, addresses, [...routes]), { timeoutMs: 120_000 });
      await host.ok(diskScript, { timeoutMs: 120_000 });
      for (const [daemon, command] of daemons) {
        if (!ended.has(daemon)) await host.ok(daemonScript(daemon, command));
        // The kubelet ends where it does not find containerd.
        if (daemon === "containerd") await host.ok(containerdAnswers(programs), { timeoutMs: 120_000 });
      }
      return { vm, host };
    } catch (error) {
      await vm.stop();
      throw error;
    }
  };

  let { vm, host } = await boot();
  const start = async (daemon: string, command: readonly string[]): Promise<void> => {
    daemons.set(daemon, command);
    ended.delete(daemon);
    await host.ok(daemonScript(daemon, command));
  };
  const path = `PATH=${programs.containerd}:$PATH`;
  try {
    await start("containerd", [path, join(programs.containerd, "containerd"), `--config=${shared}/containerd.toml`]);
    await host.ok(containerdAnswers(programs), { timeoutMs: 120_000 });
    await host.ok(imagesScript(programs, imageArchives), { timeoutMs: 900_000 });
  } catch (error) {
    await vm.stop();
    throw error;
  }
  return {
    name,
    addresses,
    get host() {
      return host;
    },
    async route(cidr, node) {
      const via = node[cidr.includes(":") ? 1 : 0];
      routes.set(cidr, via);
      await host.ok(`ip route replace ${cidr} via ${via}`);
    },
    put(file, text) {
      files.set(file, text);
      write(vm, file, text);
      return join(shared, file);
    },
    start,
    async kill(daemon) {
      ended.add(daemon);
      await host.ok(killScript(daemon));
    },
    resume: (daemon) => start(daemon, daemons.get(daemon) as readonly string[]),
    async reset() {
      await host.close();
      ({ vm, host } = await boot());
    },
    logs: async () => {
      const { stdout } = await host.sh(logsScript, { timeoutMs: 120_000 });
      return stdout;
    },
    stop: () => host.close(),
  };
}

/** Starts what makes a Node of it. */
export async function joinCluster(
  node: ClusterNode,
  { server, caFile }: ControlPlane,
  programs: Record<ProgramSet, string>,
  clusterDNS: string,
): Promise<void> {
  const ca = node.put("server.crt", readFileSync(caFile, "utf8"));
  const kubeconfig = node.put("kubelet.kubeconfig", kubeconfigOf(server, ca, tokens.node(node.name)));
  await node.start("kubelet", [
    `PATH=${programs.containerd}:$PATH`,
    join(programs.kubernetes, "kubelet"),
    `--kubeconfig=${kubeconfig}`,
    `--config=${node.put("kubelet.json", JSON.stringify(kubeletConfig(clusterDNS)))}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.addresses.join(",")}`,
  ]);
}

export interface ProxyOptions {
  readonly mode: ProxyMode;
  /** The pods' networks: what comes from elsewhere to a Service gets a node's address. */
  readonly clusterCIDRs: readonly string[];
  /** What comes from pods, too. */
  readonly masqueradeAll: boolean;
}

/** Starts kube-proxy anew, and takes away what it had made before. */
export async function startProxy(
  node: ClusterNode,
  { server, caFile }: ControlPlane,
  programs: Record<ProgramSet, string>,
  { mode, clusterCIDRs, masqueradeAll }: ProxyOptions,
): Promise<void> {
  const ca = node.put("server.crt", readFileSync(caFile, "utf8"));
  const program = join(programs.kubernetes, "kube-proxy");
  await node.kill("kube-proxy");
  await node.host.ok(`${program} --cleanup >> /var/log/kube-proxy.log 2>&1`, { timeoutMs: 120_000 });
  await node.start("kube-proxy", [
    program,
    `--kubeconfig=${node.put("kube-proxy.kubeconfig", kubeconfigOf(server, ca, tokens.proxy))}`,
    `--proxy-mode=${mode}`,
    `--cluster-cidr=${clusterCIDRs.join(",")}`,
    `--hostname-override=${node.name}`,
    ...(masqueradeAll ? ["--masquerade-all"] : []),
  ]);
}

/** A sparse file with a file system. */
function makeDisk(folder: string, name: string): string {
  const disk = join(folder, `${name}.disk`);
  writeFileSync(disk, "");
  truncateSync(disk, 8 * 2 ** 30);
  execFileSync("mkfs.ext4", ["-q", "-F", disk], { stdio: ["ignore", "ignore", "pipe"] });
  return disk;
}

const networkScript = (
  number: number,
  addresses: Dual,
  routes: readonly (readonly [cidr: string, via: string])[],
): string => `
set -e
printf '%032x\\n' ${number} > /etc/machine-id
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
link=$(basename "$(dirname "$(ls -d /sys/class/net/*/device | head -n 1)")")
ip link set "$link" name eth0
ip link set eth0 up
${addresses.map((address, i) => `ip addr add ${address}/${prefixLengths[i]} dev eth0${i === 1 ? " nodad" : ""}`).join("\n")}
${router.map((address) => `ip route add default via ${address}`).join("\n")}
${routes.map(([cidr, via]) => `ip route add ${cidr} via ${via}`).join("\n")}
echo 'nameserver ${router[0]}' > /run/resolv.conf
cp ${shared}/crictl.yaml /etc/crictl.yaml
`;

/** The folders that outlive a boot. */
const diskScript = `
set -e
# As systemd has it: mounts that come later are seen in containers that ask for that.
mount --make-rshared /
mkdir -p /disk
mount -t ext4 /dev/vda /disk
for folder in /var/lib/containerd /var/lib/kubelet /var/lib/cni /etc/cni /opt/cni; do
  mkdir -p "$folder" "/disk$folder"
  mount --bind "/disk$folder" "$folder"
done
mkdir -p /etc/cni/net.d /opt/cni/bin /var/log/pods /var/log/containers
`;

/** A program that stays, and is started again when it ends, as systemd does; with its log in /var/log. */
const daemonScript = (name: string, command: readonly string[]): string => `
cat > /run/${name}.sh <<'END'
while :; do
  env ${command.join(" ")} &
  echo $! > /run/${name}.pid
  wait $!
  echo "${name} has ended with code $?, and is started again"
  sleep 1
done
END
setsid sh /run/${name}.sh </dev/null >>/var/log/${name}.log 2>&1 &
echo $! > /run/${name}.keeper
`;

const killScript = (name: string): string => `
for file in /run/${name}.keeper /run/${name}.pid; do
  [ -e "$file" ] || continue
  pid=$(cat "$file")
  rm "$file"
  kill -9 "$pid" 2>/dev/null || continue
  while [ -e "/proc/$pid/exe" ]; do sleep 0.1; done
done
`;

const containerdConfig = `
version = 3
[metrics]
  address = "${metricsAddress}"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${images.pause}"
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["${recorderFolder}", "/opt/cni/bin"]
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;

const containerdAnswers = ({ containerd }: Record<ProgramSet, string>): string =>
  `until ${containerd}/ctr version >/dev/null 2>&1; do sleep 0.5; done`;

const imagesScript = ({ containerd }: Record<ProgramSet, string>, archives: readonly string[]): string =>
  [
    "set -e",
    ...archives.map((archive) => `${containerd}/ctr --namespace k8s.io images import --local ${archive}`),
  ].join("\n");

const kubeletConfig = (clusterDNS: string): object => ({
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  // The API server has no certificate to show to it: nobody else is on this LAN.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: "AlwaysAllow" },
  cgroupDriver: "cgroupfs",
  failSwapOn: false,
  containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
  clusterDNS: [clusterDNS],
  clusterDomain: "cluster.local",
  resolvConf: "/run/resolv.conf",
  // An emulated machine is slow; its disk is as full as the host's.
  runtimeRequestTimeout: "5m",
  evictionHard: { "memory.available": "50Mi" },
  imageGCHighThresholdPercent: 100,
  nodeStatusUpdateFrequency: "5s",
  volumePluginDir: "/var/lib/kubelet/volumeplugins",
});

const logsScript = `
show() { echo "--- $*"; "$@" 2>&1 | tail -n 60; }
for name in containerd kubelet kube-proxy; do show tail -n 40 /var/log/$name.log; done
for file in ${agentLogs}; do show tail -n 40 "$file"; done
for file in /etc/cni/net.d/*; do show cat "$file"; done
show ip -brief addr
show ip route
show ip -6 route
show ip rule
show ip neigh
show find /run/ipvlan-cni -type f
show nft list tables
show dmesg
`;
