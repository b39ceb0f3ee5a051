import t from "tap";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

const config = {
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0.10",
  ipam: { subnets: [{ subnet: "192.168.1.0/24" }] },
};
const del = { command: "DEL", netns: "c1", config } as const;

t.beforeEach(async () => {
  await lab.ok("reset; host h1; container peer c1 c2; cable h1 eth0 peer eth0");
});

/** On a parent that stays: no interface goes with it. */
const onStaying = { ...config, master: "eth0" };

/** What became of the world between ADD and DEL. */
const worlds: { what: string; broken: string; add?: object; del?: object }[] = [
  { what: "nothing was ever added", broken: "on h1 true" },
  { what: "the namespace is gone", broken: "ip netns del c1" },
  { what: "CNI_NETNS is not given", broken: "ip netns del c1", del: { environment: { CNI_NETNS: "" } } },
  {
    what: "CNI_NETNS is not given, and the interface lives",
    broken: "on h1 true",
    add: onStaying,
    del: { environment: { CNI_NETNS: "" }, config: onStaying },
  },
  {
    what: "CNI_NETNS is another path to the namespace",
    broken: ": > /run/netns/other; mount --bind /run/netns/c1 /run/netns/other; umount /run/netns/c1",
    add: onStaying,
    del: { netns: "/run/netns/other", id: "c1", config: onStaying },
  },
  {
    what: "CNI_NETNS leads to another namespace by now",
    broken: "ip netns del c1; container c1; ip -n c1 link add eth0 type dummy",
  },
  { what: "the namespace's mount is gone and its file is left", broken: "umount /run/netns/c1" },
  { what: "the interface is gone", broken: "ip -n c1 link del eth0" },
  { what: "the parent is gone", broken: "on h1 ip link del eth0.10" },
  { what: "the parent's base is gone", broken: "ip -n peer link del eth0" },
  { what: "the reservations are gone", broken: "on h1 rm -rf /var/lib/cni/networks" },
  {
    what: "a record is half-written",
    broken: `on h1 sh -c 'for f in $(find /run/ipvlan-cni -type f -name "c1:*"); do printf "{\\"netw" > $f; done'`,
  },
  { what: "prevResult is empty", broken: "on h1 true", del: { config: { ...config, prevResult: {} } } },
  { what: "prevResult is null", broken: "ip netns del c1", del: { config: { ...config, prevResult: null } } },
  {
    what: "the configuration no longer parses beyond its name",
    broken: "on h1 true",
    del: { config: { ...config, mode: 7, vlan: "x", cniVersion: "8.0.0", ipam: { subnets: "none" } } },
  },
];

for (const [index, { what, broken, add = config, del: overrides }] of worlds.entries()) {
  t.test(`DEL succeeds and leaves nothing when ${what}`, async (t) => {
    if (index > 0) await lab.add({ netns: "c1", config: add });
    await lab.ok(broken);
    for (const times of ["once", "again"]) {
      const answer = await lab.call({ ...del, ...overrides });
      t.strictSame([answer.code, answer.stdout], [0, ""], times);
    }
    await nothingLeft(t, lab);
    const seen = await lab.ok(`
      for name in c1 other; do ip -n $name -o link show type ipvlan 2>/dev/null || true; done`);
    t.equal(seen, "", "nor an interface where a path leads to it");
  });
}

t.test("DEL of an old container leaves the interface of a new one at the same path", async (t) => {
  await lab.add({ netns: "c1", id: "old", config });
  await lab.ok("ip netns del c1; container c1");
  await lab.add({ netns: "c1", id: "new", config });
  await lab.del({ netns: "c1", id: "old", config });
  const seen = await lab.ok(
    "ip -n c1 -d -o link show eth0; on h1 ls /var/lib/cni/networks/net1; on h1 ip -o link show eth0.10",
  );
  t.match(seen, "alias ipvlan-cni new");
  t.match(seen, /^192\.168\.1\.3$/m);
  t.notMatch(seen, /^192\.168\.1\.2$/m);
  await lab.del({ netns: "c1", id: "new", config });
  await nothingLeft(t, lab);
});

