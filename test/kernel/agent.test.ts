// The agent of a node in Kubernetes: the DaemonSet's program, with a stand-in of the API (see test/cluster/lib/kubernetes-stand-in.ts).
import t from "tap";
import { at } from "../../build/paths.ts";
import { pluginPath, quote } from "./lib/lab.ts";
import { openLab } from "./lib/open-lab.ts";

t.setTimeout(600_000);
const lab = await openLab();
const node = `${quote(process.execPath)} --disable-warning=ExperimentalWarning`;
const conflist = (subnets: object[], more: object = {}): string =>
  JSON.stringify({
    cniVersion: "1.1.0",
    name: "pods",
    plugins: [{ type: "ipvlan", master: "eth0", mode: "l3s", hostAccess: true, ipam: { subnets, ...more } }],
  });

/** Where the agent finds things; its folders are the host's own. */
const words = `
standin=http://127.0.0.1:8001
start_api() {
  on h1 ${node} ${quote(at("test/cluster/lib/stand-in-main.ts"))} 8001 /tmp/lab/kubeconfig > /tmp/lab/api.log 2>&1 &
  until grep -q ready /tmp/lab/api.log; do kill -0 $!; sleep 0.2; done
}
# put PATH BODY
put() {
  on h1 ${node} --eval 'fetch(process.argv[1], { method: "PUT", body: process.argv[2] })' "$standin$1" "$2"
}
# delete PATH
delete() {
  on h1 ${node} --eval 'fetch(process.argv[1], { method: "DELETE", body: "{}" })' "$standin$1"
}
# claims: key, used and owner of each
claims() {
  on h1 ${node} --eval 'const { items } = await (await fetch(process.argv[1])).json();
    for (const { spec, status, metadata } of items) console.log(spec.key, status?.used, metadata.ownerReferences?.[0]?.name)' \
    "$standin/apis/ipvlan-cni.io/v1/ipvlanclaims?labelSelector=ipvlan-cni.io/collection=blocks"
}
# get PATH: what the agent says by HTTP
get() {
  on h1 ${node} --eval 'const answer = await fetch(process.argv[1]); console.log(answer.status, await answer.text())' "http://127.0.0.1:9428$1"
}
start_agent() {
  rm -f /tmp/lab/agent.pid
  # In its image the programs lie beside each other.
  mkdir -p /tmp/lab/image
  for name in ipvlan ipvlan-node; do [ -e /tmp/lab/image/$name ] || : > /tmp/lab/image/$name; done
  on h1 sh -c '
    mount -t sysfs sysfs /sys 2> /dev/null || true
    mount --bind ${quote(pluginPath)} /tmp/lab/image/ipvlan
    mount --bind ${quote(at("dist/pkg/ipvlan-node"))} /tmp/lab/image/ipvlan-node
    export NODE_NAME=h1 KUBECONFIG=/tmp/lab/kubeconfig METRICS_ADDRESS=127.0.0.1:9428 DAEMONSET=kube-system/ipvlan-cni
    echo $$ > /tmp/lab/agent.pid
    exec /tmp/lab/image/ipvlan-node agent' >> /tmp/lab/agent.log 2>&1 &
  until_true 25 test -s /tmp/lab/agent.pid
  until_true 25 on h1 test -S /run/ipvlan-cni/node.sock
}
# until SECONDS COMMAND...: until it succeeds
until_true() {
  _left=$1
  shift
  while ! "$@" > /tmp/lab/seen 2>&1; do
    _left=$((_left - 1))
    [ "$_left" -gt 0 ] || { cat /tmp/lab/seen /tmp/lab/agent.log >&2; return 1; }
    sleep 1
  done
}
folders() {
  mkdir -p /etc/cni/net.d /opt/cni/bin /etc/ipvlan-cni/networks
  on h1 sh -c 'for folder in /etc/cni/net.d /opt/cni/bin /etc/ipvlan-cni/networks; do mount -t tmpfs tmpfs $folder; done'
}
# template NAME TEXT: a file of the ConfigMap
template() { printf '%s' "$2" | on h1 sh -c 'cat > "/etc/ipvlan-cni/networks/.new"; mv /etc/ipvlan-cni/networks/.new "/etc/ipvlan-cni/networks/$1"' sh "$1"; }
end_agent() {
  kill -TERM "$(cat /tmp/lab/agent.pid)"
  until_true 30 sh -c '! kill -0 "$(cat /tmp/lab/agent.pid)"'
}
`;
const sh = async (script: string): Promise<string> => {
  const { code, stdout, stderr } = await lab.sh(`${words}\n${script}`, { timeoutMs: 240_000 });
  if (code !== 0) throw new Error(`exit code ${code} of ${script}\n${stdout}${stderr}`);
  return stdout;
};
const podCIDRs = JSON.stringify({
  kind: "Node",
  metadata: { name: "h1", uid: "u1", resourceVersion: "1" },
  spec: { podCIDRs: ["10.244.7.0/24", "fd44:7::/64"] },
});
const daemonSet = "/apis/apps/v1/namespaces/kube-system/daemonsets/ipvlan-cni";

