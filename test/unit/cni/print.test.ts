import t from "tap";
import { oneLine } from "../../../src/cni/one-line.ts";
import { formatError, formatVersion } from "../../../src/cni/print.ts";
import { cniVersions } from "../../../src/cni/versions.ts";
import { ErrorCode, PluginError } from "../../../src/errors.ts";

const error = new PluginError(ErrorCode.invalidConfiguration, "mode is unknown", "/mode");
const print = (thrown: unknown, stdin: string) => JSON.parse(formatError(thrown, stdin));

t.test("an error has the keys of the specification, in its order, in the caller's version", async (t) => {
  t.equal(
    formatError(error, '{"cniVersion": "0.4.0"}'),
    '{\n    "cniVersion": "0.4.0",\n    "code": 7,\n    "msg": "mode is unknown",\n    "details": "/mode"\n}\n',
  );
  for (const version of cniVersions) t.equal(print(error, JSON.stringify({ cniVersion: version })).cniVersion, version);
});

t.test("the version of an error whose configuration has none or cannot be read", async (t) => {
  t.equal(print(error, '{"name": "a"}').cniVersion, "0.1.0", "no version means 0.1.0");
  t.equal(print(error, '{"cniVersion": "9.0.0"}').cniVersion, "9.0.0", "as given");
  for (const text of ["x".repeat(33), "1 2", "\n"]) {
    t.equal(print(error, JSON.stringify({ cniVersion: text })).cniVersion, "1.1.0", "what is no version");
  }
  for (const text of ["", "{", "[]", '{"cniVersion": 5}']) t.equal(print(error, text).cniVersion, "1.1.0", text);
});

t.test("a message is one line, and details are left out where there are none", async (t) => {
  const { msg, ...rest } = print(new PluginError(5, "a\nb"), "{}");
  t.equal(msg, "a b");
  t.strictSame(Object.keys(rest), ["cniVersion", "code"]);
});

t.test("what breaks a line is a space; what steers a terminal, or turns text around, is told in ASCII", async (t) => {
  t.equal(oneLine("a\r\nb\tc\u2028d\u2029e\u0085f"), "a b c d e f");
  t.equal(oneLine("\u001b[2J\0\u007f\u202egniht"), "\\u001b[2J\\u0000\\u007f\\u202egniht");
  t.equal(oneLine("\ud800 \u{1f600}"), "\\ud800 \u{1f600}");
});

t.test("a long text keeps its two ends, whole characters, and 2,000 bytes", async (t) => {
  for (const unit of ["a", "é", "€", "\u{1f600}", "\0"]) {
    for (const count of [10, 333, 400, 667, 1001, 2001, 100_000]) {
      const text = `first ${unit.repeat(count)} last`;
      const line = oneLine(text);
      t.ok(line.startsWith("first ") && line.endsWith(" last"), `${count} of ${JSON.stringify(unit)}`);
      t.ok(Buffer.byteLength(line) <= 2000 && !line.includes("\ufffd"), `${count} of ${JSON.stringify(unit)}`);
      if (Buffer.byteLength(text) <= 2000 && unit !== "\0") t.equal(line, text);
      else if (unit !== "\0" || count > 400) t.ok(Buffer.byteLength(line) > 1980, "no more is cut than must be");
    }
  }
});

t.test("a mistake of the program is told as such", async (t) => {
  const { code, msg, details } = print(new TypeError("x is undefined"), "{}");
  t.equal(code, ErrorCode.internal);
  t.match(msg, "TypeError: x is undefined");
  t.match(details, "print.test.ts");
  t.equal(print("thrown text", "{}").code, ErrorCode.internal);
});

t.test("VERSION answers in the caller's version and lists all", async (t) => {
  for (const version of cniVersions) {
    const answer = JSON.parse(formatVersion(JSON.stringify({ cniVersion: version })));
    t.strictSame(answer, { cniVersion: version, supportedVersions: [...cniVersions] });
  }
  for (const text of ["", "{}", "nonsense"]) t.equal(JSON.parse(formatVersion(text)).cniVersion, "1.1.0", text);
});
