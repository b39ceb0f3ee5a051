// What is made from the program's own words is up to date, and well-formed.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import t from "tap";
import { commandReference } from "../../build/command-reference.ts";
import { configurationReference } from "../../build/configuration-reference.ts";
import { manPage } from "../../build/man-page.ts";
import { at } from "../../build/paths.ts";
import { pictures } from "../../build/pictures.ts";
import { manual } from "../../src/cli/manual.ts";

t.test("what npm run documents writes is up to date", async (t) => {
  t.equal(readFileSync(at("docs/commands.md"), "utf8"), commandReference());
  t.equal(readFileSync(at("docs/configuration.md"), "utf8"), configurationReference());
  for (const [name, draw] of Object.entries(pictures)) t.equal(readFileSync(at("docs/pictures", name), "utf8"), draw());
});

const hasGroff = spawnSync("groff", ["--version"]).error === undefined;
const skip = hasGroff ? {} : { skip: "there is no groff" };
t.test("the man page has every command and flag, and groff reads it without a warning", skip, async (t) => {
  const page = manPage("1.2.3");
  const words = ["-man", "-Tutf8", "-ww", "-rLL=80n"];
  const { stdout, stderr } = spawnSync("groff", words, { input: page, encoding: "utf8" });
  t.equal(stderr, "");
  // Bold text is struck twice, or in an escape sequence.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as groff writes it
  const text = stdout.replace(/.\u0008|\u001b\[\d*m/g, "");
  for (const { name, flags } of manual) {
    t.match(text, new RegExp(`^ {3}ipvlan ${name}\\b`, "m"));
    for (const flag of flags) t.match(text, new RegExp(`^ {7}(-\\w, )?--${flag.name}\\b`, "m"));
  }
  t.match(text, "ipvlan convert docker network create -d ipvlan --subnet=192.168.1.0/24 -o parent=eth0 db_net");
});
