// In a network namespace of its own: src/netlink with the real kernel, of which veth is asked and no ipvlan.
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import {
  type Address,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
  toBytes,
} from "../../../../src/ip/address.ts";
import { addAddress, allAddresses } from "../../../../src/netlink/address.ts";
import {
  type Attribute,
  bytesAttribute,
  nestAttribute,
  readAttributes,
  readU32,
  stringAttribute,
  u32Attribute,
  writeAttributes,
} from "../../../../src/netlink/attributes.ts";
import * as k from "../../../../src/netlink/constants.ts";
import {
  allLinks,
  deleteLink,
  type Link,
  linkByIndex,
  linkByName,
  linkQuery,
  linkStandingOn,
  linksOn,
  readLink,
  setAliasByIndex,
  setUp,
} from "../../../../src/netlink/link.ts";
import type { Request } from "../../../../src/netlink/message.ts";
import { addRoute, allRoutes, type RouteOptions } from "../../../../src/netlink/route.ts";
import {
  closeNetlink,
  dump,
  exchange,
  execute,
  NetlinkError,
  openNetlink,
  transact,
} from "../../../../src/netlink/socket.ts";
import { Errno, errnoName } from "../../../../src/system/errno.ts";
import { check } from "../../system/lib/cases.ts";

const CREATE = k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE | k.NLM_F_EXCL;
const socket = openNetlink();

const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const gw = (text: string): RouteOptions["gw"] => parseAddress(text);
const linkOf = (name: string): Link => linkByName(socket, name) as Link;
const proc = (name: string): string => readFileSync(`/proc/net/${name}`, "utf8");
const procLinks = (): string[] => [...proc("dev").matchAll(/^ *([^ :]+):/gm)].map(([, name]) => name as string).sort();
const names = (links: readonly Link[]): string[] => links.map(({ name }) => name).sort();
/** An outcome of transact, readable. */
const shown = (error: NetlinkError | undefined): string => error?.message ?? "done";

/** A link of a kind that src/ has no use for. */
function create(name: string, kind: string, more: readonly Attribute[] = []): Request {
  const attributes = [
    stringAttribute(k.IFLA_IFNAME, name),
    nestAttribute(k.IFLA_LINKINFO, [stringAttribute(k.IFLA_INFO_KIND, kind)]),
    ...more,
  ];
  return { type: k.RTM_NEWLINK, flags: CREATE, header: new Uint8Array(16), attributes, what: `create ${kind} ${name}` };
}

// Links

check("allLinks has what /proc/net/dev has", () => names(allLinks(socket)), procLinks());
check(
  "linkByName of no link is undefined, linkByIndex too",
  () => [linkByName(socket, "none"), linkByIndex(socket, 4711)],
  [undefined, undefined],
);
check(
  "lo is a loopback device and down",
  () => [linkOf("lo").index, linkOf("lo").flags & (k.IFF_LOOPBACK | k.IFF_UP)],
  [1, k.IFF_LOOPBACK],
);

execute(socket, [create("left", "veth", [u32Attribute(k.IFLA_MTU, 1400)])]);
const left = linkOf("left");
const right = allLinks(socket).find(({ index, lower }) => lower === left.index && index !== left.index) as Link;
check(
  "a link has kind, MTU, its lower device and no alias",
  () => {
    const { kind, mtu, lower, alias, controller, ipvlan, vlanId } = left;
    return { kind, mtu, lower, alias, controller, ipvlan, vlanId };
  },
  {
    kind: "veth",
    mtu: 1400,
    lower: right.index,
    alias: "",
    controller: undefined,
    ipvlan: undefined,
    vlanId: undefined,
  },
);
check("linkByIndex finds what linkByName finds", () => linkByIndex(socket, left.index), left);
check("setUp sets a link up and gives it its alias, others are left alone", () => {
  execute(socket, [setUp(left.index, "left", "somebody's")]);
  const { flags, alias } = linkOf("left");
  return [flags & k.IFF_UP, alias, linkOf(right.name).flags & k.IFF_UP];
}, [k.IFF_UP, "somebody's", 0]);
check("setUp of an index leaves the link its name, whatever the name given", () => {
  execute(socket, [setUp(right.index, "other", "")]);
  return [linkByIndex(socket, right.index)?.name, linkByName(socket, "other")];
}, [right.name, undefined]);
check("exchange answers requests and questions, in their order", () => {
  const missing = 999_999;
  const [created, there, none] = exchange(socket, [
    create("before", "veth"),
    linkQuery(left.index),
    linkQuery(missing),
  ]);
  return [created, readLink(there as Uint8Array).name, (none as NetlinkError).errno];
}, [undefined, "left", Errno.ENODEV]);
check("setAliasByIndex gives an alias of any length, and nothing else", () => {
  const { flags } = linkOf(right.name);
  execute(socket, [setAliasByIndex(right.index, "x".repeat(255))]);
  const after = linkOf(right.name);
  return [after.alias.length, after.flags === flags];
}, [255, true]);
check("the hardware address is the one that the runtime sees", () => hex(left.address), readHardware("left"));

