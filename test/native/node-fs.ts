// As much of node:fs as the tests' scripts use, over the port: stands for it where they run without Node.
import { port } from "#system";
import { check, Errno } from "../../src/system/errno.ts";
import { fileStatus, listFolder, readText, removeFolder } from "../../src/system/files.ts";
import { runProgram } from "../../src/system/programs.ts";
import { cstring, encode } from "../../src/system/text.ts";

const AT_FDCWD = -100;
const O_WRONLY_CREAT_TRUNC = 0o1101;

/** A program of the system, for what the port does not offer. */
function tool(file: string, ...words: string[]): string {
  const script = `exec ${[file, ...words].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")}`;
  const { status, stdout, stderr } = runProgram("/bin/sh", {
    environment: { PATH: "/usr/bin:/bin" },
    stdin: script,
    timeoutMs: 10_000,
  });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}

export const existsSync = (path: string): boolean => fileStatus(path) !== undefined;
export const linkSync = (from: string, to: string): void =>
  void check(port.linkat(AT_FDCWD, cstring(from), AT_FDCWD, cstring(to), 0), "linkat", to);
export const mkdirSync = (path: string): void => void check(port.mkdir(cstring(path), 0o777), "mkdir", path);
export const readdirSync = (path: string): string[] => listFolder(path).sort();
export const readlinkSync = (path: string): string => tool("readlink", path).trim();
export const rmdirSync = (path: string): void => void removeFolder(path);
export const symlinkSync = (target: string, path: string): void => void tool("ln", "-s", target, path);

export function readFileSync(path: string, _encoding: "utf8"): string {
  const text = readText(path);
  check(text === undefined ? -Errno.ENOENT : 0, "open", path);
  return text as string;
}

export function writeFileSync(path: string, text: string, { mode = 0o666 }: { mode?: number } = {}): void {
  const fd = check(port.open(cstring(path), O_WRONLY_CREAT_TRUNC, mode), "open", path);
  writeSync(fd, text);
  port.close(fd);
}

export function writeSync(fd: number, text: string): void {
  const bytes = encode(text);
  for (let at = 0; at < bytes.length; ) at += check(port.write(fd, bytes.subarray(at), bytes.length - at), "write");
}

/** As the program stat sees it, not as the port does. */
export function statSync(path: string, { bigint = false }: { bigint?: boolean } = {}): Record<string, number | bigint> {
  const words = tool("stat", "-L", "-c", "%d %i %s %h 0x%f %.9X %.9Y", path).trim().split(" ");
  const [dev, ino, size, nlink, mode, atimeNs, mtimeNs] = words.map((word) => BigInt(word.replace(".", "")));
  const status = { dev, ino, size, nlink, mode, atimeNs, mtimeNs } as Record<string, bigint>;
  if (bigint) return status;
  return Object.fromEntries(Object.entries(status).map(([name, value]) => [name, Number(value)]));
}

export function utimesSync(path: string, accessed: number, modified: number): void {
  tool("touch", "-a", "-d", `@${accessed}`, path);
  tool("touch", "-m", "-d", `@${modified}`, path);
}
