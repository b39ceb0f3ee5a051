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
 * @param warn is told of each key that is not written as the schema has it, and of each list with nulls in it
 * @returns the value itself where there is nothing to change, as it is with most
 */
export function normalise(value: unknown, known: Keys, pointer: string, warn: Warn): unknown {
  if (Array.isArray(value)) return known.items === undefined ? value : normaliseList(value, known.items, pointer, warn);
  if (!isObject(value)) return value;
  const { keys, cases, values } = known;
  if (keys === undefined && cases === undefined && values === undefined) return value;
  const find = finderOf(known, cases === undefined ? "" : typeOf(value));
  const names = Object.keys(value);
  let changed: [string, unknown][] | undefined;
  for (const [index, key] of names.entries()) {
    const item = value[key];
    const [name, inner] = find(key) ?? [key, values ?? {}];
    const isNull = item === null && !inner.keepsNull;
    const isTaken = !isNull && name !== key && Object.hasOwn(value, name) && value[name] !== null;
    if (name !== key && !isNull) {
      const which = `key ${describe(key)}${pointer === "" ? "" : ` of ${placeOf(pointer)}`}`;
      warn(`${which} is ${isTaken ? `passed over: "${name}" is there, too` : `read as "${name}": write it so`}`);
    }
    const isLeftOut = isNull || isTaken;
    const result = isLeftOut ? undefined : normalise(item, inner, `${pointer}/${token(key)}`, warn);
    if (changed === undefined && !isLeftOut && name === key && result === item) continue;
    changed ??= names.slice(0, index).map((one) => [one, value[one]]);
    if (!isLeftOut) changed.push([name, result]);
  }
  // Own properties alone, also of a key such as __proto__.
  return changed === undefined ? value : Object.fromEntries(changed);
}

function normaliseList(list: readonly unknown[], items: Keys, pointer: string, warn: Warn): readonly unknown[] {
  const hasNull = !items.keepsNull && list.includes(null);
  if (hasNull) warn(`${placeOf(pointer)} has null in it, which is passed over`);
  if (Object.keys(items).length === 0) return hasNull ? list.filter((item) => item !== null) : list;
  let changed: unknown[] | undefined;
  for (const [index, item] of list.entries()) {
    const isLeftOut = hasNull && item === null;
    const result = isLeftOut ? undefined : normalise(item, items, `${pointer}/${index}`, warn);
    if (changed === undefined && !isLeftOut && result === item) continue;
    changed ??= list.slice(0, index);
    if (!isLeftOut) changed.push(result);
  }
  return changed ?? list;
}

/** An object's `type`, by which some of its keys are chosen; "" where it has none. */
function typeOf(value: Readonly<Record<string, unknown>>): string {
  const type = value.type ?? Object.entries(value).find(([key, item]) => isKey(key, "type") && item !== null)?.[1];
  return typeof type === "string" ? type : "";
}

/** Whether this is another writing of the key. */
export function isKey(text: string, key: string): boolean {
  return text.length === key.length && text.toLowerCase() === key.toLowerCase();
}

/** Finds a key among the known ones, by its own writing first. */
type Finder = (key: string) => readonly [string, Keys] | undefined;

// Lists have many objects with the same keys.
const finders = new Map<Keys, Map<string, Finder>>();

function finderOf(known: Keys, type: string): Finder {
  const byType = finders.get(known) ?? new Map<string, Finder>();
  const finder = byType.get(type) ?? makeFinder(known, type);
  finders.set(known, byType.set(type, finder));
  return finder;
}

function makeFinder({ keys = {}, cases = {} }: Keys, type: string): Finder {
  const more = Object.hasOwn(cases, type) ? cases[type]?.keys : undefined;
  const known = new Map(Object.entries({ ...keys, ...more }).map((entry) => [entry[0], entry] as const));
  let byLowerCase: Map<string, readonly [string, Keys]> | undefined;
  return (key) => {
    const exactly = known.get(key);
    if (exactly !== undefined) return exactly;
    byLowerCase ??= new Map([...known].map(([name, entry]) => [name.toLowerCase(), entry]));
    return byLowerCase.get(key.toLowerCase());
  };
}
