import t from "tap";
import { type Call, executable, pluginPath } from "./lib/lab.ts";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

const config = {
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  ipam: { subnets: [{ subnet: "192.168.1.0/24" }] },
};
const setUp = "reset; host h1; container peer c1; cable h1 eth0 peer eth0";

/** What goes wrong, how it is brought about, and the error. */
const failures: { what: string; prepare?: string; call?: Partial<Call>; error: { code: number; msg: RegExp } }[] = [
  {
    what: "the interface name is taken in the container's namespace",
    prepare: "ip -n c1 link add eth0 type dummy",
    error: { code: 102, msg: /eth0 exists already/ },
  },
  {
    what: "the address asked for is taken",
    prepare: `on h1 sh -c 'mkdir -p /var/lib/cni/networks/net1; printf "other\\r\\neth0" > /var/lib/cni/networks/net1/192.168.1.7'`,
    call: { args: "IP=192.168.1.7" },
    error: { code: 103, msg: /192\.168\.1\.7.*other/ },
  },
  {
    what: "the parent does not exist",
    call: { config: { ...config, master: "eth7" } },
    error: { code: 100, msg: /eth7 does not exist/ },
  },
  {
    what: "the parent is down",
    prepare: "on h1 ip link set eth0 down",
    error: { code: 100, msg: /down: ip link set eth0 up/ },
  },
  {
    what: "the VLAN's base does not exist",
    call: { config: { ...config, master: "eth7.5" } },
    error: { code: 100, msg: /eth7/ },
  },
  {
    what: "the parent is a port of a bridge",
    prepare: "on h1 ip link add br0 type bridge; on h1 ip link set eth0 master br0",
    error: { code: 100, msg: /port of a bridge/ },
  },
  {
    what: "the parent has macvlans",
    prepare: "on h1 ip link add mv0 link eth0 type macvlan",
    error: { code: 100, msg: /macvlan mv0/ },
  },
  {
    what: "the parent is an ipvlan itself",
    prepare: "on h1 ip link add iv0 link eth0 type ipvlan; on h1 ip link set iv0 up",
    call: { config: { ...config, master: "iv0" } },
    error: { code: 100, msg: /ipvlan interface itself/ },
  },
  {
    what: "the mtu is larger than the parent's",
    call: { config: { ...config, mtu: 9000 } },
    error: { code: 7, msg: /9000.*1500/ },
  },
  {
    what: "a route's gateway is in no subnet of the container",
    call: { config: { ...config, ipam: { ...config.ipam, routes: [{ dst: "10.0.0.0/8", gw: "172.16.0.1" }] } } },
    error: { code: 105, msg: /10\.0\.0\.0\/8 via 172\.16\.0\.1/ },
  },
  {
    what: "CNI_NETNS is no namespace",
    call: { netns: "/etc/passwd", id: "c1" },
    error: { code: 4, msg: /no network namespace/ },
  },
];

for (const { what, prepare, call, error } of failures) {
  t.test(`ADD fails and leaves no link and no reservation when ${what}`, async (t) => {
    await lab.ok(
      `${setUp}; ${prepare ?? ":"}; on h1 ip -o link > /tmp/lab/before; ip -n c1 -o link > /tmp/lab/before-c1`,
    );
    const answer = await lab.call({ netns: "c1", config, ...call });
    t.equal(answer.code, 1);
    t.match(answer.json, { cniVersion: "1.1.0", ...error });
    const changed = await lab.ok(`
      on h1 ip -o link | diff /tmp/lab/before - || true
      ip -n c1 -o link | diff /tmp/lab/before-c1 - || true
      on h1 rm -f /var/lib/cni/networks/net1/192.168.1.7`);
    t.equal(changed, "", "the links are what they were");
    await nothingLeft(t, lab);
  });
}

t.test("a warning that nobody hears fails no ADD, and gets into no file of the plugin's", async (t) => {
  await lab.ok(setUp);
  const { master: _, ...others } = config;
  const warned = { ...others, Master: "eth0" };
  for (const redirection of ["2>&-", "2>/dev/full"]) {
    await lab.ok(`printf '#!/bin/sh\\nexec ${pluginPath} ${redirection}\\n' > /tmp/lab/mute; chmod +x /tmp/lab/mute`);
    const answer = await lab.call({ netns: "c1", config: warned, plugin: "/tmp/lab/mute" });
    t.match(answer, { code: 0, json: { interfaces: [{ name: "eth0" }] } }, redirection);
    t.equal(await lab.ok("on h1 grep -rl warning /run/ipvlan-cni /var/lib/cni || :"), "");
    await lab.del({ netns: "c1", config });
    await nothingLeft(t, lab);
  }
});

t.test("whatever a process may not have, ADD answers, and leaves nothing where it fails", async (t) => {
  // What Node needs before it begins: docs/limits.md.
  const limits =
    executable === "native"
      ? [
          "nofile=4",
          "nofile=5",
          "nofile=6",
          "nofile=7",
          "nofile=8",
          "nofile=9",
          "as=1073741824",
          "fsize=0",
          "stack=65536",
        ]
      : ["nofile=24", "as=2147483648", "fsize=0"];
  await lab.ok(setUp);
  for (const limit of limits) {
    // A pipe takes the answer, where files may not grow.
    await lab.ok(`cat > /tmp/lab/poor <<'END'
#!/bin/sh
{ prlimit --${limit} ${pluginPath}; echo $? > /tmp/lab/code; } | cat
read -r code < /tmp/lab/code
exit $code
END
chmod +x /tmp/lab/poor`);
    const answer = await lab.call({ netns: "c1", config, plugin: "/tmp/lab/poor" });
    if (answer.code === 0) {
      t.match(answer.json, { interfaces: [{ name: "eth0" }] }, limit);
      await lab.del({ netns: "c1", config });
    } else {
      t.match(
        answer.json,
        { cniVersion: "1.1.0", code: 5, msg: /EMFILE: raise the limit|EFBIG: raise the limit/ },
        limit,
      );
    }
    t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
    await nothingLeft(t, lab);
  }
});

t.test("a second ADD for the same container and interface fails and leaves the first one whole", async (t) => {
  await lab.ok(setUp);
  await lab.add({ netns: "c1", config });
  const answer = await lab.call({ netns: "c1", config });
  t.match(answer.json, { code: 102, msg: /c1.*eth0 already/ });
  t.match(
    await lab.ok("ip -n c1 addr show eth0; on h1 ls /var/lib/cni/networks/net1"),
    /192\.168\.1\.2\/24[\s\S]*192\.168\.1\.2\n/,
  );
  await lab.del({ netns: "c1", config });
  await nothingLeft(t, lab);
});
