// npm run documents: docs/commands.md, docs/configuration.md and docs/pictures, from what the program itself is made from. A test
// sees to it that they are up to date.
import { mkdirSync, writeFileSync } from "node:fs";
import { commandReference } from "./command-reference.ts";
import { configurationReference } from "./configuration-reference.ts";
import { at } from "./paths.ts";
import { pictures } from "./pictures.ts";

mkdirSync(at("docs/pictures"), { recursive: true });
writeFileSync(at("docs/commands.md"), commandReference());
writeFileSync(at("docs/configuration.md"), configurationReference());
for (const [name, draw] of Object.entries(pictures)) writeFileSync(at("docs/pictures", name), draw());