t.test("an ADD after a container that ended without DEL gets the same interface name for the same id", async (t) => {
  await lab.add({ netns: "c1", config });
  await lab.ok("ip netns del c1; container c1; on h1 rm -rf /var/lib/cni/networks/net1");
  const result = await lab.add({ netns: "c1", config });
  t.equal(result.interfaces[0].name, "eth0");
  await lab.del({ netns: "c1", config });
  await nothingLeft(t, lab);
});

t.test("GC takes away what the runtime's list lacks, of this network only, and leaves the rest", async (t) => {
  const other = { ...config, name: "net2", ipam: { subnets: [{ subnet: "192.168.2.0/24" }] } };
  await lab.ok("container c3 c4");
  for (const netns of ["c1", "c2", "c3"]) await lab.add({ netns, config });
  await lab.add({ netns: "c4", config: other });
  await lab.ok("ip netns del c3");
  const valid = (...ids: string[]) => ids.map((containerID) => ({ containerID, ifname: "eth0" }));
  const gc = (config: object, ids: string[]) =>
    lab.call({ command: "GC", config: { ...config, "cni.dev/valid-attachments": valid(...ids) } });
  t.strictSame(await gc(config, ["c1", "c4"]).then(({ code, stdout }) => [code, stdout]), [0, ""]);
  const seen = await lab.ok(`
    for c in c1 c2 c4; do echo $c; ip -n $c -o link show type ipvlan; done
    on h1 find /var/lib/cni/networks /run/ipvlan-cni -type f -path '*net*' | sort; on h1 ip -o link show eth0.10`);
  t.match(seen, /^c1\n\d+: eth0@[^\n]*\nc2\nc4\n\d+: eth0@/m, "the interfaces of c1 and c4 stay");
  t.match(seen, "net1/192.168.1.2\n");
  t.notMatch(seen, "net1/192.168.1.3\n");
  t.notMatch(seen, "net1/192.168.1.4\n");
  t.match(seen, "net2/192.168.2.2\n");
  t.match(seen, "eth0.10@eth0");
  await gc(config, []);
  const answer = await lab.call({ command: "GC", config: other });
  t.strictSame([answer.code, answer.stdout], [0, ""], "no list is an empty one, as host-local of the reference has it");
  t.match(answer.stderr, "GC without cni.dev/valid-attachments: all that network net2 holds is taken away");
  await nothingLeft(t, lab);
});

t.test("GC takes away a parent of ours that a killed ADD left, and no link that somebody else made", async (t) => {
  await lab.ok(`
    on h1 ip link add link eth0 name eth0.77 type vlan id 77
    on h1 ip link set eth0.77 alias "made by ipvlan-cni"
    on h1 ip link add link eth0 name eth0.78 type vlan id 78`);
  const answer = await lab.call({ command: "GC", config: { ...config, "cni.dev/valid-attachments": [] } });
  t.strictSame([answer.code, answer.stdout], [0, ""]);
  const links = await lab.ok("on h1 ip -o link");
  t.notMatch(links, "eth0.77");
  t.match(links, "eth0.78");
});

t.test("GC goes on after an error, reports it, and succeeds once its cause is gone", async (t) => {
  await lab.ok("container c3");
  for (const netns of ["c1", "c2", "c3"]) await lab.add({ netns, config });
  // Nothing can be opened there, and it is not gone.
  await lab.ok("for c in c1 c3; do umount /run/netns/$c; rm /run/netns/$c; ln -s $c /run/netns/$c; done");
  const gc = { command: "GC", config: { ...config, "cni.dev/valid-attachments": [] } } as const;
  const answer = await lab.call(gc);
  t.match(answer, {
    code: 1,
    json: { cniVersion: "1.1.0", code: 5, msg: /\/run\/netns\/c[13]: ELOOP: .*; .*\/run\/netns\/c[13]: ELOOP/ },
  });
  const kept = await lab.ok("ip -n c2 -o link show type ipvlan; on h1 ls /var/lib/cni/networks/net1 | grep ^192");
  t.equal(kept, "192.168.1.2\n192.168.1.4\n", "what is not taken away keeps its address");
  await lab.ok("rm /run/netns/c1 /run/netns/c3");
  t.strictSame(await lab.call(gc).then(({ code, stdout }) => [code, stdout]), [0, ""]);
  await nothingLeft(t, lab);
});
