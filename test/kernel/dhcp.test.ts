// The reference's dhcp plugin as the IPAM, with its daemon and a real DHCP server: what people on a LAN ask for.
import t from "tap";
import { type Answer, type Call, pluginPath } from "./lib/lab.ts";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

/** Of a second daemon, which gives up early; where eth1 leads to there is no server. */
const impatient = "/run/cni/impatient.sock";
const config = (more: object = {}, ipam: object = {}) => ({
  cniVersion: "1.0.0",
  name: "lan",
  type: "ipvlan",
  master: "eth0",
  ipam: { type: "dhcp", ...ipam },
  ...more,
});
const call = (command: "ADD" | "CHECK" | "DEL", netns: string, given: object = config(), more: object = {}): Call => ({
  command,
  netns,
  config: given,
  ...more,
});

const daemon = "on h1 /usr/lib/cni/dhcp daemon -broadcast > /tmp/lab/daemon.log 2>&1 &";
await lab.ok(`
  reset; rm -rf /run/cni; host h1; container server void c1 c2 c3 c4; cable h1 eth0 server eth0; cable h1 eth1 void eth1
  ip -n server addr add 192.168.1.1/24 dev eth0
  # The time until a lease is renewed is option 58.
  inside server dnsmasq --no-daemon --user=root --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces \\
    --dhcp-range=192.168.1.50,192.168.1.99,2m --dhcp-option=58,6 --dhcp-leasefile=/tmp/lab/leases > /tmp/lab/server.log 2>&1 &
  ${daemon}
  on h1 /usr/lib/cni/dhcp daemon -broadcast -socketpath ${impatient} -timeout 200ms -resendmax 1s > /dev/null 2>&1 &
  until [ -e /run/cni/dhcp.sock ] && [ -e ${impatient} ] && grep -q started /tmp/lab/server.log; do sleep 0.1; done`);

/** How often the server has got such a message. */
const countOf = async (message: string) => Number(await lab.ok(`grep -c ${message} /tmp/lab/server.log || :`));
const leases = async () => (await lab.ok("cut -d' ' -f3,5 /tmp/lab/leases")).trim();
/** Container identifier, network and interface, after a zero byte. */
const clientId = (netns: string) =>
  ["00", ...[...`${netns}/lan/eth0`].map((character) => character.charCodeAt(0).toString(16))].join(":");

const mute = call("ADD", "c3", config({ master: "eth1" }, { daemonSocketPath: impatient }));
// One after another: two of one MAC address in one second are the same transaction to this daemon.
const answers = await lab.together([[call("ADD", "c1"), call("ADD", "c2")], mute]);
const [first, second, unanswered] = answers as [Answer, Answer, Answer];

t.test(
  "two containers on one parent, of one MAC address, have a lease each, a default route and a gateway",
  async (t) => {
    const addresses: string[] = [];
    for (const [netns, answer] of [
      ["c1", first],
      ["c2", second],
    ] as const) {
      t.match(answer, { code: 0, json: { routes: [{ dst: "0.0.0.0/0", gw: "192.168.1.1" }] } });
      const { address, gateway } = answer.json.ips[0];
      t.match(address, /^192\.168\.1\.\d+\/24$/);
      t.equal(gateway, "192.168.1.1");
      addresses.push(address);
      t.match(await leases(), `${address.split("/")[0]} ${clientId(netns)}`);
      const seen = await lab.ok(
        `ip -n ${netns} addr show eth0; ip -n ${netns} route; inside ${netns} ping -nqc1 -w5 192.168.1.1`,
      );
      t.match(seen, `inet ${address} `);
      t.match(seen, "default via 192.168.1.1 dev eth0");
      t.strictSame(await lab.call(call("CHECK", netns, config({ prevResult: answer.json }))), {
        ...{ code: 0, stdout: "", stderr: "", json: undefined },
      });
    }
    t.not(addresses[0], addresses[1]);
  },
);

t.test("no server answers: the error says so, and what ipvlan needs; nothing is left", async (t) => {
  t.match(unanswered, {
    code: 1,
    json: {
      code: 999,
      msg: /no more tries: no DHCP server answered, .* must come by broadcast \(dhcp daemon -broadcast/,
    },
  });
  t.equal(await lab.ok("ip -n c3 -o link show type ipvlan"), "");
  t.equal(await lab.ok("on h1 find /run/ipvlan-cni -name '*c3*'"), "");
});

t.test("in mode l3 and l3s it is refused before anything is made", async (t) => {
  for (const mode of ["l3", "l3s"]) {
    const { json } = await lab.call(call("ADD", "c3", config({ master: "eth1", mode })));
    t.match(json, { code: 7, msg: /dhcp finds its server by broadcast.*use mode l2/, details: "/ipam/type" });
  }
});

t.test("leases are renewed while the containers run", async (t) => {
  const renewed = "grep -c 'lease renewed' /tmp/lab/daemon.log || :";
  const count = await lab.ok(`for i in $(seq 100); do [ $(${renewed}) -ge 2 ] && break; sleep 0.2; done; ${renewed}`);
  t.ok(Number(count) >= 2, "both");
  await lab.ok("inside c1 ping -nqc1 -w5 192.168.1.1; inside c2 ping -nqc1 -w5 192.168.1.1");
});

t.test("an ADD that fails behind the lease gives it back to the server", async (t) => {
  await lab.ok(`printf '#!/bin/sh\\nexec ${pluginPath} > /dev/full\\n' > /tmp/lab/deaf; chmod +x /tmp/lab/deaf`);
  const answer = await lab.call(call("ADD", "c4", config(), { plugin: "/tmp/lab/deaf" }));
  t.match(answer.stderr, /"msg": "write standard output: ENOSPC/);
  t.equal(await countOf("DHCPRELEASE"), 1);
  t.notMatch(await leases(), clientId("c4"));
  t.equal(await lab.ok("ip -n c4 -o link show type ipvlan"), "");
});

t.test("DEL that the daemon does not hear fails, loses nothing, and works when it is there again", async (t) => {
  await lab.ok(`kill $(pgrep -f 'dhcp daemon -broadcast$'); rm /run/cni/dhcp.sock`);
  const refused = await lab.call(call("DEL", "c2"));
  t.match(refused, { code: 1, json: { code: 999, msg: /error dialing DHCP daemon/ } });
  t.match(await lab.ok("ip -n c2 -o link show type ipvlan; on h1 find /run/ipvlan-cni -name '*c2*'"), /eth0@.*\n.*c2/);
  await lab.ok(`${daemon}\nuntil [ -e /run/cni/dhcp.sock ]; do sleep 0.1; done`);
  // A daemon that was started anew knows no lease, and takes it again in CHECK.
  await lab.call(call("CHECK", "c2", config({ prevResult: second.json })));
  await lab.del(call("DEL", "c2"));
  t.equal(await countOf("DHCPRELEASE"), 2);
});

t.test("DEL gives each lease back to the server, over the interface, and then takes that away", async (t) => {
  await lab.call(call("CHECK", "c1", config({ prevResult: first.json })));
  await lab.del(call("DEL", "c1"));
  t.equal(await countOf("DHCPRELEASE"), 3);
  t.equal(await leases(), "");
  t.equal(await lab.ok("for c in c1 c2; do ip -n $c -o link show type ipvlan; done"), "");
  await nothingLeft(t, lab);
});
