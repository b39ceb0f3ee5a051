// Results, previous results and errors in the words of each version of the specification, through the executable.
import t from "tap";
import { type CniVersion, cniVersions, isAtLeast } from "../../src/cni/versions.ts";
import type { Call } from "./lib/lab.ts";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();
const containers = cniVersions.map((_, index) => `c${index}`);
const setUp = `reset; host h1; container peer ${containers.join(" ")}; cable h1 eth0 peer eth0
  on h1 ip link set eth0 address 02:00:00:00:00:01`;
const config = { name: "net1", type: "ipvlan", master: "eth0" };
const dns = { nameservers: ["192.168.1.53"] };

/** The network's garbage collector with nothing valid: what DEL of every container would do. */
async function removeAll(): Promise<void> {
  const gc = { ...config, cniVersion: "1.1.0", "cni.dev/valid-attachments": [] };
  const answer = await lab.call({ command: "GC", config: gc });
  if (answer.code !== 0) throw new Error(`GC failed: ${answer.stdout}`);
}

t.test("ADD answers in the caller's version, from 0.1.0 to 1.1.0, and does the same in the kernel", async (t) => {
  await lab.ok(setUp);
  const ipam = { subnets: [{ subnet: "192.168.1.0/24" }, { subnet: "2001:db8:1::/64" }] };
  const addresses = (index: number): [string, string] => [`192.168.1.${index + 2}/24`, `2001:db8:1::${index + 2}/64`];
  const answers = await lab.together(
    cniVersions.map((cniVersion, index): Call => {
      const runtimeConfig = { ips: addresses(index) };
      return { netns: `c${index}`, config: { ...config, cniVersion, ipam, dns, runtimeConfig } };
    }),
  );
  const seen = await state();
  for (const [index, cniVersion] of cniVersions.entries()) {
    const [v4, v6] = addresses(index);
    const wanted = resultOf(cniVersion, v4, v6, `/run/netns/c${index}`);
    t.equal(answers[index]?.stdout, `${JSON.stringify(wanted, undefined, 4)}\n`, cniVersion);
    for (const part of [v4, v6, "default via 192.168.1.1 dev eth0", "default via 2001:db8:1::1 dev eth0"]) {
      t.match(seen[index], part, `${cniVersion}: ${part}`);
    }
  }
  await removeAll();
  await nothingLeft(t, lab);
});

/** Addresses and routes in each container. */
async function state(): Promise<readonly string[]> {
  const show = containers.map((name) => `ip -n ${name} addr; ip -n ${name} route show table all; echo END`);
  return (await lab.ok(show.join("\n"))).split("END\n");
}

/** Keys in the order in which libcni writes them. */
function resultOf(cniVersion: CniVersion, v4: string, v6: string, sandbox: string): object {
  const [gateway4, gateway6] = ["192.168.1.1", "2001:db8:1::1"];
  const [toAll4, toAll6] = [
    { dst: "0.0.0.0/0", gw: gateway4 },
    { dst: "::/0", gw: gateway6 },
  ];
  if (!isAtLeast(cniVersion, "0.3.0")) {
    const ip4 = { ip: v4, gateway: gateway4, routes: [toAll4] };
    const ip6 = { ip: v6, gateway: gateway6, routes: [toAll6] };
    return { cniVersion, ip4, ip6, dns };
  }
  const mac = "02:00:00:00:00:01";
  if (!isAtLeast(cniVersion, "1.0.0")) {
    const ips = [
      { version: "4", interface: 0, address: v4, gateway: gateway4 },
      { version: "6", interface: 0, address: v6, gateway: gateway6 },
    ];
    return { cniVersion, interfaces: [{ name: "eth0", mac, sandbox }], ips, routes: [toAll4, toAll6], dns };
  }
  const mtu = isAtLeast(cniVersion, "1.1.0") ? { mtu: 1500 } : {};
  const ips = [
    { address: v4, gateway: gateway4, interface: 0 },
    { address: v6, gateway: gateway6, interface: 0 },
  ];
  return { cniVersion, dns, interfaces: [{ mac, ...mtu, name: "eth0", sandbox }], ips, routes: [toAll4, toAll6] };
}

