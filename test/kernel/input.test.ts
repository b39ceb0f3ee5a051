// What comes in as runtimes, other plugins and people write it, and what the plugin finds around it, on a real kernel.
import t from "tap";
import { type Call, pluginPath } from "./lib/lab.ts";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

const network = (more: object = {}) => ({
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0.10",
  ipam: { subnets: [{ subnet: "192.168.1.0/24" }] },
  ...more,
});
const config = network();
const setUp = "reset; host h1; container peer c1; cable h1 eth0 peer eth0; mkdir -p /etc/cron.d";
const links = "on h1 ip -o link; ip -n c1 -o link";
const first = <T>(list: readonly T[]): T => list[0] as T;

t.test("names that no link can have are refused before anything is made; DEL of them succeeds", async (t) => {
  await lab.ok(`${setUp}; { ${links}; } > /tmp/lab/before`);
  const names = ["net%d", "%", "all", "default", "à"];
  const adds = await lab.calls(names.map((ifname) => ({ netns: "c1", ifname, config })));
  for (const [index, { code, json }] of adds.entries()) {
    t.match({ code, json }, { code: 1, json: { code: 4, msg: /^CNI_IFNAME/ } }, `${names[index]}`);
  }
  const chained = (name: string): Call => ({
    netns: "c1",
    config: network({ master: undefined, prevResult: { interfaces: [{ name }] } }),
  });
  const others = await lab.calls(["../../../etc/cron.d/x", "..", "a/b", "eth%d", "all"].map(chained));
  for (const { code, json } of others) {
    t.match({ code, json }, { code: 1, json: { code: 7, details: "/prevResult/interfaces/0/name" } });
  }
  const seen = await lab.ok(
    `{ ${links}; } | diff /tmp/lab/before -; ls /etc/cron.d/x 2>/dev/null || on h1 ls /run/ipvlan-cni`,
  );
  t.equal(seen, "", "no link, no file, not even a lock");
  const dels = await lab.calls([
    ...names.map((ifname): Call => ({ command: "DEL", netns: "c1", ifname, config })),
    ...["../../../etc/cron.d/x", "all"].map((name): Call => ({ ...chained(name), command: "DEL" })),
  ]);
  for (const { code, stdout } of dels) t.strictSame([code, stdout], [0, ""]);
  await nothingLeft(t, lab);
});

t.test("names as long as they come: refused, or attached and taken away again; DEL never fails", async (t) => {
  await lab.ok(setUp);
  const long = (name: string, more: Partial<Call> = {}): Call => ({ netns: "c1", config: network({ name }), ...more });
  const elsewhere = network({ ipam: { subnets: [{ subnet: "192.168.2.0/24" }] } });
  const [tooLong, longest, manyBytes] = [
    long("n".repeat(256)),
    long("n".repeat(255), { id: "i".repeat(1000) }),
    // 250 characters of the file's name, and 255 bytes or more.
    { netns: "c1", id: "i".repeat(241), ifname: "é".repeat(7), config: elsewhere },
  ] as const;
  const answers = await lab.calls([
    tooLong,
    { ...tooLong, command: "DEL" },
    { ...tooLong, command: "GC", environment: { CNI_PATH: "/usr/lib/cni" } },
    longest,
    manyBytes,
    { ...longest, command: "DEL" },
    { ...manyBytes, command: "DEL" },
    { ...tooLong, command: "DEL", id: "c1", netns: `/${"x".repeat(5000)}` },
  ]);
  t.match(first(answers), { code: 1, json: { code: 7, msg: /^name has 256 bytes/, details: "/name" } });
  t.strictSame(
    answers.slice(1).map(({ code }) => code),
    [0, 0, 0, 0, 0, 0, 0],
    answers
      .slice(1)
      .filter(({ code }) => code !== 0)
      .map(({ json }) => json.msg)
      .join(),
  );
  t.equal(await lab.ok("ip -n c1 -o link show type ipvlan; on h1 ip -o link show type vlan"), "");
  await nothingLeft(t, lab);
});

