// The host's own coding of text beside Node's TextDecoder and TextEncoder.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { runCases, temporaryFolder } from "./lib/runtimes.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** The pieces of which faults are made: leads of every length, their second bytes' bounds, what is never in UTF-8. */
const bytes = [
  0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0,
].concat([0xf1, 0xf4, 0xf5, 0xfe, 0xff, 0xbb]);
const units = [0x41, 0xe9, 0x20ac, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xfeff, 0xffff];

t.test("text goes in and out as everywhere, whatever is wrong with it", async (t) => {
  const malformed = fc.sample(
    fc.uint8Array({ maxLength: 12 }).map((list) => list.map((one) => bytes[one % bytes.length] as number)),
    3000,
  );
  const texts = fc.sample(fc.array(fc.constantFrom(...units), { maxLength: 8 }), 1000);
  const lines = [
    ...malformed.map((one) => ["D", Buffer.from(one).toString("hex"), JSON.stringify(decoder.decode(one))]),
    ...texts.map((codes) => {
      const text = String.fromCharCode(...codes);
      return ["E", Buffer.from(encoder.encode(text)).toString("hex"), JSON.stringify(text)];
    }),
  ];
  const file = join(temporaryFolder(t), "texts");
  writeFileSync(file, lines.map((line) => line.join("\t")).join("\n"));
  await runCases(t, "text-cases.ts", () => [file]);
});
