/** Protocol Buffers (proto3), as much of them as the CRI's messages need: a message is put together from kinds of fields. */

/** How values of one kind stand in a message. */
export interface Kind<T> {
  /** 0: a number; 2: bytes with their length before them. */
  readonly wire: 0 | 2;
  /** What a field holds that is not in the message. */
  readonly absent: T;
  encode(value: T): number | Buffer;
  decode(raw: number | Buffer): T;
  /** The field's value comes several times. */
  readonly many?: true;
}

export type ValueOf<K> = K extends Kind<infer T> ? T : never;

export const uint: Kind<number> = { wire: 0, absent: 0, encode: (value) => value, decode: (raw) => raw as number };
export const bool: Kind<boolean> = { wire: 0, absent: false, encode: Number, decode: Boolean };
export const string: Kind<string> = { wire: 2, absent: "", encode: (value) => Buffer.from(value), decode: String };

/** `repeated`, for kinds of wire type 2. */
export const list = <T>({ wire, encode, decode }: Kind<T>): Kind<T[]> => ({
  wire,
  absent: [],
  many: true,
  // Of one of them.
  encode: encode as unknown as Kind<T[]>["encode"],
  decode: decode as unknown as Kind<T[]>["decode"],
});

// biome-ignore lint/suspicious/noExplicitAny: fields of all kinds
type Fields = Readonly<Record<string, readonly [number: number, kind: Kind<any>]>>;
type Message<F extends Fields> = { [K in keyof F]: ValueOf<F[K][1]> };

export interface MessageKind<T> extends Kind<Partial<T>> {
  encode(value: Partial<T>): Buffer;
  /** With every field, absent ones as proto3 has them. */
  decode(raw: number | Buffer): T;
}

/** A message: each field's number and kind. */
export function message<const F extends Fields>(fields: F): MessageKind<Message<F>> {
  const entries: [name: keyof F & string, field: Fields[string]][] = Object.entries(fields);
  return {
    wire: 2,
    absent: {},
    encode(value) {
      const parts: Buffer[] = [];
      for (const [name, [number, kind]] of entries) {
        const held = value[name];
        if (held === undefined) continue;
        for (const one of kind.many ? (held as unknown[]) : [held]) {
          const raw = kind.encode(one);
          parts.push(varint(number * 8 + kind.wire));
          if (typeof raw === "number") parts.push(varint(raw));
          else parts.push(varint(raw.length), raw);
        }
      }
      return Buffer.concat(parts);
    },
    decode(raw) {
      const value = Object.fromEntries(entries.map(([name, [, kind]]) => [name, kind.many ? [] : kind.absent]));
      for (const [number, held] of fieldsOf(raw as Buffer)) {
        const entry = entries.find(([, [known]]) => known === number);
        if (entry === undefined) continue;
        const [name, [, kind]] = entry;
        if (kind.many) value[name].push(kind.decode(held));
        else value[name] = kind.decode(held);
      }
      return value as Message<F>;
    },
  };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function* fieldsOf(bytes: Buffer): Generator<[number: number, raw: number | Buffer]> {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes.readUInt8(at++);
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = number();
    const wire = key % 8;
    const raw = wire === 0 ? number() : take(wire === 2 ? number() : wire === 1 ? 8 : 4);
    yield [Math.floor(key / 8), raw];
  }
}
