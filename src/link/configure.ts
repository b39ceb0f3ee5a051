import { ErrorCode, PluginError } from "../errors.ts";
import { type Address, formatAddress, formatPrefix, type Prefix } from "../ip/address.ts";
import { addAddress, deleteAddress } from "../netlink/address.ts";
import { type Link, linkQuery, readLink, setNotifying, setUp } from "../netlink/link.ts";
import { addRoute, type RouteOptions } from "../netlink/route.ts";
import { exchange, NetlinkError, type NetlinkSocket } from "../netlink/socket.ts";
import { asking, carryOut, doing, type Settled, type Step } from "../netlink/steps.ts";
import { Errno, errnoName } from "../system/errno.ts";

/** The container's link, as far as it is to be configured. */
export interface NewLink {
  readonly index: number;
  readonly name: string;
}

/** Addresses that others have, so that the container cannot have them. */
export class AddressesInUse extends PluginError {
  readonly addresses: readonly Address[];

  constructor(code: ErrorCode, addresses: readonly Address[], message: string, details = "") {
    super(code, message, details);
    this.addresses = addresses;
  }
}

/** The kernel's refusal because of another interface on the parent; addresses that it took were taken back. */
function refusedByKernel(addresses: readonly Prefix[], ifname: string): AddressesInUse {
  return new AddressesInUse(
    ErrorCode.addressTaken,
    addresses.map(({ address }) => address),
    `address ${addresses.map(formatPrefix).join(", ")} could not be added to ${ifname}: ` +
      "an ipvlan on the same parent has it, of another network with this subnet or made by others",
    `add address: ${errnoName(Errno.EADDRINUSE)}`,
  );
}

/**
 * Gives the link, which is down, its addresses, all or none.
 * @throws AddressesInUse where others on the parent have some of them
 */
export function addAddresses(socket: NetlinkSocket, { index, name }: NewLink, addresses: readonly Prefix[]): void {
  const steps = addresses.map(
    (prefix): Step<NetlinkError | undefined> => ({
      request: () => addAddress(index, prefix),
      settle: (outcome) => (outcome instanceof NetlinkError ? outcome : undefined),
    }),
  );
  const settled = carryOut(socket, steps);
  const failures = steps.map((step) => settled.of(step));
  if (failures.every((failure) => failure === undefined)) return;
  const added = addresses.filter((_, place) => failures[place] === undefined);
  exchange(
    socket,
    added.map((prefix) => deleteAddress(index, prefix)),
  );
  for (const [place, failure] of failures.entries()) {
    if (failure === undefined || failure.errno === Errno.EADDRINUSE) continue;
    const { errno, message } = failure;
    const hint = errno === Errno.EACCES || errno === Errno.EOPNOTSUPP ? ": IPv6 is disabled in the kernel" : "";
    throw new PluginError(
      errno === Errno.EEXIST ? ErrorCode.addressTaken : ErrorCode.kernel,
      `address ${formatPrefix(addresses[place] as Prefix)} could not be added to ${name}${hint}`,
      message,
    );
  }
  throw refusedByKernel(
    addresses.filter((_, place) => failures[place] !== undefined),
    name,
  );
}

/** What the container's interface is in the end. */
export interface Configured {
  readonly link: Link;
  /**
   * The routes that the namespace has now. One whose destination had a route already is left out: the first one wins, since
   * "another network might have already configured the default route" (SPEC.md of 0.4.0, "IP Allocation").
   */
  readonly routes: readonly RouteOptions[];
  /** What the further steps came to. */
  readonly settled: Settled;
}

/**
 * Gives the link its alias, sets it up and adds its routes: one send for all of it, as long as the routes are few. It has its
 * addresses already: the kernel announces to the neighbours those that it has when it is set up. A packet socket of our own
 * would take 5 ms and more to close (packet_release waits for all processors).
 * @param further steps that are carried out behind these
 */
export function setUpLink(
  socket: NetlinkSocket,
  { index, name }: NewLink,
  alias: string,
  routes: readonly RouteOptions[],
  further: readonly Step<unknown>[] = [],
): Configured {
  const notUp = (failure: NetlinkError | undefined) =>
    new PluginError(ErrorCode.kernel, `${name} could not be set up`, failure?.message);
  const description = asking(() => linkQuery(index), readLink, notUp);
  const routing = routes.map((route) => ({
    route,
    step: addingRoute(index, route, (failure) => notRouted(name, route, failure)),
  }));
  const settled = carryOut(socket, [
    doing(() => setNotifying(index, alias), notUp),
    doing(() => setUp(index, name, alias), notUp),
    description,
    ...routing.map(({ step }) => step),
    ...further,
  ]);
  return {
    link: settled.of(description),
    routes: routing.filter(({ step }) => settled.of(step)).map(({ route }) => route),
    settled,
  };
}

/**
 * Adds a route. Settles to whether it did: false where the destination had one.
 * @param explain what another failure means
 */
export function addingRoute(
  index: number,
  route: RouteOptions,
  explain: (failure: NetlinkError) => Error,
): Step<boolean> {
  return {
    request: () => addRoute(index, route),
    settle(outcome) {
      if (!(outcome instanceof NetlinkError)) return true;
      if (outcome.errno === Errno.EEXIST) return false;
      throw explain(outcome);
    },
  };
}

function notRouted(ifname: string, route: RouteOptions, failure: NetlinkError): PluginError {
  const gateway = route.gw === undefined ? "" : ` via ${formatAddress(route.gw)}`;
  return new PluginError(
    ErrorCode.kernel,
    `route ${formatPrefix(route.dst)}${gateway} could not be added to ${ifname}${routeHint(failure, route)}`,
    failure.message,
  );
}

function routeHint({ errno }: NetlinkError, { gw }: RouteOptions): string {
  const unreached: readonly number[] = [Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EINVAL];
  if (gw === undefined || !unreached.includes(errno)) return "";
  return ": the gateway is in no subnet of the container's, and no route out of the device leads to it";
}
