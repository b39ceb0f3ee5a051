// npm run documents: docs/commands.md and docs/configuration.md, from what the program itself is made from. A test sees to it that they
// are up to date.
import { mkdirSync, writeFileSync } from "node:fs";
import { commandReference } from "./command-reference.ts";
import { configurationReference } from "./configuration-reference.ts";
import { at } from "./paths.ts";

mkdirSync(at("docs"), { recursive: true });
writeFileSync(at("docs/commands.md"), commandReference());
writeFileSync(at("docs/configuration.md"), configurationReference());
