import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { at, root } from "./paths.ts";

/** What an executable is made from. The commit is the last one that touched any of it, so that others rebuild nothing. */
const sources = ["src", "schemas", "build", "package.json", "package-lock.json", "tsconfig.json"];

export interface Version {
  /** package.json's. */
  version: string;
  /** A short commit, `-dirty` where the sources differ from it; `unknown` outside a git checkout. */
  commit: string;
}

export function readVersion(): Version {
  const { version } = JSON.parse(readFileSync(at("package.json"), "utf8"));
  return { version, commit: readCommit() };
}

function readCommit(): string {
  try {
    const commit = git("log", "-1", "--format=%h", "--abbrev=12", "--", ...sources);
    if (commit === "") return "unknown";
    return git("status", "--porcelain", "--", ...sources) === "" ? commit : `${commit}-dirty`;
  } catch {
    return "unknown";
  }
}

function git(...words: string[]): string {
  return execFileSync("git", words, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}