t.test("it puts the plugin and the node's network in their places, and keeps them right", async (t) => {
  await sh(`reset; host h1; container peer c1; cable h1 eth0 peer eth0
    ip -n h1 addr add 192.168.1.250/24 dev eth0; ip -n h1 -6 addr add 2001:db8:1::250/64 dev eth0 nodad
    folders; start_api
    put /api/v1/nodes/h1 ${quote(podCIDRs)}
    put ${daemonSet} '{ "metadata": {} }'
    template 10-pods.conflist ${quote(conflist([{ subnet: "$podCIDRs" }]))}
    start_agent
    until_true 25 on h1 test -s /etc/cni/net.d/10-pods.conflist`);
  const written = JSON.parse(await sh("on h1 cat /etc/cni/net.d/10-pods.conflist"));
  // containerd looks at its folder again when a file in it gets another name, and not when one comes from elsewhere.
  const seen =
    await sh(`on h1 ${node} --eval 'require("fs").watch("/etc/cni/net.d", (_, name) => console.log(name))' > /tmp/lab/events &
    watcher=$!
    sleep 3
    on h1 rm /etc/cni/net.d/10-pods.conflist
    until_true 25 on h1 test -s /etc/cni/net.d/10-pods.conflist
    sleep 1
    kill $watcher
    cat /tmp/lab/events`);
  t.ok(seen.split("\n").includes(".10-pods.conflist.new"), seen);
  t.strictSame(written.plugins[0].ipam.subnets, [{ subnet: "10.244.7.0/24" }, { subnet: "fd44:7::/64" }]);
  t.match(await sh("on h1 stat -c '%a %s' /opt/cni/bin/ipvlan"), /^755 \d{6}/);
  t.match(await sh("get /healthz"), /^200 ok/);
  t.match(await sh("get /metrics"), /ipvlan_cni_agent_failures 0/);
  // A network that is none leaves what was there, and is told.
  await sh(`template 10-pods.conflist ${quote(conflist([{ subnet: "10.0.0.0/99" }]))}`);
  t.match(
    await sh("until_true 25 sh -c 'grep -q 10.0.0.0/99 /tmp/lab/agent.log'; get /healthz"),
    /^503 .*10-pods.conflist in the ConfigMap: .*10\.0\.0\.0\/99/,
  );
  t.same(JSON.parse(await sh("on h1 cat /etc/cni/net.d/10-pods.conflist")), written);
  // Another hand's change is put right; a file that the ConfigMap has no more goes.
  await sh(`template 10-pods.conflist ${quote(conflist([{ subnet: "$podCIDRs" }]))}
    template 20-more.conflist ${quote(conflist([{ subnet: "10.9.0.0/24" }]))}
    until_true 25 on h1 test -s /etc/cni/net.d/20-more.conflist
    on h1 sh -c 'echo nothing > /etc/cni/net.d/10-pods.conflist; rm /etc/ipvlan-cni/networks/20-more.conflist; rm /opt/cni/bin/ipvlan'
    until_true 25 on h1 grep -q 10.244.7.0 /etc/cni/net.d/10-pods.conflist
    until_true 25 on h1 test -x /opt/cni/bin/ipvlan
    until_true 25 on h1 test ! -e /etc/cni/net.d/20-more.conflist`);
});

t.test("what the host has lost for its containers is put back", async (t) => {
  const config = {
    ...JSON.parse(conflist([])).plugins[0],
    cniVersion: "1.1.0",
    name: "pods",
    ipam: { subnets: [{ subnet: "10.244.7.0/24" }, { subnet: "fd44:7::/64" }] },
  };
  await lab.add({ netns: "c1", config, id: "c1" });
  t.match(await sh("ip -n h1 route show table 86; ip -n h1 -6 route show proto 86"), /10\.244\.7\.\d+ .*\nfd44:7::/);
  await sh(`ip -n h1 link set "$(ip -n h1 -o link show type ipvlan | cut -d: -f2 | cut -d@ -f1 | tr -d ' ')" down
    until_true 30 sh -c 'ip -n h1 route show table 86 | grep -q 10.244.7'
    until_true 30 sh -c 'ip -n h1 -6 route show proto 86 | grep -q fd44:7'
    on h1 ping -c1 -W3 10.244.7.2 || on h1 ping -c1 -W3 10.244.7.1`);
});

