// conflictDetection: what another machine of the network has is not given to a container.
import t from "tap";
import { nothingLeft } from "../lib/open-lab.ts";
import { addressesOf, openLan, pod } from "./lib/lan.ts";

const lan = await openLan();
const { lab } = lan;
await lan.sh("capture wire sw h1 arp or icmp6");
const macOf = async (name: string) => /ether (\S+)/.exec(await lan.sh(`ip -n ${name} -o link show eth0`))?.[1];
const mac = await macOf("lan");

const network = (more: object = {}) => ({
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  conflictDetection: { timeoutMs: 300 },
  ipam: {
    subnets: [
      { subnet: "192.168.50.0/24", gateway: "192.168.50.1", ipRange: "192.168.50.96/29" },
      { subnet: "fd50::/64", gateway: "fd50::1", ipRange: "fd50::100/125" },
    ],
  },
  ...more,
});

/** Notes of taken addresses stay for ten minutes. */
const forget = (host = "h1") => lan.sh(`on ${host} rm -rf /run/ipvlan-cni/conflicts`);

for (const mode of ["l2", "l3s"] as const) {
  t.test(`${mode}: the next address where a machine of the LAN has one, which is remembered for a while`, async (t) => {
    const config = network({ mode, name: mode });
    await lan.sh(
      "ip -n lan addr add 192.168.50.96/24 dev eth0; ip -n lan addr add fd50::101/64 dev eth0 nodad; packets wire > /dev/null",
    );
    const first = addressesOf(await lab.add(pod("p1", config)));
    t.strictSame(first, ["192.168.50.98", "fd50::102"]);
    const asked = (await lan.sh("packets wire")).split("\n");
    t.match(
      asked
        .filter((line) => line.includes("who-has 192.168.50.98"))
        .map((line) => line.replace(/^.*Request/, "Request")),
      [
        / tell 0.0.0.0,/,
        / tell 192.168.50.11,/,
        / tell 0.0.0.0,/,
        / tell 192.168.50.11,/,
        / tell 0.0.0.0,/,
        / tell 192.168.50.11,/,
      ],
      "three probes that say no sender, and what makes hosts answer that do it for others",
    );
    t.equal(
      asked.filter((line) => /:: > ff02::1:ff00:102: ICMP6, neighbor solicitation, who has fd50::102/.test(line))
        .length,
      3,
    );
    await lab.del(pod("p1", config));
    // The pool's eight addresses come round: those that are taken are left out without a question.
    const given: string[] = [];
    for (let i = 0; i < 7; i++) {
      given.push(...addressesOf(await lab.add(pod("p1", config))));
      await lab.del(pod("p1", config));
    }
    t.notOk(given.includes("192.168.50.96") || given.includes("fd50::101"), given.join(" "));
    t.match(
      await lan.sh("on h1 sh -c 'cat /run/ipvlan-cni/conflicts/eth0/192.168.50.96'"),
      new RegExp(`^\\d+ ${mac}$`),
    );
    await lan.sh("ip -n lan addr del 192.168.50.96/24 dev eth0; ip -n lan addr del fd50::101/64 dev eth0");
    await forget();
    await nothingLeft(t, lab);
  });
}

t.test("an address that was asked for: the error has the MAC of who has it", async (t) => {
  await lan.sh("ip -n lan addr add 192.168.50.97/24 dev eth0; ip -n lan addr add fd50::103/64 dev eth0 nodad");
  const asking = (address: string) =>
    pod("p1", network({ capabilities: { ips: true }, runtimeConfig: { ips: [address] } }));
  const fixed = network({ ipam: { type: "static", addresses: [{ address: "192.168.50.97/24" }] } });
  const answers = await lab.calls([asking("192.168.50.97"), asking("fd50::103"), pod("p1", fixed)]);
  t.match(
    answers.map(({ json }) => [json.code, json.msg]),
    ["192.168.50.97", "fd50::103", "192.168.50.97"].map((address) => [
      109,
      `address ${address} is in use by ${mac} on the network of eth0: ask for another one, or free it there`,
    ]),
  );
  await lan.sh("ip -n lan addr del 192.168.50.97/24 dev eth0; ip -n lan addr del fd50::103/64 dev eth0");
  // What is remembered is believed; once it is forgotten, the address is free.
  t.equal((await lab.call(asking("192.168.50.97"))).json.code, 109);
  await forget();
  t.equal((await lab.call(asking("192.168.50.97"))).code, 0);
  await lab.del(asking("192.168.50.97"));
  await forget();
  await nothingLeft(t, lab);
});

t.test("a pool of which others have all: the error says who has what", async (t) => {
  await lan.sh("ip -n lan addr add 192.168.50.101/24 dev eth0; ip -n gw addr add 192.168.50.102/24 dev eth0");
  const ipam = {
    subnets: [
      {
        subnet: "192.168.50.0/24",
        gateway: "192.168.50.1",
        ipRange: "192.168.50.100/30",
        auxAddresses: ["192.168.50.100", "192.168.50.103"],
      },
    ],
  };
  const { json } = await lab.call(pod("p1", network({ ipam })));
  const router = await macOf("gw");
  t.match(json, {
    code: 7,
    msg: `address 192.168.50.101 is in use by ${mac} on the network of eth0: ask for another one, or free it there; address 192.168.50.102 is in use by ${router}`,
  });
  await lan.sh("ip -n lan addr del 192.168.50.101/24 dev eth0; ip -n gw addr del 192.168.50.102/24 dev eth0");
  await forget();
  await nothingLeft(t, lab);
});

t.test("two hosts that give one address at the same moment: only one of them uses it, or none", async (t) => {
  const call = (name: string) =>
    pod(
      name,
      network({ ipam: { type: "static", addresses: [{ address: "192.168.50.104/24" }, { address: "fd50::104/64" }] } }),
    );
  const answers = await lab.together([call("p1"), call("q1")]);
  t.ok(answers.filter(({ code }) => code === 0).length < 2, answers.map(({ stdout }) => stdout).join());
  for (const name of ["p1", "q1"]) await lab.del(call(name));
  await forget("h1");
  await forget("h2");
  await nothingLeft(t, lab, ["h1", "h2"]);
});

t.test("a container that another host announces", async (t) => {
  await lan.sh(`for name in h1 h2; do
      inside $name sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
    done`);
  const fixed = (address: string) =>
    network({ mode: "l3s", announce: true, ipam: { type: "static", routes: [], addresses: [{ address }] } });
  for (const address of ["192.168.50.105/24", "fd50::105/64"]) {
    await lab.add(pod("p1", fixed(address)));
    const { json } = await lab.call(pod("q1", fixed(address)));
    t.match(json, { code: 109, msg: `address ${address.replace(/\/.*/, "")} is in use by ${await macOf("h1")}` });
    await lab.del(pod("p1", fixed(address)));
  }
  await forget("h2");
  await nothingLeft(t, lab, ["h1", "h2"]);
});

t.test("containers of the host, isolated networks and IPAMs of others go as without", async (t) => {
  const config = network({ master: undefined });
  const [first, second] = [await lab.add(pod("p1", config)), await lab.add(pod("p2", config))].map(addressesOf);
  t.notSame(first, second);
  for (const name of ["p1", "p2"]) await lab.del(pod(name, config));
  await nothingLeft(t, lab);
});
