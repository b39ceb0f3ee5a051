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

t.test("places are written as people do", async (t) => {
  t.equal(placeOf("/ipam/subnets/0/gateway"), "ipam.subnets[0].gateway");
  t.equal(placeOf(""), "the network configuration");
  t.equal(placeOf(`/${token("cni.dev/valid~attachments")}/1`), "cni.dev/valid~attachments[1]");
});

t.test("values in messages are short", async (t) => {
  t.equal(describe("a"), '"a"');
  t.equal(describe(undefined), "nothing");
  t.equal(describe("x".repeat(100)).length, 60);
});
