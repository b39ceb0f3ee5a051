// Mode and flag belong to the parent: an ADD that would change them for running containers is refused.
import t from "tap";
import type { Call } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

const lab = await openLab();
await lab.ok("host h1; container peer c1 c2 c3; cable h1 eth0 peer eth0");

const network = (keys: object, name = "net1") => ({
  cniVersion: "1.1.0",
  name,
  type: "ipvlan",
  master: "eth0",
  ipam: { subnets: [{ subnet: name === "net1" ? "192.168.7.0/24" : "192.168.8.0/24" }] },
  ...keys,
});
const add = (keys: object, call: Partial<Call> = {}): Call => ({ netns: "c1", config: network(keys), ...call });
const portOf = async (name: string) =>
  / ipvlan +(mode \S+ \S+)/.exec(await lab.ok(`ip -n ${name} -o -d link show eth0`))?.[1];

t.test(
  "another mode or flag is refused, over networks, with the name of the holder; running containers keep theirs",
  async (t) => {
    await lab.add(add({}));
    const wishes = [
      { mode: "l3" },
      { mode: "l3s" },
      { flag: "private" },
      { flag: "vepa" },
      { mode: "l3", flag: "vepa" },
    ];
    const answers = await lab.together([
      ...wishes.map((keys) => add(keys, { netns: "c2", config: network(keys, "net2") })),
      add({ mode: "l3" }, { command: "STATUS" }),
    ]);
    for (const [index, { json }] of answers.entries()) {
      const { mode = "l2", flag = "bridge" } = (wishes[index] ?? { mode: "l3" }) as { mode?: string; flag?: string };
      const msg = new RegExp(
        `parent eth0 is in use as l2 bridge by container c1 \\(network net1\\), .*use l2 bridge instead of ${mode} ${flag},`,
      );
      t.match(json, { code: index < wishes.length ? 101 : 50, msg, details: "/mode" }, `${mode} ${flag}`);
    }
    t.equal(await portOf("c1"), "mode l2 bridge");
    const same = add({ config: network({}, "net2") }, { netns: "c2", config: network({}, "net2") });
    await lab.add(same);
    await lab.del(add({}));
    t.match((await lab.call(add({ mode: "l3" }))).json, { code: 101, msg: /by container c2 \(network net2\)/ });
    await lab.del(same);
    await lab.add(add({ mode: "l3", flag: "private" }));
    t.equal(await portOf("c1"), "mode l3 private", "after the last DEL the port is free");
    await lab.del(add({}));
    await nothingLeft(t, lab);
  },
);

t.test("a container holds the port, whatever it has made of its interface's name, alias and state", async (t) => {
  const running = add({});
  await lab.add(running);
  const disguises = [
    "link set eth0 down\nlink set eth0 name pod0\nlink set pod0 up",
    "link set pod0 alias mine",
    "link set pod0 alias 'ipvlan-cni c2'",
    "link set pod0 down",
  ];
  const other = network({ mode: "l3" }, "net2");
  for (const disguise of disguises) {
    await lab.ok(`ip -n c1 -batch - <<'END'\n${disguise}\nEND`);
    for (const netns of ["c1", "c2"]) {
      t.match(
        (await lab.call(add({}, { netns, config: other }))).json,
        { code: 101, msg: /by container c1/ },
        disguise,
      );
    }
    t.match((await lab.call(running)).json, { code: 102, msg: /c1 is attached to network net1 as eth0 already/ });
  }
  t.match(await lab.ok("ip -n c1 -d -o link show pod0"), "mode l2 bridge");
  // The proof finds it for DEL, too, and for GC.
  await lab.del(running);
  t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
  await nothingLeft(t, lab);
  await lab.add(running);
  await lab.ok(`ip -n c1 -batch - <<'END'\n${disguises[0]}\n${disguises[2]}\nEND`);
  await lab.call({ command: "GC", config: { ...network({}), "cni.dev/valid-attachments": [] } });
  t.equal(await lab.ok("ip -n c1 -o link show type ipvlan"), "");
  await nothingLeft(t, lab);
});