t.test("where no network has a pool of the cluster, what is reserved starts nothing", async (t) => {
  // One call in fifteen seconds looks whether there is a pool by now.
  const calls =
    await sh(`strace -f -qq -e trace=execve -o /tmp/lab/agent.trace -p "$(cat /tmp/lab/agent.pid)" 2> /dev/null &
    tracer=$!
    for i in 1 2 3 4 5 6 7 8; do on h1 touch "/var/lib/cni/networks/pods/10.244.7.10$i"; sleep 1; done
    kill $tracer
    on h1 sh -c 'rm /var/lib/cni/networks/pods/10.244.7.10?'
    grep -c '"cluster", "sync"' /tmp/lab/agent.trace || true`);
  t.ok(Number(calls) <= 1, calls);
});

t.test("uninstalled, it takes the network away at once, and the plugin when no container needs it", async (t) => {
  await sh(`delete ${daemonSet}; end_agent`);
  t.equal(await sh("on h1 ls -A /etc/cni/net.d"), "");
  t.match(
    await sh("cat /tmp/lab/agent.log; on h1 ls /opt/cni/bin"),
    /the plugin stays: 1 containers are attached.*\nipvlan/s,
  );
  const config = {
    cniVersion: "1.1.0",
    name: "pods",
    type: "ipvlan",
    master: "eth0",
    mode: "l3s",
    hostAccess: true,
    ipam: {},
  };
  await lab.del({ netns: "c1", config });
  await sh("start_agent; until_true 25 on h1 test -x /opt/cni/bin/ipvlan; end_agent");
  t.equal(await sh("on h1 find /opt/cni/bin /etc/cni/net.d -mindepth 1"), "");
  t.notMatch(await sh("on h1 ls /run/ipvlan-cni 2>/dev/null || true"), "node.sock");
});

t.test("ended for another version of it, it leaves everything there", async (t) => {
  await sh(`put ${daemonSet} '{ "metadata": {} }'; start_agent
    until_true 25 on h1 test -s /etc/cni/net.d/10-pods.conflist; end_agent`);
  t.match(await sh("on h1 ls /etc/cni/net.d /opt/cni/bin"), /10-pods\.conflist[\s\S]*ipvlan/);
});

t.test(
  "it answers for the cluster's pool: blocks are the Node's, one is claimed ahead, and without it containers start until they are full",
  async (t) => {
    const subnets = [{ subnet: "192.168.1.0/24", gateway: "192.168.1.1", ipRange: "192.168.1.128/25" }];
    const cluster = { kubernetes: {}, blockSize: { ipv4: 29 } };
    await sh(`template 10-pods.conflist ${quote(conflist(subnets, { cluster }))}; start_agent
    until_true 25 on h1 grep -q kubernetes /etc/cni/net.d/10-pods.conflist`);
    const config = { cniVersion: "1.1.0", name: "pods", type: "ipvlan", master: "eth0", ipam: { subnets, cluster } };
    const added = await lab.add({ netns: "c1", config });
    t.match(added.ips[0].address, /^192\.168\.1\.\d+\/24$/);
    // The agent sees the reservation, and tells the store after a moment.
    const claims = (await sh("used() { claims | grep -q ' 1 h1'; }; until_true 40 used; claims")).trim().split("\n");
    t.equal(claims.length, 2, claims.join("; "));
    for (const claim of claims) t.match(claim, /^blocks\/pods\/192\.168\.1\.\d+-29 [01] h1$/);
    t.same(claims.map((claim) => claim.split(" ")[1]).sort(), ["0", "1"], "used");
    await sh("kill -9 $(cat /tmp/lab/agent.pid)");
    let given = 1;
    let refused = { code: 0, json: { code: 0, msg: "" } };
    await sh("container $(seq -f d%g 20)");
    for (; given < 20; given++) {
      refused = await lab.call({ command: "ADD", netns: `d${given}`, config });
      if (refused.code !== 0) break;
    }
    t.ok(given >= 14 && given <= 16, `${given} from two blocks`);
    t.match(refused.json, {
      code: 11,
      msg: /^network pods: blocks at hand: .*; and the cluster's store is not reached since \d{4}.*: the agent \(the DaemonSet ipvlan-cni; \/run\/ipvlan-cni\/node\.sock\): is not running on this node$/,
    });
  },
);
