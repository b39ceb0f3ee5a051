import { constants } from "node:os";
import fc from "fast-check";
import t from "tap";
import { check, Errno, errnoName, isErrno, SystemError } from "../../../src/system/errno.ts";
import { cstring, decode, encode } from "../../../src/system/text.ts";

/** Any characters but NUL. fast-check's own strings of any character take a second to set up. */
const text = fc
  .array(fc.integer({ min: 1, max: 0x10_ffff }))
  .map((codes) => String.fromCodePoint(...codes).toWellFormed());

t.test("every errno in the table has the kernel's number", (t) => {
  for (const [name, value] of Object.entries(Errno)) {
    t.equal(value, constants.errno[name as keyof typeof constants.errno], name);
  }
  t.end();
});

t.test("errnoName names every number of the table, and shows others as they are", (t) => {
  for (const [name, value] of Object.entries(Errno)) t.equal(errnoName(value), name);
  t.equal(errnoName(200), "errno 200");
  t.equal(errnoName(0), "errno 0");
  t.end();
});

t.test("check passes results on and throws negated errnos with what failed", (t) => {
  t.equal(check(0, "open"), 0);
  t.equal(check(7, "open"), 7);
  t.throws(() => check(-Errno.ENOENT, "open", "/none"), {
    name: "SystemError",
    call: "open",
    errno: Errno.ENOENT,
    path: "/none",
    message: "open /none: ENOENT",
  });
  t.throws(() => check(-Errno.EPERM, "setns"), { message: "setns: EPERM", path: "" });
  t.end();
});

t.test("isErrno is true of a SystemError with that errno only", (t) => {
  const error = new SystemError("open", Errno.ENOENT);
  t.equal(isErrno(error, Errno.ENOENT), true);
  t.equal(isErrno(error, Errno.EACCES), false);
  t.equal(isErrno({ errno: Errno.ENOENT }, Errno.ENOENT), false);
  t.equal(isErrno(undefined, Errno.ENOENT), false);
  t.end();
});

t.test("cstring is the text's UTF-8 with one NUL behind it", (t) => {
  fc.assert(fc.property(text, (text) => Buffer.from(`${text}\0`).equals(cstring(text))));
  t.same([...cstring("")], [0]);
  t.end();
});

t.test("cstring refuses NUL wherever it stands", (t) => {
  for (const text of ["\0", "\0a", "a\0b", "a\0"]) t.throws(() => cstring(text), RangeError, JSON.stringify(text));
  t.end();
});

t.test("decode is the inverse of encode", (t) => {
  fc.assert(
    fc.property(text, (text) => {
      fc.pre(!text.startsWith("\uFEFF"));
      return decode(encode(text)) === text;
    }),
  );
  t.equal(decode(new Uint8Array([97, 0xff, 98])), "a\uFFFDb", "bytes that are no UTF-8 are marked");
  t.end();
});