t.test(
  "a container holds the port also from another namespace, and from one that no path leads to any more",
  async (t) => {
    const running = add({});
    const other = add({}, { netns: "c2", config: network({ mode: "l3" }, "net2") });
    await lab.add(running);
    await lab.ok("container inner; ip -n c1 link set eth0 netns inner");
    t.match((await lab.call(other)).json, { code: 101, msg: /by container c1/ }, "moved");
    t.match((await lab.call(running)).json, { code: 102, msg: /c1 is attached to network net1 as eth0 already/ });
    await lab.del(running);
    t.equal(await lab.ok("ip -n inner -o link show type ipvlan"), "");
    await nothingLeft(t, lab);

    await lab.add(running);
    await lab.ok(`
    nsenter --net=/run/netns/c1 -- sleep 1000 > /dev/null 2>&1 < /dev/null &
    echo $! > /tmp/lab/pid
    until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
    umount /run/netns/c1; rm /run/netns/c1`);
    t.match((await lab.call(other)).json, { code: 101, msg: /by container c1/ }, "without a path");
    await lab.del(running);
    t.equal(await lab.ok("nsenter --net -t $(cat /tmp/lab/pid) ip -o link show type ipvlan"), "");
    await nothingLeft(t, lab);
    await lab.ok("kill $(cat /tmp/lab/pid); container c1");
  },
);

t.test("an interface of the recorded name that is another one's is not taken for the container's", async (t) => {
  const running = add({});
  await lab.add(running);
  // The container's is gone; at its place there is one that somebody else made, even with the right alias.
  await lab.ok(`ip -n c1 link del eth0
    on h1 ip link add iv9 link eth0 type ipvlan mode l2
    on h1 ip link set iv9 netns c1
    ip -n c1 link set iv9 name eth0
    ip -n c1 link set eth0 alias 'ipvlan-cni c1'`);
  await lab.del(running);
  t.match(await lab.ok("ip -n c1 -o link show eth0"), "alias ipvlan-cni c1", "it stays");
  await lab.ok("ip -n c1 link del eth0");
  await nothingLeft(t, lab);
});

t.test("a container that ended without DEL holds nothing", async (t) => {
  const ended = ["c2", "c3"].map((netns) => add({}, { netns }));
  for (const { code, stdout } of await lab.together(ended)) t.equal(code, 0, stdout);
  // One namespace is gone, the other is there without the interface: the runtime's pause container was started anew, say.
  await lab.ok("ip netns del c2; ip -n c3 link del eth0");
  await lab.add(add({ mode: "l3" }));
  t.equal(await portOf("c1"), "mode l3 bridge");
  t.match((await lab.call(add({}, { netns: "c3", id: "other" }))).json, { code: 101, msg: /by container c1/ });
  await lab.ok("container c2");
  const all = [add({}), ...ended].map((call) => ({ ...call, command: "DEL" }) as const);
  for (const { code, stdout } of await lab.together(all)) t.equal(code, 0, stdout);
  await nothingLeft(t, lab);
});

t.test("an ipvlan that somebody made on the host counts, too", async (t) => {
  await lab.ok("ip -n h1 link add shim0 link eth0 type ipvlan mode l3 private");
  const refused = await lab.call(add({}));
  t.match(refused.json, { code: 101, msg: /in use as l3 private by the link shim0/ });
  t.match(await lab.ok("ip -n h1 -d link show shim0"), "mode l3 private");
  const same = add({ mode: "l3", flag: "private" });
  await lab.add(same);
  await lab.del(same);
  await lab.ok("ip -n h1 link del shim0");

  // Made after the first container: it has changed the container's port already, and the next ADD must not change it back.
  await lab.add(add({}));
  await lab.ok("ip -n h1 link add shim0 link eth0 type ipvlan mode l3");
  t.match((await lab.call(add({}, { netns: "c2" }))).json, { code: 101, msg: /l3 bridge by the link shim0/ });
  await lab.ok("ip -n h1 link del shim0");
  await lab.del(add({}));
  await nothingLeft(t, lab);
});

