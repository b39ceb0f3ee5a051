import { token } from "../cni/json.ts";

/** Where a value stands in a JSON text: offsets of its first character and of its key's. */
export interface Place {
  readonly at: number;
  readonly key: number | undefined;
}

export interface Places {
  /** By JSON pointer. */
  readonly of: ReadonlyMap<string, Place>;
  /** Pointers of keys that an object has twice, and the place of the second. */
  readonly doubled: readonly { readonly pointer: string; readonly at: number }[];
}

/** @param text valid JSON, of bounded depth (see parseJson) */
export function placesOf(text: string): Places {
  const places = new Map<string, Place>();
  const doubled: { pointer: string; at: number }[] = [];
  let at = 0;
  const skipSpace = (): void => {
    while (" \t\r\n".includes(text[at] ?? "x")) at++;
  };
  const string = (): string => {
    const start = at++;
    while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    at++;
    return JSON.parse(text.slice(start, at));
  };
  const value = (pointer: string, key: number | undefined): void => {
    skipSpace();
    places.set(pointer, { at, key });
    const opening = text[at];
    if (opening === '"') string();
    else if (opening === "{" || opening === "[") {
      at++;
      for (let index = 0; ; index++) {
        skipSpace();
        if (text[at] === "," && at++) skipSpace();
        if (text[at] === "}" || text[at] === "]") break;
        if (opening === "[") value(`${pointer}/${index}`, undefined);
        else {
          const start = at;
          const inner = `${pointer}/${token(string())}`;
          if (places.has(inner)) doubled.push({ pointer: inner, at: start });
          skipSpace();
          at++; // the colon
          value(inner, start);
        }
      }
      at++;
    } else while (at < text.length && !" \t\r\n,]}".includes(text[at] as string)) at++;
  };
  value("", undefined);
  return { of: places, doubled };
}

/** Line and column, both from 1, and the line itself. */
export interface Spot {
  readonly line: number;
  readonly column: number;
  readonly text: string;
}

export function spotOf(text: string, offset: number): Spot {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf("\n") + 1;
  const end = text.indexOf("\n", offset);
  return {
    line: before.split("\n").length,
    column: offset - start + 1,
    text: text.slice(start, end < 0 ? undefined : end).replace(/\r$/, ""),
  };
}