t.test(
  "0.1.0 and 0.2.0 have room for one address of a family: ADD of two fails in words and is taken back",
  async (t) => {
    await lab.ok(`${setUp}
    mkdir -p /tmp/lab/bin; cat > /tmp/lab/bin/two <<'END'
#!/bin/sh
echo $CNI_COMMAND >> /tmp/lab/commands
[ $CNI_COMMAND != ADD ] || echo '{"cniVersion":"1.0.0","ips":[{"address":"192.168.1.7/24"},{"address":"192.168.1.8/24"}]}'
END
    chmod +x /tmp/lab/bin/two`);
    const versions = ["0.1.0", "0.2.0"] as const;
    const addresses = [{ address: "192.168.1.7/24" }, { address: "192.168.1.8/24" }];
    const late = versions.map(
      (cniVersion): Call => ({
        netns: "c0",
        path: "/tmp/lab/bin",
        config: { ...config, cniVersion, ipam: { type: "two" } },
      }),
    );
    const early = versions.map(
      (cniVersion): Call => ({ netns: "c0", config: { ...config, cniVersion, ipam: { type: "static", addresses } } }),
    );
    const answers = await lab.calls([...late, ...early]);
    for (const [index, cniVersion] of versions.entries()) {
      const room = `cniVersion ${cniVersion} has room for one IPv4 address, and this attachment has 2: use 0.3.0 or later`;
      t.match(answers[index], { code: 1, json: { cniVersion, code: 1, msg: room, details: "/cniVersion" } });
      const several = `ipam.addresses has several IPv4 addresses, and cniVersion ${cniVersion} has room for one`;
      t.match(answers[index + 2], { code: 1, json: { cniVersion, code: 7, msg: several } });
    }
    t.equal(await lab.ok("ip -n c0 -o link show type ipvlan; cat /tmp/lab/commands"), "ADD\nDEL\nADD\nDEL\n");
    await nothingLeft(t, lab);
  },
);

const attributes = [
  { dst: "198.18.0.0/16", mtu: 1300, advmss: 1260 },
  { dst: "198.19.0.0/16", priority: 50 },
  { dst: "198.20.0.0/16", table: 100 },
  { dst: "198.21.0.0/16", table: 1000, priority: 7 },
  { dst: "2001:db8:9::/48", priority: 77, mtu: 1400 },
];
const scoped = { dst: "192.168.1.128/25", gw: "0.0.0.0", scope: 253 };

