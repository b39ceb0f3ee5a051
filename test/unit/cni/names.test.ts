import fc from "fast-check";
import t from "tap";
import { askedNameFault, interfaceNameFault, isIdentifier, isPluginName } from "../../../src/cni/names.ts";

t.test("identifiers are libcni's: ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", async () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(..."azAZ09_.-/: \n`{@[^"), fc.string({ minLength: 1 })),
    maxLength: 6,
  });
  fc.assert(
    fc.property(text, (one) => isIdentifier(one) === (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(one) && !one.endsWith("\n"))),
    { numRuns: 1000 },
  );
});

t.test("interface names are libcni's: up to 15 bytes, no slash, colon or white space, not . or ..", async () => {
  const text = fc.string({ unit: fc.constantFrom(..."abc.019-_%/: \t\u00a0\u2003éà€😀"), maxLength: 17 });
  const bytes = (one: string): number => new TextEncoder().encode(one).length;
  fc.assert(
    fc.property(text, (one) => {
      const isGood = one !== "" && one !== "." && one !== ".." && bytes(one) <= 15 && !/[/:\s%à]/.test(one);
      const isAsked = one !== "" && one !== "." && one !== ".." && bytes(one) <= 15 && !/[/:\s]/.test(one);
      return (interfaceNameFault(one) === undefined) === isGood && (askedNameFault(one) === undefined) === isAsked;
    }),
    { numRuns: 1000 },
  );
});

t.test("names that the kernel takes for something else are none", async (t) => {
  for (const name of ["all", "default", "net%d", "%", "à", "a\u0001", "a\u007f", "a\u0085b"]) {
    t.type(interfaceNameFault(name), "string", JSON.stringify(name));
  }
  for (const name of ["all0", "Default", "é", "...", "-"]) t.equal(interfaceNameFault(name), undefined, name);
});

t.test("programs are names, not paths", async (t) => {
  for (const name of ["dhcp", "host-local", "my.ipam", "..."]) t.ok(isPluginName(name), name);
  for (const name of ["", ".", "..", "a/b", "/bin/sh", "a\\b", "a\0"])
    t.notOk(isPluginName(name), JSON.stringify(name));
});
