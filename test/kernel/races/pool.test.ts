import t from "tap";
import { pluginPath } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const lab = await openLab();

const config = {
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  ipam: { subnets: [{ subnet: "192.168.1.0/24" }, { subnet: "2001:db8:1::/64" }] },
};

t.test("50 ADDs at once get 50 addresses of each family, and 50 DELs at once give all back", async (t) => {
  const all = (command: string) => `
    cat > /tmp/lab/stdin <<'END'\n${JSON.stringify(config)}\nEND
    on h1 sh -c '
      for i in $(seq 50); do
        CNI_COMMAND=${command} CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/c$i CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni \
          ${pluginPath} < /tmp/lab/stdin > /tmp/lab/out.$i 2>&1 && echo ok > /tmp/lab/code.$i || echo failed > /tmp/lab/code.$i &
      done
      wait
      cat /tmp/lab/code.*'`;
  await lab.ok("reset; host h1; container peer $(seq -f c%g 50); cable h1 eth0 peer eth0", { timeoutMs: 120_000 });
  const added = await lab.ok(all("ADD"), { timeoutMs: 200_000 });
  t.strictSame(added.trim().split("\n"), Array(50).fill("ok"), await lab.ok("cat /tmp/lab/out.1"));
  const seen = await lab.ok("for i in $(seq 50); do ip -n c$i -o addr show eth0 scope global; done");
  for (const family of ["inet", "inet6"]) {
    const addresses = [...seen.matchAll(new RegExp(` ${family} (\\S+)`, "g"))].map(([, address]) => address);
    t.equal(addresses.length, 50, `${family}: one for each`);
    t.equal(new Set(addresses).size, 50, `${family}: all different`);
  }
  const deleted = await lab.ok(all("DEL"), { timeoutMs: 200_000 });
  t.strictSame(deleted.trim().split("\n"), Array(50).fill("ok"));
  await nothingLeft(t, lab);
});
