import fc from "fast-check";
import t from "tap";
import { parseCniArgs } from "../../../src/cni/args.ts";
import { refusal } from "./lib/refusal.ts";

const parse = (text: string) => Object.fromEntries(parseCniArgs(text, ["IP", "GATEWAY"]));

t.test("known keys are read, the last of two counts", async (t) => {
  t.strictSame(parse(""), {});
  t.strictSame(parse("IP=10.0.0.5"), { IP: "10.0.0.5" });
  t.strictSame(parse("IP=10.0.0.5,10.0.0.6;GATEWAY=10.0.0.1"), { IP: "10.0.0.5,10.0.0.6", GATEWAY: "10.0.0.1" });
  t.strictSame(parse("IP=10.0.0.5;IP=10.0.0.6"), { IP: "10.0.0.6" });
  t.strictSame(parse("IP="), { IP: "" });
});

t.test("unknown keys are passed over where the runtime says so, wherever it says it", async (t) => {
  const pod = "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0";
  for (const yes of ["1", "true", "True", "TRUE"]) {
    t.strictSame(parse(`IgnoreUnknown=${yes};${pod};IP=10.0.0.5`), { IP: "10.0.0.5" });
    t.strictSame(parse(`${pod};IgnoreUnknown=${yes}`), {});
  }
  for (const no of ["", ";IgnoreUnknown=0", ";IgnoreUnknown=false"]) {
    const { code, message } = refusal(() => parse(pod + no));
    t.equal(code, 4);
    t.match(message, /CNI_ARGS.*K8S_POD_NAMESPACE, K8S_POD_NAME.*IgnoreUnknown=1/);
  }
});

t.test("case counts: ip is not IP", async (t) => {
  t.match(refusal(() => parse("ip=10.0.0.5")).message, "ip is not known");
});

t.test("what is no KEY=VALUE is refused, even with IgnoreUnknown", async (t) => {
  for (const text of ["IP", "IP=a=b", ";", "IP=10.0.0.5;", "IgnoreUnknown=1;K8S"]) {
    const { code, message } = refusal(() => parse(text));
    t.equal(code, 4, text);
    t.match(message, /CNI_ARGS: ".*" is no KEY=VALUE/);
  }
});

t.test("IgnoreUnknown is a boolean", async (t) => {
  t.match(refusal(() => parse("IgnoreUnknown=yes")).message, "IgnoreUnknown=yes");
});

t.test("every pair that was put in comes out", async () => {
  const word = fc.string({ unit: fc.constantFrom(..."abcXYZ019_.,:/"), maxLength: 12 });
  const pairs = fc.uniqueArray(fc.tuple(word, word), { selector: ([key]) => key, minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(pairs, (list) => {
      const text = list.map(([key, value]) => `${key}=${value}`).join(";");
      const known = list.map(([key]) => key);
      const found = parseCniArgs(text, known);
      return list.every(([key, value]) => found.get(key) === value) && found.size === list.length;
    }),
  );
});
