import t from "tap";
import { goTool } from "../../machine/go-tools.ts";
import { pluginPath } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const cnitool = goTool("github.com/containernetworking/cni/cnitool@v1.3.1");

if ("missing" in cnitool) {
  t.test("cnitool", { skip: cnitool.missing }, () => {});
} else {
  const lab = await openLab();
  const ipvlan = {
    type: "ipvlan",
    master: "eth0.10",
    capabilities: { ips: true },
    ipam: { subnets: [{ subnet: "192.168.1.0/24" }, { subnet: "2001:db8:1::/64" }] },
  };
  const tuning = { type: "tuning", sysctl: { "net.ipv4.conf.eth0.rp_filter": "2" } };
  const chained = { cniVersion: "1.0.0", name: "chained", plugins: [ipvlan, tuning] };
  // Debian's tuning speaks no 1.1.0, with which GC and STATUS came.
  const alone = { cniVersion: "1.1.0", name: "alone", plugins: [ipvlan] };
  const tool = (command: string, network: string, environment = "") =>
    `on h1 env CNI_PATH=/tmp/lab/bin:/usr/lib/cni NETCONFPATH=/tmp/lab/net.d ${environment} ${cnitool.path} ${command} ${network} /run/netns/c1`;

  t.test("cnitool, through libcni, adds, checks, deletes, collects garbage and asks for the status", async (t) => {
    await lab.ok(`
      reset; host h1; container peer c1; cable h1 eth0 peer eth0
      mkdir -p /tmp/lab/bin /tmp/lab/net.d; ln -s ${pluginPath} /tmp/lab/bin/ipvlan
      cat > /tmp/lab/net.d/10-chained.conflist <<'END'\n${JSON.stringify(chained)}\nEND
      cat > /tmp/lab/net.d/20-alone.conflist <<'END'\n${JSON.stringify(alone)}\nEND`);
    const asked = `CAP_ARGS='{"ips": ["192.168.1.44", "2001:db8:1::44"]}'`;
    const result = JSON.parse(await lab.ok(tool("add", "chained", asked)));
    t.match(result, {
      cniVersion: "1.0.0",
      interfaces: [{ name: "eth0", sandbox: "/run/netns/c1" }],
      ips: [{ address: "192.168.1.44/24" }, { address: "2001:db8:1::44/64" }],
    });
    t.equal(await lab.ok(tool("check", "chained")), "", "check: whole");
    t.match(await lab.ok("inside c1 cat /proc/sys/net/ipv4/conf/eth0/rp_filter"), "2", "the chain went on to tuning");
    await lab.ok("ip -n c1 addr del 192.168.1.44/24 dev eth0");
    const broken = await lab.sh(tool("check", "chained"));
    t.not(broken.code, 0);
    t.match(
      broken.stdout + broken.stderr,
      /lacks address 192\.168\.1\.44\/24/,
      "check: our message reaches the caller",
    );
    t.equal(await lab.ok(tool("del", "chained")), "");
    t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
    await nothingLeft(t, lab);

    t.equal(await lab.ok(tool("status", "alone")), "", "status: ready");
    await lab.ok(tool("add", "alone"));
    // Of a container that libcni knows nothing of.
    await lab.ok(`on h1 sh -c 'printf "gone\\r\\neth0" > /var/lib/cni/networks/alone/192.168.1.99'`);
    t.equal(await lab.ok(tool("gc", "alone")), "", "gc: libcni deletes what it knows, and sends no list");
    t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
    await nothingLeft(t, lab);

    await lab.ok("on h1 ip link set eth0 down");
    const down = await lab.sh(tool("status", "alone"));
    t.not(down.code, 0);
    t.match(down.stdout + down.stderr, /eth0.*down: ip link set eth0 up/, "status: not ready, and why");
  });
}
