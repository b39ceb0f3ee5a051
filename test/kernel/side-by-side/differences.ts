/**
 * What this plugin does differently from the reference plugin on purpose. Any other difference fails side-by-side.test.ts, and
 * so does one of these that no longer shows. docs/reference-plugin.md has this list as its table: test/unit/readme.test.ts compares both.
 */
import { isAtLeast } from "../../../src/cni/versions.ts";
import { referenceVersion } from "../../machine/reference-plugins.ts";
import type { Finding, Observation } from "./observe.ts";

export interface Difference {
  readonly reference: string;
  readonly here: string;
  readonly why: string;
  readonly covers: (finding: Finding, ours: Observation, theirs: Observation) => boolean;
}

const isNothing = (value: unknown): boolean => value === undefined || value === "{}";
const onlyOurs = ({ ours, theirs }: Finding): boolean => ours !== undefined && isNothing(theirs);
const onlyTheirs = ({ ours, theirs }: Finding): boolean => isNothing(ours) && theirs !== undefined;
const bothFail = (command: string, ours: Observation, theirs: Observation): boolean =>
  ours.get(`${command}.exit`) === 1 && theirs.get(`${command}.exit`) === 1;

/** The mode, parent and so on of the configuration that was compared. */
function configOf({ run: { configuration, version } }: Finding): { mode?: string } {
  return typeof configuration.config === "function" ? configuration.config(version) : configuration.config;
}

const isRouted = (finding: Finding): boolean => /^l3s?$/.test(configOf(finding).mode ?? "");
const isChained = ({ run }: Finding): boolean => run.configuration.name.startsWith("chained");
/** All that follows in these configurations from the difference. */
const inConfigurations =
  (...names: string[]) =>
  ({ run }: Finding): boolean =>
    names.includes(run.configuration.name);

