// ADDs and DELs at once on a VLAN parent that the first makes and the last takes away.
import t from "tap";
import { executable, pluginPath } from "../lib/lab.ts";
import { nothingLeft, openLab } from "../lib/open-lab.ts";

/**
 * 20 for a thorough look, which takes minutes. By default a short one, with fewer processes at once of the pkg executable, which
 * takes the emulator half a second to start.
 */
const thorough = process.env.IPVLAN_TEST_ROUNDS;
const rounds = Number(thorough ?? (executable === "pkg" ? 1 : 2));
const crowd = thorough === undefined && executable === "pkg" ? 20 : 40;

const lab = await openLab();

const config = {
  cniVersion: "1.1.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  vlan: 77,
  ipam: { subnets: [{ subnet: "10.0.0.0/16" }, { subnet: "2001:db8:1::/64" }] },
};

await lab.ok(`
  host h1
  container peer
  cable h1 eth0 peer eth0
  seq -f 'netns add c%g' ${crowd} | ip -batch -
  cat > /tmp/lab/config <<'END'\n${JSON.stringify(config)}\nEND
  # A process in each container, by whose eyes the shell sees its interfaces without starting a program.
  for i in $(seq ${crowd}); do
    nsenter --net=/run/netns/c$i -- sleep 100000 > /dev/null 2>&1 < /dev/null &
    echo $! > /tmp/lab/pid.$i
  done
  cat > /tmp/lab/words.sh <<'END'
    plugin() {
      CNI_COMMAND=$1 CNI_CONTAINERID=c$2 CNI_NETNS=/run/netns/c$2 CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni \\
        ${pluginPath} < /tmp/lab/config > /tmp/lab/out.$2 2>&1 || echo "$1 of c$2 failed: $(cat /tmp/lab/out.$2)"
    }
    # has PID LINK: whether the namespace of the process has the link
    has() {
      while read -r _name _rest; do
        [ "$_name" != "$2:" ] || return 0
      done < "/proc/$1/net/dev"
      return 1
    }
    look() {
      has self eth0.77 || echo "c$1 is attached, and there is no parent"
      has "$(cat /tmp/lab/pid.$1)" eth0 || echo "c$1 is attached, and has no interface"
    }
    attachment() {
      plugin ADD $1
      look $1
      plugin DEL $1
      has "$(cat /tmp/lab/pid.$1)" eth0 && echo "c$1 is detached, and has an interface"
    }
    end_of_test() {
      wait
      has self eth0.77 && echo "the parent is there after the last DEL"
      :
    }
END`);

/** Runs a script on the host, with the words above. @returns what went wrong, a line each */
const onHost = (script: string) =>
  lab.ok(`cat > /tmp/lab/script <<'END'\n. /tmp/lab/words.sh\n${script}\nEND\non h1 sh /tmp/lab/script`, {
    timeoutMs: 280_000 + rounds * 60_000,
  });

t.test(
  `${crowd / 2} ADDs beside ${crowd / 2} DELs, ${rounds} times: a last DEL takes nothing from a first ADD`,
  async (t) => {
    const half = crowd / 2;
    const problems = await onHost(`
    swap() {
      for i in $(seq ${half}); do plugin DEL $(($1 + i)) & done
      for i in $(seq ${half}); do { plugin ADD $(($2 + i)); look $(($2 + i)); } & done
      wait
      for i in $(seq ${half}); do look $(($2 + i)); done
    }
    for i in $(seq ${half}); do plugin ADD $i & done
    wait
    for round in $(seq ${rounds}); do
      if [ $((round % 2)) = 1 ]; then swap 0 ${half}; else swap ${half} 0; fi
    done
    for i in $(seq ${half}); do plugin DEL $((${rounds % 2} * ${half} + i)) & done
    end_of_test`);
    t.equal(problems, "");
    await nothingLeft(t, lab);
  },
);

t.test("a few containers come and go, so that the parent does all the time", async (t) => {
  const problems = await onHost(`
    for i in 1 2 3; do
      for cycle in $(seq ${rounds * 3}); do attachment $i; done &
    done
    end_of_test`);
  t.equal(problems, "");
  await nothingLeft(t, lab);
});
