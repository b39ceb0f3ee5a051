import { describe, type JsonObject, placeOf, token } from "./json.ts";

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
  return normaliseAt(value, known, () => pointer, warn);
}

/** @param place the pointer, which most values are never asked for */
function normaliseAt(value: unknown, known: Keys, place: () => string, warn: Warn): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return known.items === undefined ? value : normaliseList(value, known.items, place, warn);
  return normaliseObject(value as JsonObject, known, place, warn);
}

function normaliseObject(value: JsonObject, known: Keys, place: () => string, warn: Warn): JsonObject {
  const { keys, cases, values } = known;
  if (keys === undefined && cases === undefined && values === undefined) return value;
  const more = cases === undefined ? undefined : ownOf(cases, typeOf(value));
  const names = Object.keys(value);
  let changed: [string, unknown][] | undefined;
  for (let index = 0; index < names.length; index++) {
    const key = names[index] as string;
    const item = value[key];
    const [name, inner] = find(key, known, more) ?? [key, values ?? {}];
    const isNull = item === null && !inner.keepsNull;
    const isTaken = !isNull && name !== key && Object.hasOwn(value, name) && value[name] !== null;
    if (name !== key && !isNull) {
      const which = `key ${describe(key)}${place() === "" ? "" : ` of ${placeOf(place())}`}`;
      warn(`${which} is ${isTaken ? `passed over: "${name}" is there, too` : `read as "${name}": write it so`}`);
    }
    const isLeftOut = isNull || isTaken;
    const result = isLeftOut ? undefined : normaliseAt(item, inner, () => `${place()}/${token(key)}`, warn);
    if (changed === undefined && !isLeftOut && name === key && result === item) continue;
    changed ??= names.slice(0, index).map((one) => [one, value[one]]);
    if (!isLeftOut) changed.push([name, result]);
  }
  // Own properties alone, also of a key such as __proto__.
  return changed === undefined ? value : Object.fromEntries(changed);
}

function normaliseList(list: readonly unknown[], items: Keys, place: () => string, warn: Warn): readonly unknown[] {
  const hasNull = !items.keepsNull && list.includes(null);
  if (hasNull) warn(`${placeOf(place())} has null in it, which is passed over`);
  if (Object.keys(items).length === 0) return hasNull ? list.filter((item) => item !== null) : list;
  let changed: unknown[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const item = list[index];
    const isLeftOut = hasNull && item === null;
    const result = isLeftOut ? undefined : normaliseAt(item, items, () => `${place()}/${index}`, warn);
    if (changed === undefined && !isLeftOut && result === item) continue;
    changed ??= list.slice(0, index);
    if (!isLeftOut) changed.push(result);
  }
  return changed ?? list;
}

/** An object's `type`, by which some of its keys are chosen; "" where it has none. */
function typeOf(value: JsonObject): string {
  const type = value.type ?? Object.entries(value).find(([key, item]) => isKey(key, "type") && item !== null)?.[1];
  return typeof type === "string" ? type : "";
}

/** Whether this is another writing of the key. */
export function isKey(text: string, key: string): boolean {
  return text.length === key.length && text.toLowerCase() === key.toLowerCase();
}

/** A known key as the schema writes it, and what is known of its value. */
type Known = readonly [string, Keys];

/** The key among the known ones, by its own writing first. */
function find(key: string, known: Keys, more: Keys | undefined): Known | undefined {
  const exactly = ownOf(more?.keys, key) ?? ownOf(known.keys, key);
  return exactly === undefined ? inAnotherCase(known, more).get(key.toLowerCase()) : [key, exactly];
}

function ownOf<T>(record: { readonly [key: string]: T } | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}

// Lists have many objects with the same keys, and most configurations none in another case.
const byLowerCase = new Map<Keys, Map<Keys | undefined, ReadonlyMap<string, Known>>>();

function inAnotherCase(known: Keys, more: Keys | undefined): ReadonlyMap<string, Known> {
  const byCase = byLowerCase.get(known) ?? new Map<Keys | undefined, ReadonlyMap<string, Known>>();
  byLowerCase.set(known, byCase);
  let found = byCase.get(more);
  if (found === undefined) {
    const entries = Object.entries({ ...known.keys, ...more?.keys });
    found = new Map(entries.map((entry) => [entry[0].toLowerCase(), entry]));
    byCase.set(more, found);
  }
  return found;
}
