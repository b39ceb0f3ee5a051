// The native executable for arm64, run: by an emulator of the processor, and on an arm64 kernel.
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { Obstacle } from "../../build/obstacle.ts";
import { userEmulator } from "../../build/toolchain.ts";
import { runOnArm64 } from "../machine/arm64.ts";
import { quote } from "../machine/run-folder.ts";
import { at, release } from "./lib/release.ts";

t.setTimeout(0);
const work = mkdtempSync(join(tmpdir(), "arm64-"));
t.teardown(() => rmSync(work, { recursive: true }));

// biome-ignore lint/suspicious/noExplicitAny: results of the protocol
type Json = any;

/** What is needed, or why it cannot be had here. */
async function prepare(): Promise<{ executable: string; wrapper: string } | string> {
  try {
    const emulator = await userEmulator("arm64");
    await release("linux-arm64");
    const executable = at("dist/release/.executables/linux-arm64/ipvlan");
    const wrapper = join(work, "ipvlan");
    writeFileSync(wrapper, `#!/bin/sh\nexec ${quote(emulator)} ${quote(executable)} "$@"\n`);
    chmodSync(wrapper, 0o755);
    return { executable, wrapper };
  } catch (error) {
    if (error instanceof Obstacle) return error.message;
    throw error;
  }
}

const prepared = await prepare();
const skip = typeof prepared === "string" && prepared;
const { executable, wrapper } = typeof prepared === "string" ? { executable: "", wrapper: "" } : prepared;

/** What the emulator does not do as a kernel does. */
const beyondTheEmulator: Record<string, string> = {
  "executable/delegates.test.ts": "to qemu-user a vfork is a fork: an IPAM plugin that cannot start is not noticed",
};

for (const file of globSync(at("test/executable/*.test.ts")).sort()) {
  const name = file.slice(at("test/").length + 1);
  const reason = skip || beyondTheEmulator[name];
  if (reason) {
    t.test(name, { skip: reason }, async () => {});
  } else {
    const env = { ...process.env, IPVLAN_TEST_EXECUTABLE: wrapper, TAP_TIMEOUT: "240" };
    t.spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], { env, timeout: 0 }, name);
  }
}

const network = (mode: string, ...subnets: Json[]) =>
  JSON.stringify({ cniVersion: "1.1.0", name: mode, type: "ipvlan", master: "up0", mode, ipam: { subnets } });

const networks: Record<string, string> = {
  l2: network(
    "l2",
    { subnet: "192.168.1.0/24", gateway: "192.168.1.1" },
    { subnet: "2001:db8:1::/64", gateway: "2001:db8:1::1" },
  ),
  l3: network("l3", { subnet: "10.1.0.0/24" }, { subnet: "2001:db8:10::/64" }),
};

/** A host with up0, on whose other end is a router, and two containers, in one mode after the other; all of it is said. */
const script = `
step() { echo "== $*"; }
netns() {
  touch "/run/netns/$1"
  unshare --net="/run/netns/$1" sleep 1000 &
  eval "$1=$!"
  until nsenter --net="/run/netns/$1" ip link set lo up 2> /dev/null; do usleep 10000; done
}
on() { _ns=$1; shift; nsenter --net="/run/netns/$_ns" "$@"; }
# cni COMMAND CONTAINER CONFIGURATION: prints the exit code and the answer
cni() {
  step "$1 $mode $2"
  echo "$3" | CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=/run/netns/$2 CNI_IFNAME=eth0 CNI_PATH=/ /ipvlan > /run/answer
  echo "$?"
  cat /run/answer
}

mode=none
step machine
uname -m
for name in router c1 c2; do netns "$name"; done
# busybox leaves the other end's name to the kernel.
ip link add up0 type veth
ip link set veth0 netns "$router"
ip addr add 192.168.1.250/24 dev up0
ip addr add 2001:db8:1::250/64 dev up0
ip link set up0 up
on router ip addr add 192.168.1.1/24 dev veth0
on router ip addr add 2001:db8:1::1/64 dev veth0
on router ip link set veth0 up
on router ip route add 10.1.0.0/24 via 192.168.1.250
on router ip route add 2001:db8:10::/64 via 2001:db8:1::250
others_l2="192.168.1.2 2001:db8:1::2"
others_l3="10.1.0.2 2001:db8:10::2"
${Object.entries(networks)
  .map(([mode, text]) => `network_${mode}=${quote(text)}\n`)
  .join("")}
for mode in l2 l3; do
  eval "network=\\$network_$mode others=\\$others_$mode"
  cni ADD c2 "$network"
  cni ADD c1 "$network"
  cni CHECK c1 "\${network%\\}},\\"prevResult\\":$(cat /run/answer)}"
  step "reached $mode"
  for address in $others 192.168.1.1 2001:db8:1::1; do
    on c1 ping -c 1 -W 10 "$address" > /dev/null && echo "$address"
  done
  cni DEL c1 "$network"
  cni DEL c2 "$network"
  step "left $mode"
  for container in c1 c2; do on "$container" ip -o link show; done | grep -v ' lo: '
  find /run/ipvlan-cni/networks /run/ipvlan-cni/parents -type f
  find /var/lib/cni/networks/$mode -type f ! -name 'last_reserved_ip.*' ! -name lock
done
step end
`;

t.test("on an arm64 kernel: ADD, CHECK, DEL and packets in L2 and L3, of both families", { skip }, async (t) => {
  const run = await runOnArm64(script, { ipvlan: readFileSync(executable) }, 120_000).catch((error) => {
    if (error instanceof Obstacle) return error;
    throw error;
  });
  if (run instanceof Obstacle) {
    t.pass("an arm64 machine", { skip: run.message });
    return;
  }
  t.equal(run.code, 0);
  const steps = new Map<string, string>();
  for (const [, name, text] of run.output.matchAll(/^== (.*)\n([\s\S]*?)(?=^== |$(?![\s\S]))/gm)) {
    steps.set(name as string, (text as string).trim());
  }
  const step = (name: string): string => {
    const text = steps.get(name);
    if (text === undefined) throw new Error(`no step ${name}:\n${run.output}`);
    return text;
  };
  t.match(step("machine"), /^aarch64$/m);
  const addresses = {
    l2: ["192.168.1.2/24", "2001:db8:1::2/64"],
    l3: ["10.1.0.2/24", "2001:db8:10::2/64"],
  };
  for (const [mode, [ipv4 = "", ipv6 = ""]] of Object.entries(addresses)) {
    const [code, ...answer] = step(`ADD ${mode} c2`).split("\n");
    t.equal(code, "0", answer.join("\n"));
    const { ips } = JSON.parse(answer.join("\n"));
    t.strictSame(
      ips.map(({ address }: Json) => address),
      [ipv4, ipv6],
      `${mode}: addresses`,
    );
    t.match(step(`ADD ${mode} c1`), /^0\n/);
    t.equal(step(`CHECK ${mode} c1`), "0");
    t.strictSame(
      step(`reached ${mode}`).split("\n"),
      [...[ipv4, ipv6].map((text) => text.split("/")[0]), "192.168.1.1", "2001:db8:1::1"],
      `${mode}: the other container and the router are reached`,
    );
    for (const container of ["c1", "c2"]) t.equal(step(`DEL ${mode} ${container}`), "0");
    t.equal(step(`left ${mode}`), "", `${mode}: nothing is left`);
  }
});
