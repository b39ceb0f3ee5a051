// text-cases.ts FILE: lines of bytes in hexadecimal, a tab, and the text that TextDecoder or TextEncoder has for them, as JSON;
// before these a D or an E.
import { readFileSync } from "node:fs";
import { port } from "#system";
import { check } from "./cases.ts";

const [file = ""] = process.argv.slice(2);
const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));

const differing = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .filter((line) => {
    const [kind, bytes = "", text = '""'] = line.split("\t");
    return kind === "D"
      ? port.decode(bytesOf(bytes)) !== JSON.parse(text)
      : hex(port.encode(JSON.parse(text) as string)) !== bytes;
  });
check("decode and encode are those of the Encoding Standard", () => differing.slice(0, 5), []);
