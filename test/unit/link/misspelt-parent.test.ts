import { spawnSync } from "node:child_process";
import t from "tap";
import { executables } from "../../executable/lib/plugin.ts";

/** A host and a container without any link, whose files go with them. */
const script = `
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && mkdir /run/netns && touch /run/netns/c1
unshare --net sh -c 'mount --bind /proc/self/ns/net /run/netns/c1'
for command in ADD DEL; do
  CNI_COMMAND=$command CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/c1 CNI_IFNAME=eth0 CNI_PATH=/ "$0" <<JSON
{ "cniVersion": "1.0.0", "name": "net1", "type": "ipvlan", "master": "$1", "ipam": { "subnets": [{ "subnet": "10.1.0.0/24" }] } }
JSON
done
find /run /var/lib -type f
`;

const unshared = ["--net", "--mount", "--propagation", "private", "sh", "-c"];
const skip =
  spawnSync("unshare", [...unshared, "mount -t tmpfs tmpfs /run"]).status !== 0 && "no namespaces can be made here";

for (const { name, path } of executables) {
  t.test(`${name}: a parent that is misspelt leaves nothing on disk, no lock either`, { skip }, async (t) => {
    for (const parent of ["eht0", "eht0.10"]) {
      const { stdout } = spawnSync("unshare", [...unshared, script, path, parent], { encoding: "utf8" });
      const end = stdout.lastIndexOf("}") + 1;
      t.match(JSON.parse(stdout.slice(0, end)), { code: 100, msg: `parent ${parent} does not exist` });
      t.equal(stdout.slice(end).trim(), "/run/netns/c1", "of all files only the namespace's is left");
    }
  });
}