function readHardware(name: string): string {
  execute(socket, [addAddress(linkOf(name).index, prefix("192.0.2.1/32"))]);
  // Without Node nobody else is there to ask: what it says stands in Node's cases alone.
  if (networkInterfaces() === undefined) return hex(linkOf(name).address);
  return networkInterfaces()[name]?.[0]?.mac.replaceAll(":", "") ?? "none";
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const bridged = transact(socket, [create("bridge0", "bridge")])[0];
if (bridged?.errno !== Errno.EOPNOTSUPP) {
  check("a bridge's port has its controller and what it is a port of", () => {
    const bridge = linkOf("bridge0");
    const attributes = [stringAttribute(k.IFLA_IFNAME, "before"), u32Attribute(k.IFLA_MASTER, bridge.index)];
    const flags = k.NLM_F_REQUEST | k.NLM_F_ACK;
    execute(socket, [{ type: k.RTM_NEWLINK, flags, header: new Uint8Array(16), attributes, what: "join" }]);
    const { controller, portKind, kind } = linkOf("before");
    return [controller === bridge.index, portKind, kind, bridge.kind];
  }, [true, "bridge", "veth", "bridge"]);
}

// Addresses

const given = ["10.1.2.3/24", "10.1.3.1/31", "10.1.4.1/32", "2001:db8:1::1/64", "2001:db8:2::1/128"].map(prefix);
check(
  "addAddress adds addresses of both families and every length in one send",
  () =>
    transact(
      socket,
      given.map((prefix) => addAddress(left.index, prefix)),
    ).map(shown),
  given.map(() => "done"),
);
check("allAddresses has them all, with their links", () => {
  const found = allAddresses(socket).filter(({ index }) => index === left.index);
  const missing = given.filter((one) => !found.some(({ prefix }) => formatPrefix(prefix) === formatPrefix(one)));
  return missing.map(formatPrefix);
}, []);
check(
  "allAddresses has what the runtime sees of both families",
  () => {
    const ours = allAddresses(socket)
      .filter(({ index }) => index === left.index)
      .map(({ prefix }) => formatPrefix(prefix));
    const theirs = networkInterfaces() === undefined ? ours : (networkInterfaces().left ?? []).map(({ cidr }) => cidr);
    return JSON.stringify(ours.sort()) === JSON.stringify(theirs.sort()) || { ours, theirs };
  },
  true,
);
check(
  "an IPv6 address answers at once: it is permanent and not tentative",
  () => {
    const IFA_F_TENTATIVE = 0x40;
    const [one] = allAddresses(socket).filter(({ prefix }) => formatAddress(prefix.address) === "2001:db8:1::1");
    return (one?.flags ?? 0) & (IFA_F_TENTATIVE | k.IFA_F_PERMANENT | k.IFA_F_NODAD);
  },
  k.IFA_F_PERMANENT | k.IFA_F_NODAD,
);

// Routes

const routes: RouteOptions[] = [
  { dst: prefix("0.0.0.0/0"), gw: gw("10.1.2.254") },
  { dst: prefix("172.16.0.0/12"), gw: gw("10.1.2.253"), priority: 77, mtu: 1300, advmss: 1200 },
  { dst: prefix("172.16.1.0/24") },
  { dst: prefix("172.16.2.0/24"), table: 200 },
  { dst: prefix("172.16.3.0/24"), table: 100_000, priority: 0xffff_fff0 },
  { dst: prefix("::/0"), gw: gw("2001:db8:1::fe") },
  { dst: prefix("2001:db8:3::/48"), gw: gw("2001:db8:1::fd"), priority: 77, mtu: 1300, advmss: 1200 },
  { dst: prefix("2001:db8:4::/64"), table: 100_000 },
];
check(
  "addRoute adds routes of both families with every option",
  () =>
    transact(
      socket,
      routes.map((route) => addRoute(left.index, route)),
    ).map(shown),
  routes.map(() => "done"),
);
check("allRoutes has each of them with what it was given", () => {
  const all = [...allRoutes(socket, 4), ...allRoutes(socket, 6)];
  return routes.map(({ dst }) => {
    const [route] = all.filter(
      (route) => formatPrefix(route.dst) === formatPrefix(dst) && route.interfaces[0] === left.index,
    );
    return (
      route && [
        formatPrefix(dst),
        route.gw && formatAddress(route.gw),
        route.table,
        route.priority,
        route.scope,
        route.type,
      ]
    );
  });
}, [
  ["0.0.0.0/0", "10.1.2.254", 254, 0, k.RT_SCOPE_UNIVERSE, k.RTN_UNICAST],
  ["172.16.0.0/12", "10.1.2.253", 254, 77, k.RT_SCOPE_UNIVERSE, k.RTN_UNICAST],
  ["172.16.1.0/24", undefined, 254, 0, k.RT_SCOPE_LINK, k.RTN_UNICAST],
  ["172.16.2.0/24", undefined, 200, 0, k.RT_SCOPE_LINK, k.RTN_UNICAST],
  ["172.16.3.0/24", undefined, 100_000, 0xffff_fff0, k.RT_SCOPE_LINK, k.RTN_UNICAST],
  // 1024 is what the kernel takes for IPv6 routes without a priority (IP6_RT_PRIO_USER).
  ["::/0", "2001:db8:1::fe", 254, 1024, k.RT_SCOPE_UNIVERSE, k.RTN_UNICAST],
  ["2001:db8:3::/48", "2001:db8:1::fd", 254, 77, k.RT_SCOPE_UNIVERSE, k.RTN_UNICAST],
  ["2001:db8:4::/64", undefined, 100_000, 1024, k.RT_SCOPE_UNIVERSE, k.RTN_UNICAST],
]);
check(
  "/proc/net/route has the IPv4 route with gateway and metric",
  () => {
    return /^left\t000010AC\tFD02010A\t0003\t\d+\t\d+\t77\t0000F0FF\t/m.test(proc("route"));
  },
  true,
);
check(
  "/proc/net/ipv6_route has the IPv6 route with gateway and metric",
  () => {
    return /^20010db8000300000000000000000000 30 0{32} 00 20010db80001000000000000000000fd 0000004d .* left$/m.test(
      proc("ipv6_route"),
    );
  },
  true,
);
check("the kernel took MTU and advertised MSS", () => {
  return ([4, 6] as const).map((family) => {
    const header = new Uint8Array(12);
    header[0] = family === 4 ? k.AF_INET : k.AF_INET6;
    const request = { type: k.RTM_GETROUTE, flags: k.NLM_F_REQUEST, header, attributes: [], what: "list" };
    const metrics = dump(socket, request)
      .map((payload) => readAttributes(payload, 12))
      .find((attributes) => readU32(attributes.get(k.RTA_PRIORITY)) === 77)
      ?.get(k.RTA_METRICS);
    const values = metrics && readAttributes(metrics);
    return [readU32(values?.get(k.RTAX_MTU)), readU32(values?.get(k.RTAX_ADVMSS))];
  });
}, [
  [1300, 1200],
  [1300, 1200],
]);
check(
  "a route over several interfaces has them all",
  () => {
    execute(socket, [addAddress(right.index, prefix("2001:db8:9::1/64"))]);
    const hops = [nextHop(left.index, "2001:db8:1::fc"), nextHop(right.index, "2001:db8:9::fc")];
    const multipath = bytesAttribute(k.RTA_MULTIPATH, Uint8Array.from(hops.flatMap((hop) => [...hop])));
    const route = addRoute(left.index, { dst: prefix("2001:db8:5::/48") });
    const attributes = [...route.attributes.filter(({ type }) => type !== k.RTA_OIF), multipath];
    execute(socket, [{ ...route, attributes }]);
    const found = allRoutes(socket, 6).find(({ dst }) => formatPrefix(dst) === "2001:db8:5::/48");
    return found?.interfaces.toSorted((a, b) => a - b);
  },
  [left.index, right.index].sort((a, b) => a - b),
);

/** struct rtnexthop with a gateway. */
function nextHop(index: number, gateway: string): Uint8Array {
  const hop = new Uint8Array(28);
  const view = new DataView(hop.buffer);
  view.setUint16(0, 28, true);
  view.setInt32(4, index, true);
  writeAttributes(hop, 8, [bytesAttribute(k.RTA_GATEWAY, toBytes(parseAddress(gateway) as Address))]);
  return hop;
}

// Failures

check("transact says which of several failed, and those behind it took effect", () => {
  const outcomes = transact(socket, [
    addAddress(left.index, prefix("10.9.0.1/32")),
    addAddress(left.index, prefix("10.1.2.3/24")),
    addRoute(left.index, { dst: prefix("10.10.0.0/16"), gw: gw("192.0.2.77") }),
    deleteLink(4711, "none"),
    addAddress(left.index, prefix("10.9.0.2/32")),
  ]);
  const added = allAddresses(socket)
    .map(({ prefix }) => formatPrefix(prefix))
    .filter((text) => text.startsWith("10.9."));
  return [outcomes.map((error) => error && [error.what, errnoName(error.errno)]), added.sort()];
}, [
  [undefined, ["add address", "EEXIST"], ["add route", "ENETUNREACH"], ["delete none", "ENODEV"], undefined],
  ["10.9.0.1/32", "10.9.0.2/32"],
]);

/** What the error says, once what differs from kernel to kernel, the sentence, is taken out and looked at by itself. */
function failure(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    const { what, errno, reason, message } = error as NetlinkError;
    if (!(error instanceof NetlinkError)) return error;
    return {
      what,
      errno: errnoName(errno),
      sentence: reason.length > 0 && message === `${what}: ${errnoName(errno)} (${reason})`,
    };
  }
}
check("an error has the kernel's sentence", () => failure(() => execute(socket, [create("x", "no such kind")])), {
  what: "create no such kind x",
  errno: "EOPNOTSUPP",
  sentence: true,
});
const tooLong = "x".repeat(128);
check("a question's error has the kernel's sentence", () => failure(() => linkByName(socket, tooLong)), {
  what: `look up ${tooLong}`,
  errno: "ERANGE",
  sentence: true,
});
check(
  "a name that only an alternative name can be is looked up as one",
  () => linkByName(socket, "y".repeat(127)),
  undefined,
);
check(
  "a list that the kernel refuses at its end is an error with the kernel's sentence",
  () => {
    const IFLA_TARGET_NETNSID = 46;
    const attributes = [u32Attribute(IFLA_TARGET_NETNSID, 4711)];
    return failure(() =>
      dump(socket, {
        type: k.RTM_GETLINK,
        flags: k.NLM_F_REQUEST,
        header: new Uint8Array(16),
        attributes,
        what: "list",
      }),
    );
  },
  { what: "list", errno: "EINVAL", sentence: true },
);
check(
  "an attribute that is refused leaves the socket in order",
  () => [linkOf("left").index, linkByName(socket, "none")],
  [left.index, undefined],
);

// Many

check("a send of very many requests is answered in full", () => {
  const pairs = Array.from({ length: 60 }, (_, i) => create(`many${i}`, "veth"));
  return transact(socket, pairs)
    .filter((error) => error !== undefined)
    .map(shown);
}, []);
check("a list of more links than one receive holds is whole", () => {
  const ours = names(allLinks(socket));
  return [ours.length > 120, JSON.stringify(ours) === JSON.stringify(procLinks())];
}, [true, true]);
check("linksOn finds none of a kind that is not there", () => linksOn(socket, left.index, "ipvlan"), []);
check(
  "linkStandingOn finds a veth's other end, which names it as its link, and the next list is told all the same",
  () => [
    linkStandingOn(socket, left.index)?.name,
    linkStandingOn(socket, left.index)?.name,
    allLinks(socket).length > 120,
  ],
  [right.name, right.name, true],
);
check("deleteLink deletes the link, and a veth's other end goes with it", () => {
  execute(socket, [deleteLink(left.index, "left")]);
  return [linkByName(socket, "left"), linkByName(socket, right.name)];
}, [undefined, undefined]);
closeNetlink(socket);
