// ADDs and DELs at once of containers with host access: the host's link comes with the first and goes with the last of them.
import t from "tap";
import { executable, pluginPath } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const thorough = process.env.IPVLAN_TEST_ROUNDS;
const rounds = Number(thorough ?? 1);
const crowd = thorough === undefined && executable === "pkg" ? 20 : 40;

const lab = await openLab();

const config = (name: string, parent: string, subnet: number) => ({
  cniVersion: "1.1.0",
  name,
  type: "ipvlan",
  master: parent,
  mode: "l3s",
  announce: true,
  serviceCIDRs: ["10.96.0.0/12"],
  ipam: { subnets: [{ subnet: `10.${subnet}.0.0/16` }, { subnet: `2001:db8:${subnet}::/64` }] },
});

// Two parents: rule and table are of both, each behind a lock of its own.
// The modules first: loading them takes the emulator ten seconds, in which all others wait.
await lab.ok(`
  modprobe -a nft_chain_nat nft_nat nft_ct
  host h1
  container peer
  cable h1 eth0 peer eth0
  cable h1 eth1 peer eth1
  ip -n h1 addr add 192.168.50.11/24 dev eth0; ip -n h1 addr add 192.168.51.11/24 dev eth1
  ip -n h1 addr add fd50::11/64 dev eth0 nodad; ip -n h1 addr add fd51::11/64 dev eth1 nodad
  inside h1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
  seq -f 'netns add c%g' ${crowd} | ip -batch -
  cat > /tmp/lab/config.0 <<'END'\n${JSON.stringify(config("net0", "eth0", 0))}\nEND
  cat > /tmp/lab/config.1 <<'END'\n${JSON.stringify(config("net1", "eth1", 1))}\nEND
  cat > /tmp/lab/words.sh <<'END'
    plugin() {
      CNI_COMMAND=$1 CNI_CONTAINERID=c$2 CNI_NETNS=/run/netns/c$2 CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni \\
        ${pluginPath} < /tmp/lab/config.$(($2 % 2)) > /tmp/lab/out.$2 2>&1 || echo "$1 of c$2 failed: $(cat /tmp/lab/out.$2)"
    }
    # count WHAT EXPECTED COMMAND...: complains unless the command prints so many lines
    count() {
      _what=$1
      _expected=$2
      shift 2
      _seen=$("$@" | wc -l)
      [ "$_seen" = "$_expected" ] || echo "$_seen $_what in place of $_expected"
    }
    # state CONTAINERS PARENTS: what there is to be for so many containers on so many parents
    state() {
      count "host links" "$2" ip -o link show type ipvlan
      count "IPv4 routes" "$1" ip route show table 86
      count "IPv6 routes" "$1" ip -6 route show proto 86
      count "proxy entries" $(($1 * 2)) ip neigh show proxy
      count "rules" "$(($2 > 0))" sh -c 'ip rule | grep "lookup 86" || true'
      count "tables" $(($2 * 2)) sh -c 'nft list tables | grep ipvlan-cni || true'
    }
END`);

/** Runs a script on the host, with the words above. @returns what went wrong, a line each */
const onHost = (script: string) =>
  lab.ok(`cat > /tmp/lab/script <<'END'\n. /tmp/lab/words.sh\n${script}\nEND\non h1 sh /tmp/lab/script`, {
    timeoutMs: 280_000 + rounds * 60_000,
  });

t.test(`${crowd / 2} ADDs beside ${crowd / 2} DELs on two parents: each container has its routes`, async (t) => {
  const half = crowd / 2;
  const problems = await onHost(`
    for i in $(seq ${half}); do plugin ADD $i & done
    wait
    state ${half} 2
    for round in $(seq ${rounds}); do
      for i in $(seq ${half}); do plugin DEL $i & plugin ADD $((${half} + i)) & done
      wait
      state ${half} 2
      for i in $(seq ${half}); do plugin DEL $((${half} + i)) & plugin ADD $i & done
      wait
      state ${half} 2
    done
    for i in $(seq ${half}); do plugin DEL $i & done
    wait
    state 0 0`);
  t.equal(problems, "");
  await nothingLeft(t, lab);
});

t.test("a few containers come and go, so that the host's links and the rule do all the time", async (t) => {
  const problems = await onHost(`
    for i in 1 2 3 4; do
      for cycle in $(seq ${rounds * 4}); do plugin ADD $i; plugin DEL $i; done &
    done
    wait
    state 0 0`);
  t.equal(problems, "");
  await nothingLeft(t, lab);
});
