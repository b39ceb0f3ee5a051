// The methods that the executable on Bun has instead of the runtime's own, beside the runtime's own.
import fc from "fast-check";
import t from "tap";

type Visitor = (...of: unknown[]) => unknown;
type Method = (this: unknown[], visit: Visitor, self?: unknown) => unknown;

const names = ["map", "flatMap", "filter", "findIndex", "find", "some", "every", "forEach"] as const;
// Before the module puts its own in their places.
const natives = new Map(names.map((name) => [name, Array.prototype[name] as unknown as Method]));
const { arrayMethods } = await import("../../../src/system/array-methods.ts");

t.test("the module has put its methods in the places of the runtime's, and no others", async (t) => {
  t.same(Object.keys(arrayMethods).sort(), [...names].sort());
  for (const name of names) {
    t.equal(Array.prototype[name], arrayMethods[name], name);
    t.notOk(Object.keys(Array.prototype).includes(name), `${name} stays out of for-in`);
  }
});

for (const name of names) {
  const [own, native] = [arrayMethods[name] as unknown as Method, natives.get(name) as Method];

  t.test(`${name} answers as the runtime's, and shows the visitor the same`, async (t) => {
    const list = fc.array(fc.oneof(fc.integer(), fc.string(), fc.array(fc.integer(), { maxLength: 3 })));
    const results = fc.func(fc.oneof(fc.boolean(), fc.array(fc.integer(), { maxLength: 3 }), fc.constant("x")));
    const property = fc.property(list, results, fc.option(fc.object()), (list, answer, self) => {
      const run = (method: Method) => {
        const seen: unknown[] = [];
        const visit: Visitor = function (this: unknown, ...of) {
          seen.push([
            ...of.slice(0, 2),
            of[2] === list,
            of.length,
            this === self || (self === null && this === undefined),
          ]);
          return answer(of[0], of[1]);
        };
        const result = self === null ? method.call(list, visit) : method.call(list, visit, self);
        return JSON.stringify([result ?? "undefined", seen]);
      };
      return run(own) === run(native);
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
  });

  t.test(`${name} does not visit what is added meanwhile`, async (t) => {
    const visits = (method: Method) => {
      const list = [1, 2, 3];
      let count = 0;
      method.call(list, () => {
        if (count++ < 10) list.push(9);
        return name === "every";
      });
      return count;
    };
    t.equal(visits(own), visits(native));
  });
}