t.test("of ADDs with two modes at once, those of one mode win and the others are refused", async (t) => {
  const names = Array.from({ length: 8 }, (_, index) => `x${index}`);
  await lab.ok(`printf 'netns add %s\\n' ${names.join(" ")} | ip -batch -`);
  const modes = ["l2", "l3"];
  const answers = await lab.together(names.map((netns, index) => add({ mode: modes[index % 2] }, { netns })));
  const winners = new Set(names.flatMap((_, index) => (answers[index]?.code === 0 ? [modes[index % 2]] : [])));
  t.equal(winners.size, 1, "one mode");
  const losers = answers.filter(({ code }) => code !== 0);
  t.equal(losers.length, names.length / 2);
  for (const { json } of losers) t.match(json, { code: 101, msg: /by container x\d+ \(network net1\)/ });
  const ports = await lab.ok(names.map((name) => `ip -n ${name} -o -d link show type ipvlan`).join("\n"));
  t.strictSame(new Set([...ports.matchAll(/ ipvlan +mode (\S+)/g)].map(([, mode]) => mode)), winners);
  await lab.together(names.map((netns) => add({}, { netns, command: "DEL" })));
  await nothingLeft(t, lab);
});

/** Puts in place of all records those that 0.1.0 wrote for attachments to net1 in mode l2 on a link of the host's. */
function asOlderVersion(parent: string, ...ids: string[]): string {
  const records = ids.map((id) => {
    const names = { network: "net1", containerId: id, ifname: "eth0", netns: `/run/netns/${id}` };
    const record = { ...names, parent, parentName: parent, linkInContainer: false, mode: "l2", flag: "bridge" };
    const file = `parents/${parent}/attachments/net1:${id}:eth0`;
    return `printf %s '${JSON.stringify(record)}' > ${file}; ln ${file} networks/net1/${id}:eth0`;
  });
  return `on h1 sh -e <<'END'
    cd /run/ipvlan-cni
    rm -r ports parents networks
    mkdir -p parents/${parent}/attachments networks/net1
    printf 'l2 bridge' > parents/${parent}/port
    ${records.join("\n")}
END`;
}

t.test("what version 0.1.0 recorded counts on: its containers hold the port, and are taken away", async (t) => {
  const keys = { master: "eth0.10" };
  const [first, second] = [add(keys), add(keys, { netns: "c2" })];
  const third = add(keys, { netns: "c3" });
  for (const call of [first, second]) await lab.add(call);
  await lab.ok(asOlderVersion("eth0.10", "c1", "c2"));
  const other = add({ ...keys, mode: "l3" }, { netns: "c3" });
  t.match((await lab.call({ ...other, command: "STATUS" })).json, {
    code: 50,
    msg: /by container c[12] \(network net1\)/,
  });
  t.match((await lab.call(other)).json, { code: 101, msg: /by container c[12] \(network net1\)/ });
  await lab.add(third);
  for (const call of [third, second]) await lab.del(call);
  t.match(
    await lab.ok("ip -n h1 -o link show eth0.10; ip -n c1 -o link show eth0"),
    / eth0@/,
    "the parent of the last",
  );
  await lab.del(first);
  await nothingLeft(t, lab);

  // Without an ADD in between, by DEL and by GC.
  for (const call of [first, second]) await lab.add(call);
  await lab.ok(asOlderVersion("eth0.10", "c1", "c2"));
  await lab.del(first);
  t.equal((await lab.sh("ip -n h1 link show eth0.10")).code, 0);
  await lab.call({ command: "GC", config: { ...network(keys), "cni.dev/valid-attachments": [] } });
  t.equal(await lab.ok("for c in c1 c2; do ip -n $c -o link show type ipvlan; done"), "");
  await nothingLeft(t, lab);
});
