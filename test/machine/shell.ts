/**
 * A root shell, or one command, in the test machine:
 *
 *     node test/machine/shell.ts                     interactive
 *     node test/machine/shell.ts -- ip -V            one command; its exit code is ours
 *     node test/machine/shell.ts -- 'ip link | wc'   one word is a script
 *     node test/machine/shell.ts < script            a script from stdin
 *     node test/machine/shell.ts --runtimes          with containerd, Podman and so on
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { tellFailures } from "../../build/obstacle.ts";
import { type Channel, connect, createChannel, helloTimeout } from "./channel.ts";
import { chooseKind } from "./host.ts";
import { type LocalMachine, startLocal } from "./local.ts";
import { progress } from "./process.ts";
import { machineError, quote } from "./run-folder.ts";
import { bootVm, type Vm } from "./vm.ts";

tellFailures("test machine");

const usage = "usage: node test/machine/shell.ts [--runtimes] [--] [command…]";

/** Ends an interactive session at once, also when the guest is stuck: Ctrl-]. */
const leaveKey = 0x1d;

const { command, groups } = parseArguments(process.argv.slice(2));
const script = command ?? (process.stdin.isTTY ? undefined : readFileSync(0, "utf8"));
process.exitCode = (await chooseKind()) === "local" ? await inNamespaces() : await inVm();

function parseArguments(args: readonly string[]): { command: string | undefined; groups: "runtimes"[] } {
  const rest = [...args];
  const groups: "runtimes"[] = [];
  while (rest[0]?.startsWith("-")) {
    const option = rest.shift();
    if (option === "--") {
      break;
    }
    if (option !== "--runtimes") {
      process.stderr.write(`${usage}\n`);
      process.exit(option === "--help" ? 0 : 2);
    }
    groups.push("runtimes");
  }
  const [first, ...others] = rest;
  const words = others.length > 0 ? rest.map(quote).join(" ") : first;
  return { command: words, groups };
}

async function inNamespaces(): Promise<number> {
  const machine = await startLocal(groups);
  try {
    if (script !== undefined) {
      return await runScript(machine.channel, script);
    }
    greet("This is a root shell in namespaces of its own on this machine's kernel.", "exit or Ctrl-D");
    return await enterNamespaces(machine);
  } finally {
    await machine.stop();
  }
}

async function inVm(): Promise<number> {
  const vm = await bootVm({ groups });
  try {
    const explain = (seen: string) => machineError(vm.folder, seen);
    const channel = createChannel(await connect(vm.folder.socket), vm.folder.share, explain);
    try {
      await channel.hello(helloTimeout);
      if (script !== undefined) {
        return await runScript(channel, script);
      }
      const kernel = (await channel.run("uname -r")).stdout.trim();
      greet(
        `This is a root shell in a virtual machine (Linux ${kernel}, booted in ${(vm.bootTime / 1000).toFixed(1)} s).`,
        "exit or Ctrl-D; Ctrl-] ends the machine at once",
      );
      return await useTerminal(vm, channel);
    } finally {
      channel.close();
    }
  } finally {
    await vm.stop();
  }
}

function greet(what: string, leave: string): void {
  progress(what);
  progress("It sees this machine's files and programs; what it changes is gone when you leave.");
  progress(`To leave: ${leave}.`);
}

async function runScript(channel: Channel, text: string): Promise<number> {
  const onOutput = (stream: "stdout" | "stderr", chunk: Buffer) => void process[stream].write(chunk);
  const inFolder = `cd ${quote(process.cwd())} 2>/dev/null\n${text}`;
  return (await channel.run(inFolder, { timeoutMs: Number.POSITIVE_INFINITY, onOutput })).code;
}

/** The namespaces are this machine's, so the terminal can be handed over as it is. */
async function enterNamespaces({ holder }: LocalMachine): Promise<number> {
  const first = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8").trim();
  const shell = `cd ${quote(process.cwd())}; exec "$(command -v bash || command -v sh)" -i`;
  const args = ["--target", first, "--mount", "--net", "--uts", "--ipc", "--pid", "sh", "-c", shell];
  const child = spawn("nsenter", args, { stdio: "inherit" });
  // Ctrl-C is the shell's.
  process.on("SIGINT", () => {});
  return new Promise((resolve, reject) => child.on("error", reject).on("exit", (code) => resolve(code ?? 128)));
}

/** Connects this terminal to the machine's second console, where a shell of its own runs as an agent's script. */
async function useTerminal(vm: Vm, channel: Channel): Promise<number> {
  const { stdin, stdout } = process;
  const console = await connect(vm.folder.terminal);
  const size = () => `stty -F /dev/hvc0 rows ${stdout.rows || 24} cols ${stdout.columns || 80}`;
  const resize = () => void channel.run(size()).catch(() => {});
  // A session's first terminal opened becomes its controlling one.
  const shell =
    `export TERM=${quote(process.env.TERM ?? "linux")}\ncd ${quote(process.cwd())} 2>/dev/null\n` +
    `exec </dev/hvc0 >/dev/hvc0 2>&1\n${size()}\n` +
    'exec "$(command -v bash || command -v sh)" -i';
  const left = new Promise<number>((resolve) => {
    stdin.on("data", (chunk: Buffer) => (chunk.includes(leaveKey) ? resolve(0) : console.to.write(chunk)));
  });
  console.from.on("data", (chunk: Buffer) => stdout.write(chunk));
  console.to.on("error", () => {});
  stdout.on("resize", resize);
  stdin.setRawMode(true);
  stdin.resume();
  try {
    const ended = channel.run(shell, { timeoutMs: Number.POSITIVE_INFINITY }).then(({ code }) => code);
    const code = await Promise.race([ended, left]);
    // The last that the shell printed is still on its way.
    await sleep(100);
    return code;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stdout.off("resize", resize);
    console.to.destroy();
  }
}