export const differences: readonly Difference[] = [
  {
    reference: "An error has code 999, but for those of libcni and of an IPAM plugin, and no `cniVersion`.",
    here: "It has the [code](errors.md) of its kind, and the caller's version.",
    why: "SPEC.md, section 5.",
    covers: ({ place }, ours, theirs) => {
      const [, command] = /^(\w+)\.error\.(cniVersion|code|msg|details)$/.exec(place) ?? [];
      return command !== undefined && bothFail(command, ours, theirs);
    },
  },
  {
    reference: "A failed ADD leaves the interface, sometimes under a name like `veth12ab34cd`, or a reservation.",
    here: "It leaves nothing.",
    why: "Runtimes try again, and would find the name or the address taken.",
    covers: (finding, ours, theirs) =>
      /^(after )?(links|reservations)\[/.test(finding.place) && onlyTheirs(finding) && bothFail("add", ours, theirs),
  },
  {
    reference: "DEL fails where the configuration or its IPAM cannot be read in full.",
    here: "It takes away what it finds.",
    why: "SPEC.md, section 2, DEL: best effort.",
    covers: (finding, ours, theirs) =>
      /^del\./.test(finding.place) && ours.get("del.exit") === 0 && theirs.get("del.exit") === 1,
  },
  {
    reference: "DEL deletes whatever link has the interface's name.",
    here: "It deletes the container's own: the ipvlan that ADD recorded by index, parent and namespace, whatever became of its name and alias.",
    why: "Paths of namespaces are used again; another plugin's or container's interface must stay.",
    covers: (finding) =>
      finding.place === "link.ifalias" ||
      (inConfigurations("the interface's name is taken")(finding) && finding.place === "after links[eth0]"),
  },
  {
    reference:
      "CHECK fails without `master`, with an address that is a subnet of its own (/32), and with routes in other tables.",
    here: "It succeeds where all is as ADD left it.",
    why: "SPEC.md, section 2, CHECK.",
    covers: (finding, ours, theirs) =>
      /^check\./.test(finding.place) && ours.get("check.exit") === 0 && theirs.get("check.exit") === 1,
  },
  {
    reference: "Keys in another case are read, and misspelt ones passed over, in silence.",
    here: "A warning on stderr says so; as it does where a network is isolated or a route is corrected.",
    why: "A slip of the pen should not cost an evening.",
    covers: ({ place, ours, theirs }) =>
      place.endsWith(".stderr") && theirs === "" && /^(ipvlan: warning: .*(\n|$))+$/.test(String(ours)),
  },
  {
    reference: "A misspelt key, `vlanId` for one, is passed over where it decides where the container is attached.",
    here: "It is an error that says what was probably meant.",
    why: "The container would come up on another network.",
    covers: inConfigurations("a misspelt vlan"),
  },
  {
    reference:
      "An interface name with `%d` gets a number from the kernel, which the result does not tell and DEL does not find.",
    here: "It is refused.",
    why: "Nobody would take that interface away.",
    covers: inConfigurations("the interface's name is a pattern of the kernel's"),
  },
  {
    reference: "Without `master` the parent is the link of the host's default route.",
    here: 'The network is isolated, on a dummy link, unless it is chained. `"master": {"defaultRoute": "ipv4"}` is the reference\'s, and so is the empty `"master": ""` that Podman writes.',
    why: "Docker's rule.",
    covers: inConfigurations("no master"),
  },
  {
    reference: "Another mode than the parent's containers have is set for all of them.",
    here: "It is refused, and the error names one that has the other mode.",
    why: "They would lose their connections.",
    covers: inConfigurations("master has an ipvlan of another mode"),
  },
  {
    reference: "A parent that is down is used.",
    here: "It is refused.",
    why: "Nothing would arrive.",
    covers: inConfigurations("master is down"),
  },
  {
    reference: "`mtu` may be larger than the parent's.",
    here: "It is refused.",
    why: "Larger packets would be lost.",
    covers: inConfigurations("mtu is larger than the parent's"),
  },
  {
    reference: "In L3 and L3S, routes lead via gateways, and there is no default route unless the IPAM names one.",
    here: 'All routes lead out of the device, each family has a default one unless `"routes": []` says that there is none, and the result names no gateway.',
    why: "There is no ARP in these modes: Docker's rule.",
    covers: (finding) =>
      isRouted(finding) &&
      /^add\.result\.(ip[46]\.|ips\[\d\]\.)gateway|^add\.result\.(ip[46]\.)?routes\[|^routes\[(main|\d+) /.test(
        finding.place,
      ),
  },
  {
    reference: "A route of the result names the next hop that the IPAM did, or none.",
    here: "It names the one that the kernel has: the subnet's gateway where the IPAM named none, and none for `0.0.0.0` and `::`.",
    why: "The result tells what was done.",
    covers: (finding) =>
      /^add\.result\.(ip[46]\.)?routes\[\d\]\.gw$/.test(finding.place) &&
      (onlyOurs(finding) || (finding.ours === undefined && /^(0\.0\.0\.0|::)$/.test(String(finding.theirs)))),
  },
  {
    reference: "A route without a next hop has the scope global.",
    here: "It has the scope link, as with iproute2.",
    why: "The kernel takes no gateway that is reached by a route of scope global.",
    covers: ({ place, ours, theirs }) =>
      /^routes\[main [^v]*\]\.scope$/.test(place) && ours === "link" && theirs === "global",
  },
  {
    reference: "A range may hold the subnet's network and broadcast address, and containers get them.",
    here: "They are no container's; a range of nothing else is refused.",
    why: "They are of all hosts: nobody could answer.",
    covers: inConfigurations(
      "l2, a range from the network's own address to the broadcast address",
      "l2, a range of the broadcast address alone",
    ),
  },
  {
    reference: "A gateway outside of the subnet is refused, or its route is.",
    here: "It is used where a route out of the device leads to it, or where it is a router's link-local address.",
    why: "Hosting providers have such gateways.",
    covers: inConfigurations(
      "l2, a gateway outside of the subnet, with a device route to it",
      "l2, a link-local gateway of the subnet",
      "static, a gateway outside of the subnet, with a device route to it",
    ),
  },
  {
    reference: "A route is added beside one of the same destination, and wins where both are IPv4.",
    here: "The first one wins; the result leaves the other out.",
    why: "A container's second network must not take the first one's default route (SPEC.md of 0.4.0, IP allocation).",
    covers: inConfigurations(
      "a route that the kernel has already",
      "a default route that another network brought",
      "two routes to one destination",
    ),
  },
  {
    reference: "A destination with host bits is refused by the kernel.",
    here: "They are taken off, with a warning.",
    why: "What is meant is clear.",
    covers: inConfigurations("a route with host bits"),
  },
  {
    reference: "`mtu` and `advmss` of a route do nothing.",
    here: "The kernel's route has them.",
    why: "SPEC.md 1.1.0, section 5.",
    covers: (finding) => /^routes\[.*\]\.metrics\[0\]\.(mtu|advmss)$/.test(finding.place) && onlyOurs(finding),
  },
  {
    reference: "A result before 1.1.0 has the keys that routes got with 1.1.0.",
    here: "It has the keys of its version.",
    why: "SPEC.md of that version.",
    covers: (finding) =>
      !isAtLeast(finding.run.version, "1.1.0") &&
      /^add\.result\.routes\[\d\]\.(mtu|advmss|priority|table|scope)$/.test(finding.place) &&
      onlyTheirs(finding),
  },
  {
    reference: "The result's interface has no `mtu`.",
    here: "It has, from 1.1.0.",
    why: "SPEC.md 1.1.0, section 5.",
    covers: (finding) => /^add\.result\.interfaces\[\d\]\.mtu$/.test(finding.place) && onlyOurs(finding),
  },
  {
    reference: "`dns` of the IPAM or of the chain is dropped.",
    here: "It is in the result, unless the configuration has a `dns`.",
    why: "SPEC.md up to 0.4.0: it is what the IPAM returned; section 5: `prevResult` stays.",
    covers: (finding) =>
      /^add\.result\.dns($|\.)/.test(finding.place) && (onlyOurs(finding) || finding.theirs === "{}"),
  },
  {
    reference: "In a chain the result names the own interface alone, as if the others were not there.",
    here: "What was in `prevResult` stays in it; `interface` of an address is the index in that longer list.",
    why: "SPEC.md, section 5: a plugin must output `prevResult` with its modifications.",
    covers: (finding) => isChained(finding) && /^add\.result\.(interfaces|ips|routes)\[/.test(finding.place),
  },
  {
    reference: "IPv6 addresses go through duplicate address detection; ADD waits for it where there is a gateway.",
    here: "They are added with `nodad`, and answer at once.",
    why: "The IPAM sees to it that they are unique.",
    covers: ({ place, ours, theirs }) =>
      (/^addresses\[[\da-f:]+\/\d+\]\.nodad$/.test(place) && ours === true) ||
      (/^addresses\[[\da-f:]+\/\d+\]\.tentative$/.test(place) && theirs === true) ||
      // There once the address is no longer tentative.
      (/^routes\[local [\da-f:]+\]/.test(place) && theirs === undefined),
  },
  {
    reference: "The interface's index is the namespace's next.",
    here: "It is one that hardly any link has, 2^20 and more.",
    why: "The kernel then gives the interface its name at once, even where the host has a link of that name.",
    covers: ({ place, ours }) => place === "link.ifindex" && Number(ours) >= 2 ** 20,
  },
  {
    reference: "`ndisc_notify` is set for every interface.",
    here: "For those with an IPv6 address.",
    why: "Others have nothing to announce.",
    covers: ({ place, ours, theirs }) =>
      place === "sysctl[ipv6/conf/IFNAME/ndisc_notify]" && ours === "0" && theirs === "1",
  },
];

/** What the reference plugin of Debian lacks besides; it stands in where the newest cannot be had. */
export const packagedDifferences: readonly Difference["covers"][] = [
  ({ place }) => /^link\.txqlen$|^sysctl\[ipv6\/conf\/IFNAME\/(keep_addr_on_down|ndisc_notify)\]$/.test(place),
  // Its order of keys.
  ({ place }) => place === "add.form",
  inConfigurations(
    "linkInContainer",
    "linkInContainer without master",
    "routes with priority, table, scope, mtu and advmss",
  ),
];

/** The table of docs/reference-plugin.md. */
export function differenceTable(): string {
  const rows = differences.map(({ reference, here, why }) => `| ${reference} | ${here} | ${why} |`);
  return [`| The reference plugin ${referenceVersion} | Here | Why |`, "|---|---|---|", ...rows].join("\n");
}
