// The configurations of docs/bgp, of BIRD and FRRouting: a router learns a node's containers, and forgets them.
import { readFileSync } from "node:fs";
import t from "tap";
import { at } from "../../../build/paths.ts";
import { nothingLeft } from "../lib/open-lab.ts";
import { addressesOf, both, modes, openLan, pod } from "./lib/lan.ts";

const lan = await openLan();
const { lab } = lan;
const router = ["192.168.50.1", "fd50::1"];
const behind = ["203.0.113.1", "fd99::1"];

/** The other end of docs/bgp/bird.conf. */
const routerConfig = `
  log syslog all;
  router id 192.168.50.1;
  protocol device {}
  protocol kernel { scan time 2; ipv4 { export all; }; }
  protocol kernel { scan time 2; ipv6 { export all; }; }
  protocol bgp node {
    local 192.168.50.1 as 65000;
    neighbor 192.168.50.11 as 65001;
    connect delay time 1;
    ipv4 { import all; export none; };
    ipv6 { import all; export none; };
  }`;

const configuration = (name: string) => readFileSync(at(`docs/bgp/${name}`), "utf8");

await lan.sh(`
  serve p1 p2 gw
  ip -n gw addr add 203.0.113.1/32 dev lo; ip -n gw addr add fd99::1/128 dev lo
  cat > /tmp/lab/gw.conf <<'END'\n${routerConfig}\nEND
  inside gw bird -c /tmp/lab/gw.conf -s /tmp/lab/gw.ctl
  # until SECONDS COMMAND...: fails where the command does not succeed in time
  cat > /tmp/lab/until.sh <<'END'
    _end=$(($(date +%s) + $1))
    shift
    until "$@"; do [ "$(date +%s)" -lt "$_end" ] || exit 1; sleep 0.2; done
END`);

/** Daemons on the node: how each is started and ended. */
const daemons = {
  BIRD: [
    `cat > /tmp/lab/h1.conf <<'END'\n${configuration("bird.conf")}\nEND
    inside h1 bird -c /tmp/lab/h1.conf -s /tmp/lab/h1.ctl -P /tmp/lab/bird.pid`,
    "kill $(cat /tmp/lab/bird.pid)",
  ],
  // As its package's scripts would: the user, the groups, the daemons, then vtysh with the configuration of all of them.
  FRRouting: [
    `grep -q ^frr: /etc/passwd || {
      echo 'frr:x:990:990::/nonexistent:/usr/sbin/nologin' >> /etc/passwd
      printf 'frr:x:990:\nfrrvty:x:991:frr\n' >> /etc/group
    }
    mkdir -p /var/run/frr /etc/frr /var/tmp/frr /var/log/frr && chown 990:990 /var/run/frr /var/tmp/frr /var/log/frr
    cat > /etc/frr/frr.conf <<'END'\n${configuration("frr.conf")}\nEND
    touch /etc/frr/vtysh.conf
    for daemon in zebra bgpd; do inside h1 /usr/lib/frr/$daemon -d -i /var/run/frr/$daemon.pid -z /var/run/frr/zserv.api; done
    inside h1 vtysh -b`,
    "kill $(cat /var/run/frr/bgpd.pid) $(cat /var/run/frr/zebra.pid)",
  ],
} as const;

const settled = (command: string) => `sh /tmp/lab/until.sh 20 sh -c '${command}'`;

for (const [daemon, mode] of Object.keys(daemons).flatMap((daemon) => modes.map((mode) => [daemon, mode] as const))) {
  t.test(
    `${daemon}, ${mode}: a router learns the containers within seconds, and forgets those that are gone`,
    async (t) => {
      const config = {
        cniVersion: "1.1.0",
        name: "net1",
        type: "ipvlan",
        master: "eth0",
        mode,
        hostAccess: true,
        ipam: {
          subnets: [{ subnet: "10.244.1.0/24" }, { subnet: "fd44::1:0/112" }],
          // In l2 the router is a neighbour, whatever the containers' subnet.
          ...(mode === "l2"
            ? {
                routes: [
                  { dst: "192.168.50.0/24", gw: "0.0.0.0" },
                  { dst: "fd50::/64", gw: "::" },
                ],
              }
            : {}),
        },
      };
      const [start, end] = daemons[daemon as keyof typeof daemons];
      if (mode === modes[0]) await lan.sh(start);
      const [own = [], other = []] = [await lab.add(pod("p1", config)), await lab.add(pod("p2", config))].map(
        addressesOf,
      );
      const learned = `
      ip -n gw route show ${own[0]} | grep -q "via 192.168.50.11 " && ip -n gw -6 route show ${own[1]} | grep -q "via fd50::11 "`;
      await lan.sh(settled(learned));
      t.strictSame(
        await lan.ask("gw", both(own, ["tcp", "udp"])),
        both(own, ["tcp", "udp"], router),
        "router to container",
      );
      if (mode !== "l2") {
        t.strictSame(
          await lan.ask("p1", both(behind, ["tcp"])),
          both(behind, ["tcp"], own),
          "container to what is behind it",
        );
      }
      await lab.del(pod("p1", config));
      await lan.sh(
        settled(`! ip -n gw route show | grep -q "^${own[0]} " && ! ip -n gw -6 route show | grep -q "^${own[1]} "`),
      );
      t.match(
        await lan.sh("ip -n gw route"),
        new RegExp(`^${other[0]} via 192\\.168\\.50\\.11 `, "m"),
        "the other stays",
      );
      await lab.del(pod("p2", config));
      await lan.sh(settled('! ip -n gw route show | grep -q "via 192.168.50.11"'));
      if (mode === modes.at(-1)) await lan.sh(end);
      await nothingLeft(t, lab);
    },
  );
}
