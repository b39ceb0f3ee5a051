/** Nodes: virtual machines with a NIC on the LAN and a disk, in which containerd, the kubelet and kube-proxy run. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attach, type TestHost } from "../../machine/host.ts";
import { bootVm, type Vm } from "../../machine/vm.ts";
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
  readonly imageArchive: string;
}

export interface ClusterNode {
  readonly name: string;
  readonly addresses: Dual;
  /** Its machine: `sh` and `ok` run scripts on the node. */
  readonly host: TestHost;
  /** Sends a network of the pods of another node by way of that one. */
  route(cidr: string, node: Dual): Promise<void>;
  /** Starts what makes a Node of it. */
  join(controlPlane: ControlPlane, options: JoinOptions): Promise<void>;
  /** What its programs said last, and what the kernel, the plugin and the packet filter have. */
  logs(): Promise<string>;
  stop(): Promise<void>;
}

export interface JoinOptions {
  readonly proxyMode: ProxyMode;
  readonly podCIDRs: readonly string[];
  readonly clusterDNS: string;
}

/** Where the guest sees what {@link startNode} puts into the shared folder. */
const shared = "/run/ipvlan-test/node";

export const nodeName = (number: number): string => `node${number}`;

/** Boots a node, with its network, containerd and the images; no Node yet. */
export async function startNode(options: NodeOptions): Promise<ClusterNode> {
  const { number, lan, folder, programs, imageArchive } = options;
  const name = nodeName(number);
  const addresses = nodeAddresses(number);
  const vm = await bootVm({
    hostname: name,
    groups: ["runtimes"],
    memory: "4G",
    modules: ["virtio_net", "virtio_blk", "ext4", "nf_conntrack", "nf_tables", "br_netfilter"],
    bootTimeoutMs: 300_000,
    devices: [
      ...["-netdev", `tap,id=lan,ifname=${lan.tap(number)},script=no,downscript=no`],
      ...["-device", `virtio-net-pci,netdev=lan,romfile=,mac=52:54:00:50:00:${String(number).padStart(2, "0")}`],
      ...["-drive", `if=none,id=disk,format=raw,cache=unsafe,file=${makeDisk(folder, name)}`],
      ...["-device", "virtio-blk-pci,drive=disk"],
    ],
  });
  try {
    const host = await attach(vm.folder, vm.stop);
    put(vm, "containerd.toml", containerdConfig);
    put(vm, "crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\ntimeout: 120\n");
    await host.ok(networkScript(addresses), { timeoutMs: 120_000 });
    await host.ok(diskScript, { timeoutMs: 120_000 });
    await host.ok(containerdScript(programs, imageArchive), { timeoutMs: 900_000 });
    return {
      name,
      addresses,
      host,
      async route(cidr, node) {
        await host.ok(`ip route replace ${cidr} via ${node[cidr.includes(":") ? 1 : 0]}`);
      },
      async join(controlPlane, { proxyMode, podCIDRs, clusterDNS }) {
        copyFileSync(controlPlane.caFile, join(vm.folder.share, "node/server.crt"));
        const config = (token: string) => kubeconfigOf(controlPlane.server, `${shared}/server.crt`, token);
        put(vm, "kubelet.kubeconfig", config(tokens.node(name)));
        put(vm, "kube-proxy.kubeconfig", config(tokens.proxy));
        put(vm, "kubelet.json", JSON.stringify(kubeletConfig(clusterDNS)));
        await host.ok(`
          echo 'nameserver ${router[0]}' > /run/resolv.conf
          ${daemon("kubelet", [
            `PATH=${programs.containerd}:$PATH`,
            join(programs.kubernetes, "kubelet"),
            `--kubeconfig=${shared}/kubelet.kubeconfig`,
            `--config=${shared}/kubelet.json`,
            `--hostname-override=${name}`,
            `--node-ip=${addresses.join(",")}`,
          ])}
          ${daemon("kube-proxy", [
            join(programs.kubernetes, "kube-proxy"),
            `--kubeconfig=${shared}/kube-proxy.kubeconfig`,
            `--proxy-mode=${proxyMode}`,
            `--cluster-cidr=${podCIDRs.join(",")}`,
            `--hostname-override=${name}`,
          ])}`);
      },
      logs: async () => {
        const { stdout } = await host.sh(logsScript, { timeoutMs: 120_000 });
        return stdout;
      },
      stop: () => host.close(),
    };
  } catch (error) {
    await vm.stop();
    throw error;
  }
}

function put(vm: Vm, file: string, text: string): void {
  const folder = join(vm.folder.share, "node");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), text);
}

/** A sparse file with a file system. */
function makeDisk(folder: string, name: string): string {
  const disk = join(folder, `${name}.disk`);
  writeFileSync(disk, "");
  truncateSync(disk, 8 * 2 ** 30);
  // The guest makes its own lazily, too: all that is written here is what there is to be read.
  execFileSync("mkfs.ext4", ["-q", "-F", "-O", "^has_journal", disk], { stdio: ["ignore", "ignore", "pipe"] });
  return disk;
}

const networkScript = (addresses: Dual): string => `
set -e
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
link=$(basename "$(dirname "$(ls -d /sys/class/net/*/device | head -n 1)")")
ip link set "$link" name eth0
ip link set eth0 up
${addresses.map((address, i) => `ip addr add ${address}/${prefixLengths[i]} dev eth0${i === 1 ? " nodad" : ""}`).join("\n")}
${router.map((address) => `ip route add default via ${address}`).join("\n")}
`;

/** The folders that outlive a boot. */
const diskScript = `
set -e
mkdir -p /disk
mount -t ext4 /dev/vda /disk
for folder in /var/lib/containerd /var/lib/kubelet /var/lib/cni /etc/cni /opt/cni; do
  mkdir -p "$folder" "/disk$folder"
  mount --bind "/disk$folder" "$folder"
done
mkdir -p /etc/cni/net.d /opt/cni/bin /var/log/pods /var/log/containers
`;

/** A program that stays, with its log in /var/log. */
const daemon = (name: string, command: readonly string[]): string =>
  `setsid env ${command.join(" ")} </dev/null >>/var/log/${name}.log 2>&1 &`;

const containerdConfig = `
version = 3
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${images.pause}"
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/opt/cni/bin"]
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  SystemdCgroup = false
`;

const containerdScript = (programs: Record<ProgramSet, string>, archive: string): string => `
set -e
cp ${shared}/crictl.yaml /etc/crictl.yaml
PATH=${programs.containerd}:$PATH
${daemon("containerd", [`PATH=$PATH`, join(programs.containerd, "containerd"), `--config=${shared}/containerd.toml`])}
until ctr version >/dev/null 2>&1; do sleep 0.5; done
ctr --namespace k8s.io images import --local ${archive}
`;

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
