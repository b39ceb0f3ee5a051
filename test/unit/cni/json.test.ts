import fc from "fast-check";
import t from "tap";
import { decodeObject, describe, findFault, placeOf, token } from "../../../src/cni/json.ts";
import { refusal } from "./lib/refusal.ts";

t.test("text that is no JSON: the line, the column, what was expected and what was found", async (t) => {
  for (const [text, place] of [
    ["", "standard input is empty"],
    [" \n", "standard input is empty"],
    ['{"name": "a",}', 'line 1, column 14: a key in double quotes expected, "}" found'],
    ['{\n  "name": "a"\n  "mtu": 5\n}', 'line 3, column 3: a comma or } expected, "\\"" found'],
    ['{"name" "a"}', 'line 1, column 9: a colon expected, "\\"" found'],
    ['{"name": a}', 'line 1, column 10: a value expected, "a" found'],
    ['{"name": "a"', "line 1, column 13: a comma or } expected, the end found"],
    ['{"list": [1, 2', "line 1, column 15: a comma or ] expected, the end found"],
    ['{"list": [1,]}', 'line 1, column 13: a value expected, "]" found'],
    ['{"name": "a}', "line 1, column 13: a closing quote or a valid character of a string expected, the end found"],
    ['{"name": "a\\x"}', 'a valid character of a string expected, "\\\\" found'],
    ['{"name": "a"} x', 'line 1, column 15: the end expected, "x" found'],
    ["{'name': 1}", 'a key in double quotes expected, "\'" found'],
    ['{"mtu": 01}', 'a comma or } expected, "1" found'],
    ["// comment", 'line 1, column 1: a value expected, "/" found'],
    ['\ufeff{"name": "a"}', "line 1, column 1: a value expected"],
    ['{"name": tru}', 'a value expected, "t" found'],
    ["<\u{1f600}>", "line 1, column 1"],
  ] as const) {
    const { code, message } = refusal(() => decodeObject(text));
    t.equal(code, 6, text);
    t.match(message, place);
  }
});

t.test("JSON that is no object", async (t) => {
  for (const text of ["[]", "1", "null", '"a"', "true"]) {
    const { code, message } = refusal(() => decodeObject(text));
    t.equal(code, 6, text);
    t.match(message, `must be a JSON object, not ${text}`);
  }
});

t.test("valid JSON has no fault: the end is reached", async () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(4), (text, indent) => {
      const spaced = JSON.stringify(JSON.parse(text), undefined, indent);
      return findFault(spaced).at === spaced.length;
    }),
  );
});

t.test("JSON with one character changed is faulty exactly when JSON.parse says so", async () => {
  const isJson = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom(...'{}[]",:0e-\\ u\n\u0001'), (text, at, character) => {
      const place = at % text.length;
      const changed = text.slice(0, place) + character + text.slice(place + 1);
      const fault = findFault(changed);
      return (fault.at === changed.length && fault.expected === "the end") === isJson(changed);
    }),
    { numRuns: 500 },
  );
});

t.test("brackets are read 1,000 levels deep, in strings any number of them", async (t) => {
  const nested = (depth: number, inner = "") => `{"a": ${"[".repeat(depth - 1)}${inner}${"]".repeat(depth - 1)}}`;
  t.doesNotThrow(() => decodeObject(nested(1000)));
  for (const text of [nested(1001), "[".repeat(1e6), '{"a":'.repeat(1001), nested(1000, "{}")]) {
    const { code, message } = refusal(() => decodeObject(text));
    t.strictSame([code, message], [6, "the network configuration is nested deeper than 1000 levels"]);
  }
  const brackets = "[{".repeat(5000);
  t.doesNotThrow(() => decodeObject(JSON.stringify({ [`"${brackets}\\`]: `\\"${brackets}`, b: [brackets] })));
  t.doesNotThrow(() => decodeObject(`{"a": [${"[],{},".repeat(5000)}1]}`), "side by side");
  t.equal(refusal(() => decodeObject(`{"a": "${brackets}`)).code, 6);
  t.match(refusal(() => decodeObject(`{"a": "\\"${brackets}", ${"[".repeat(2000)}`)).message, "nested");
});

t.test("the place of a fault in a long text is found in a moment, whatever the text is", async (t) => {
  for (const [text, column] of [
    [`["${"x".repeat(5e6)}`, 5e6 + 3],
    [`["${"\\n".repeat(2e6)}`, 4e6 + 3],
    [`[${"1".repeat(5e6)}`, 5e6 + 2],
    [`[1.${"1".repeat(5e6)},]`, 5e6 + 5],
    [`[1e${"1".repeat(5e6)}x`, 5e6 + 4],
    [`[${"1,".repeat(1e6)}]`, 2e6 + 2],
    [`[${" ".repeat(5e6)}`, 5e6 + 2],
    [`[${"[],".repeat(400)}`, 1202],
  ] as const) {
    t.equal(findFault(text).at, column - 1, text.slice(0, 20));
  }
});

t.test("places are written as people do", async (t) => {
  t.equal(placeOf("/ipam/subnets/0/gateway"), "ipam.subnets[0].gateway");
  t.equal(placeOf(""), "the network configuration");
  t.equal(placeOf(`/${token("cni.dev/valid~attachments")}/1`), "cni.dev/valid~attachments[1]");
});

t.test("values in messages are short", async (t) => {
  t.equal(describe("a"), '"a"');
  t.equal(describe(undefined), "nothing");
  t.equal(describe("x".repeat(100)).length, 60);
  t.equal(describe({ a: [1, { b: null }], c: "d" }), '{"a":[1,{"b":null}],"c":"d"}');
  for (const long of ["\\".repeat(1e6), Array(1e6).fill([]), { ["k".repeat(1e6)]: 1 }, [[["x".repeat(1e6)]]]]) {
    t.equal(describe(long).length, 60);
    t.ok(JSON.stringify(long).startsWith(describe(long).slice(0, 57)));
  }
});
