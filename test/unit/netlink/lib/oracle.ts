// What the npm package `netlink` makes of our bytes, and its bytes for ours: somebody else's reading of the kernel's headers.
import netlink from "netlink";

const { rt, ifla } = netlink;

export const { MessageType } = rt;
export const { Flags, FlagsAck, FlagsGet, FlagsNew } = netlink;
/** Netlink's own message types, those below 16. */
export const { MessageType: ControlType } = netlink;

export interface OracleMessage {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly port: number;
  readonly data: Buffer;
}

/** The messages in one send(2) or recv(2). */
export function parseMessages(bytes: Uint8Array): OracleMessage[] {
  return netlink.parseMessages(Buffer.from(bytes));
}

/** Messages one behind another, each padded to 4 bytes. */
export function formatMessages(
  messages: readonly { type: number; flags?: number; seq?: number; data: Uint8Array }[],
): Buffer {
  const parts = messages.flatMap(({ type, flags = 0, seq = 0, data }) => {
    const padding = new Uint8Array(netlink.padding(data.length));
    return [...netlink.formatMessage({ type, flags, seq, port: 0, data }), padding];
  });
  return Buffer.concat(parts);
}

type Format<T> = (object: T, out: InstanceType<typeof netlink.AttrStream>) => void;

/** The bytes that a format function of the oracle writes. */
export function format<T>(write: Format<T>, object: T): Buffer {
  const out = new netlink.AttrStream();
  write(object, out);
  return Buffer.concat(out.bufs);
}

const u16 = netlink.getU16;
const u32 = netlink.getU32;

/** Types of the attributes behind a header of that length, as often as they occur. */
export function attributeTypes(data: Buffer, header: number): number[] {
  const types: number[] = [];
  netlink.parseAttributes(data.subarray(header), ({ type }) => types.push(type));
  return types;
}

/** Whether every attribute is marked as a nest or not as the kernel wants it (NLA_F_NESTED). */
export function nests(data: Buffer, header: number): number[] {
  const types: number[] = [];
  netlink.parseAttributes(data.subarray(header), ({ type, nested }) => {
    if (nested) types.push(type);
  });
  return types;
}

/** An attribute's bytes. */
export function attribute(data: Buffer, header: number, type: number): Buffer | undefined {
  return netlink.getMap(data.subarray(header), (bytes) => bytes).get(type);
}

/** A link message: the header's fields, and the attributes with the nests taken apart. */
export function parseLink(data: Buffer): Record<string, unknown> {
  const { data: header, attrs } = rt.parseLinkMessage(data);
  const { link, linkinfo, ...rest } = attrs;
  const { family, type, index, flags, change } = header;
  return {
    header: { family, type, index, flags, change },
    ...rest,
    ...(link === undefined ? {} : { link: u32(link) }),
    ...(linkinfo === undefined ? {} : { linkinfo: parseInfo(linkinfo) }),
  };
}

function parseInfo(linkinfo: Buffer): Record<string, unknown> {
  const { kind, data, ...rest } = ifla.parseInfo(linkinfo);
  if (data === undefined) return { kind, ...rest };
  if (kind === "vlan") return { kind, data: ifla.parseVlan(data), ...rest };
  const { mode, flags } = ifla.parseIpvlan(data);
  return { kind, data: { mode, flags: flags === undefined ? undefined : u16(flags) }, ...rest };
}

export function parseAddress(data: Buffer): Record<string, unknown> {
  const { data: header, attrs } = rt.parseAddressMessage(data);
  const { address, local, broadcast, ...rest } = attrs;
  return { header, address: hex(address), local: hex(local), broadcast: hex(broadcast), ...rest };
}

export function parseRoute(data: Buffer): Record<string, unknown> {
  const { data: header, attrs } = rt.parseRouteMessage(data);
  const { dst, gateway, metrics, ...rest } = attrs;
  const { mtu, advmss, ...unexpected } = metrics ?? {};
  return {
    header,
    dst: hex(dst),
    gateway: hex(gateway),
    mtu: mtu === undefined ? undefined : u32(mtu),
    advmss: advmss === undefined ? undefined : u32(advmss),
    ...unexpected,
    ...rest,
  };
}

export function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}
