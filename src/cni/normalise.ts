import { describe, isObject, placeOf, token } from "./json.ts";

/** What a schema knows of a value: made from the schemas by `npm run generate`, so that keys are named in one place. */
export interface Keys {
  /** The keys of an object. */
  readonly keys?: { readonly [key: string]: Keys };
  /** More keys, by the object's `type`; "" is that of no type. */
  readonly cases?: { readonly [type: string]: Keys };
  /** The values of an object whose keys are anybody's. */
  readonly values?: Keys;
  /** The items of a list. */
  readonly items?: Keys;
  /** null means something here. */
  readonly keepsNull?: true;
}

type Warn = (message: string) => void;

/**
 * A value of JSON as programs in Go read it, which is what runtimes and most plugins are: another case of a known key is that key,
 * and null is as good as absent. What the schema does not know stays as it is.
 *
 * @param pointer where the value stands, for warnings
 * @param warn is told of each key that is not written as the schema has it, and of each null in a list
 */
export function normalise(value: unknown, known: Keys, pointer: string, warn: Warn): unknown {
  if (Array.isArray(value)) return known.items === undefined ? value : normaliseList(value, known.items, pointer, warn);
  if (!isObject(value)) return value;
  const { keys, cases, values } = known;
  if (keys === undefined && cases === undefined && values === undefined) return value;
  const find = finder({ ...keys, ...ownValue(cases ?? {}, typeOf(value))?.keys });
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    const [name, inner] = find(key) ?? [key, values ?? {}];
    if (item === null && !inner.keepsNull) continue;
    if (name !== key) {
      const which = `key ${describe(key)}${pointer === "" ? "" : ` of ${placeOf(pointer)}`}`;
      if (Object.hasOwn(value, name) && value[name] !== null) {
        warn(`${which} is passed over: "${name}" is there, too`);
        continue;
      }
      warn(`${which} is read as "${name}": write it so`);
    }
    entries.push([name, normalise(item, inner, `${pointer}/${token(key)}`, warn)]);
  }
  // Own properties alone, also of a key such as __proto__.
  return Object.fromEntries(entries);
}

function normaliseList(list: readonly unknown[], items: Keys, pointer: string, warn: Warn): readonly unknown[] {
  const isPlain = Object.keys(items).length === 0;
  if (isPlain && !list.includes(null)) return list;
  return list.flatMap((item, index) => {
    const place = `${pointer}/${index}`;
    if (item !== null || items.keepsNull) return [normalise(item, items, place, warn)];
    warn(`${placeOf(place)} is null, and is passed over`);
    return [];
  });
}

/** An object's `type`, by which some of its keys are chosen; "" where it has none. */
function typeOf(value: Readonly<Record<string, unknown>>): string {
  const type = value.type ?? Object.entries(value).find(([key, item]) => sameKey(key, "type") && item !== null)?.[1];
  return typeof type === "string" ? type : "";
}

const sameKey = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Finds a key among the known ones, by its own writing first. */
function finder(known: Readonly<Record<string, Keys>>): (key: string) => readonly [string, Keys] | undefined {
  let byLowerCase: Map<string, readonly [string, Keys]> | undefined;
  return (key) => {
    const exactly = ownValue(known, key);
    if (exactly !== undefined) return [key, exactly];
    byLowerCase ??= new Map(Object.entries(known).map((entry) => [entry[0].toLowerCase(), entry]));
    return byLowerCase.get(key.toLowerCase());
  };
}

function ownValue<T>(object: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