t.test(
  "the attributes that routes got with 1.1.0 are in the kernel and in the result, whoever named them",
  async (t) => {
    await lab.ok(`${setUp}
    mkdir -p /tmp/lab/bin; cat > /tmp/lab/bin/own <<'END'
#!/bin/sh
[ $CNI_COMMAND != ADD ] || echo '${JSON.stringify({
      ips: [
        { address: "192.168.1.7/24", gateway: "192.168.1.1" },
        { address: "2001:db8:1::7/64", gateway: "2001:db8:1::1" },
      ],
      routes: [...attributes, scoped],
    })}'
END
    chmod +x /tmp/lab/bin/own`);
    const routes = [...attributes, scoped];
    const ipams = [
      { routes, subnets: [{ subnet: "192.168.1.0/24" }, { subnet: "2001:db8:1::/64" }] },
      {
        routes,
        type: "host-local",
        ranges: [
          [{ subnet: "192.168.1.0/24", rangeStart: "192.168.1.64" }],
          [{ subnet: "2001:db8:1::/64", rangeStart: "2001:db8:1::64" }],
        ],
      },
      { type: "own" },
    ];
    const calls = ipams.map((ipam, index): Call => {
      const network = { ...config, name: `net${index}`, cniVersion: "1.1.0", ipam };
      return { netns: `c${index}`, path: "/tmp/lab/bin", config: network };
    });
    const answers = await lab.together(calls);
    const seen = await state();
    for (const [index, answer] of answers.entries()) {
      const what = ["the built-in allocator", "host-local", "another IPAM"][index];
      const shown = answer.json.routes.filter(({ dst }: { dst: string }) => !/^(0\.0\.0\.0|::)\/0$/.test(dst));
      const gw = (dst: string) => (dst.includes(":") ? "2001:db8:1::1" : "192.168.1.1");
      t.strictSame(
        shown,
        // 0.0.0.0 is no next hop.
        [...attributes.map((route) => ({ ...route, gw: gw(route.dst) })), { dst: scoped.dst, scope: scoped.scope }],
        `${what}: the result`,
      );
      for (const line of [
        /^198\.18\.0\.0\/16 via 192\.168\.1\.1 dev eth0 mtu 1300 advmss 1260 $/m,
        /^198\.19\.0\.0\/16 via 192\.168\.1\.1 dev eth0 metric 50 $/m,
        /^198\.20\.0\.0\/16 via 192\.168\.1\.1 dev eth0 table 100 $/m,
        /^198\.21\.0\.0\/16 via 192\.168\.1\.1 dev eth0 table 1000 metric 7 $/m,
        /^192\.168\.1\.128\/25 dev eth0 scope link $/m,
        /^2001:db8:9::\/48 via 2001:db8:1::1 dev eth0 metric 77 mtu 1400 pref medium$/m,
      ]) {
        t.match(seen[index], line, `${what}: the kernel`);
      }
    }
    const check = calls.map(
      (call, index): Call => ({
        ...call,
        command: "CHECK",
        config: { ...(call.config as object), prevResult: answers[index]?.json },
      }),
    );
    for (const answer of await lab.calls([...check, ...calls.map((call): Call => ({ ...call, command: "DEL" }))])) {
      t.strictSame([answer.code, answer.stdout], [0, ""]);
    }
    await nothingLeft(t, lab);
  },
);

t.test("a prevResult of any version is understood, in the version's words or in its own", async (t) => {
  await lab.ok(setUp);
  const previous = (cniVersion: CniVersion, index: number): object => {
    const [address, gateway, routes] = [`192.168.1.${index + 77}/24`, "192.168.1.1", [{ dst: "0.0.0.0/0" }]];
    if (!isAtLeast(cniVersion, "0.3.0")) return { cniVersion, ip4: { ip: address, gateway, routes }, dns };
    const family = isAtLeast(cniVersion, "1.0.0") ? {} : { version: "4" };
    return {
      cniVersion,
      interfaces: [{ name: "eth0" }],
      ips: [{ ...family, address, gateway, interface: 0 }],
      routes,
      dns,
    };
  };
  const answers = await lab.together(
    cniVersions.map((version, index): Call => {
      // Results of 0.1.0 and 0.2.0 name no interface that could be the parent.
      const { master: _, ...withoutMaster } = config;
      const own = isAtLeast(version, "0.3.0") ? withoutMaster : config;
      const cniVersion = index % 2 === 0 ? version : "1.1.0";
      return { netns: `c${index}`, config: { ...own, cniVersion, prevResult: previous(version, index) } };
    }),
  );
  const seen = await state();
  for (const [index, answer] of answers.entries()) {
    const version = cniVersions[index] as CniVersion;
    t.equal(answer.code, 0, `${version}: ${answer.stdout}`);
    t.match(seen[index], `inet 192.168.1.${index + 77}/24 `, version);
    t.match(seen[index], "default via 192.168.1.1 dev eth0", version);
    t.match(answer.json.dns, dns, version);
  }
  await removeAll();
  await nothingLeft(t, lab);
});