t.test("a record that is none, and a folder that cannot be, keep no DEL and no ADD from working", async (t) => {
  await lab.ok(setUp);
  for (const record of ["[]", "{", "5", '{"parent": "../../../etc/cron.d/x", "netns": 5}', "[".repeat(5000)]) {
    const place = "/run/ipvlan-cni/networks/net1";
    await lab.ok(`on h1 sh -c 'mkdir -p ${place}; printf %s "$1" > ${place}/c1:eth0' sh '${record}'`);
    await lab.del({ netns: "c1", config });
    await lab.ok(`on h1 sh -c 'mkdir -p ${place}; printf %s "$1" > ${place}/c1:eth0' sh '${record}'`);
    await lab.add({ netns: "c1", config });
    await lab.del({ netns: "c1", config });
    await nothingLeft(t, lab);
  }
  const folders = ["/a\0b", `/${"x".repeat(300)}`, `/${"x/".repeat(3000)}`, "/etc/passwd", "/etc/passwd/x"];
  const inFolder = (dataDir: string): Call => ({ netns: "c1", config: network({ ipam: { ...config.ipam, dataDir } }) });
  const answers = await lab.calls(folders.flatMap((one) => [inFolder(one), { ...inFolder(one), command: "DEL" }]));
  for (const [index, folder] of folders.entries()) {
    const [add, del] = answers.slice(2 * index);
    t.match(add, { code: 1, json: { code: folder.includes("\0") ? 7 : 5 } }, folder.slice(0, 20));
    t.strictSame([del?.code, del?.stdout], [0, ""], folder.slice(0, 20));
  }
  t.equal(
    await lab.ok(
      "ip -n c1 -o link show type ipvlan; on h1 ip -o link show type vlan; ls /etc/cron.d/x 2>/dev/null || true",
    ),
    "",
  );
  await nothingLeft(t, lab);
});

const dualStack = { subnets: [{ subnet: "192.168.1.0/24" }, { subnet: "2001:db8:1::/64" }] };

t.test("with /proc/sys read-only what is as it should be is left alone, and what is needed is an error", async (t) => {
  await lab.ok(`${setUp}; container c2
    cat > /tmp/lab/read-only <<'END'
#!/bin/sh
exec unshare --mount sh -c 'mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys; exec "$IPVLAN"'
END
    chmod +x /tmp/lab/read-only
    inside c2 sh -c 'for name in all default; do echo 1 > /proc/sys/net/ipv6/conf/$name/disable_ipv6; done'`);
  const call = (netns: string): Call => ({
    netns,
    plugin: "/tmp/lab/read-only",
    environment: { IPVLAN: pluginPath, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    config: network({ ipam: dualStack }),
  });
  const [works, fails] = await lab.calls([call("c1"), call("c2")]);
  t.equal(works?.code, 0, `${works?.stdout}`);
  t.strictSame(works?.stderr.split("\n").filter(Boolean), [
    "ipvlan: warning: /proc/sys/net/ipv6/conf/eth0/keep_addr_on_down could not be set to 1: EROFS",
    "ipvlan: warning: /proc/sys/net/ipv6/conf/eth0/ndisc_notify could not be set to 1: EROFS",
  ]);
  t.match(fails, {
    code: 1,
    json: { code: 5, msg: /conf\/eth0\/disable_ipv6: EROFS: its file system is read-only, and must be writable/ },
  });
  t.match(await lab.ok("ip -n c1 addr show eth0"), "inet6 2001:db8:1::2/64");
  await lab.del({ netns: "c1", config });
  await nothingLeft(t, lab);
});

t.test("IPv6 on a parent with a small MTU: the reason is the MTU, and STATUS knows it", async (t) => {
  await lab.ok(`${setUp}; on h1 ip link set eth0 mtu 1200`);
  const small = { ...network({ master: "eth0", ipam: dualStack }) };
  const reason = "parent eth0 has MTU 1200, and IPv6 needs 1280: ip link set eth0 mtu 1280, or leave IPv6 out";
  const [add, status, v4] = await lab.calls([
    { netns: "c1", config: small },
    { command: "STATUS", config: small },
    { netns: "c1", config: network({ master: "eth0" }) },
  ]);
  t.match(add, { code: 1, json: { code: 100, msg: reason } });
  t.match(status, { code: 1, json: { code: 50, msg: reason } });
  t.equal(v4?.code, 0, "IPv4 alone works");
  await lab.del({ netns: "c1", config: network({ master: "eth0" }) });
  await nothingLeft(t, lab);
});

t.test("without root's capabilities ADD, STATUS and DEL say to run it as root", async (t) => {
  await lab.ok(`${setUp}
    cat > /tmp/lab/powerless <<'END'
#!/bin/sh
exec setpriv --bounding-set=-all --inh-caps=-all "$IPVLAN"
END
    chmod +x /tmp/lab/powerless`);
  const environment = { IPVLAN: pluginPath, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  for (const command of ["ADD", "STATUS", "DEL"] as const) {
    const answer = await lab.call({ command, netns: "c1", plugin: "/tmp/lab/powerless", environment, config });
    t.match(answer, { code: 1, json: { code: command === "STATUS" ? 50 : 5, msg: /: run as root$/ } }, command);
  }
  await nothingLeft(t, lab);
});
