// What a program that the plugin runs is given, and that it does not outlive the plugin.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { temporaryFolder } from "../unit/ipam/lib/network.ts";
import { executables } from "./lib/plugin.ts";

/** A DEL that needs nothing but the IPAM plugin `own`. @param script what that does, in sh */
function delOf(folder: string, script: string) {
  writeFileSync(join(folder, "own"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const environment = {
    CNI_COMMAND: "DEL",
    CNI_CONTAINERID: "c1",
    CNI_IFNAME: "eth0",
    CNI_NETNS: "",
    CNI_PATH: folder,
    PATH: process.env.PATH,
  };
  const config = { cniVersion: "1.1.0", name: "net1", type: "ipvlan", master: "eth0", ipam: { type: "own" } };
  return { environment, stdin: JSON.stringify(config) };
}

for (const { name, path } of executables) {
  t.test(`${name}: an IPAM plugin that hangs ends when the plugin is killed`, async (t) => {
    const folder = temporaryFolder(t);
    const { environment, stdin } = delOf(
      folder,
      `echo $$ > ${folder}/pid.new; mv ${folder}/pid.new ${folder}/pid; exec sleep 30`,
    );
    const plugin = spawn(path, [], { env: environment, stdio: ["pipe", "ignore", "ignore"] });
    plugin.stdin.end(stdin);
    while (!existsSync(join(folder, "pid"))) await sleep(10);
    const pid = readFileSync(join(folder, "pid"), "utf8").trim();
    t.ok(existsSync(`/proc/${pid}`), "it runs");
    plugin.kill("SIGKILL");
    for (let i = 0; i < 200 && existsSync(`/proc/${pid}`); i++) await sleep(10);
    t.notOk(existsSync(`/proc/${pid}`), "it has ended");
  });

  t.test(`${name}: an IPAM plugin gets three descriptors, default signals and the caller's environment`, async (t) => {
    const folder = temporaryFolder(t);
    const secret = openSync("/etc/passwd", "r");
    t.teardown(() => closeSync(secret));
    const { environment, stdin } = delOf(
      folder,
      `for fd in /proc/$$/fd/*; do readlink $fd; done > ${folder}/files
      while read -r key value; do [ "$key" != SigIgn: ] || echo "$value"; done < /proc/$$/status > ${folder}/ignored
      env > ${folder}/env; cat > ${folder}/stdin`,
    );
    const child = spawnSync(path, [], {
      env: { ...environment, NODE_DEBUG: "x", SOME_thing: "1 2", _: "3" },
      input: stdin,
      stdio: ["pipe", "pipe", "pipe", secret, secret, "ignore", secret],
      encoding: "utf8",
    });
    t.strictSame([child.status, child.stdout, child.stderr], [0, "", ""]);
    t.notMatch(readFileSync(join(folder, "files"), "utf8"), /passwd|null/, "no descriptor of the caller's");
    t.match(readFileSync(join(folder, "ignored"), "utf8"), /^0{16}$/m);
    t.equal(readFileSync(join(folder, "stdin"), "utf8"), stdin);
    const variables = readFileSync(join(folder, "env"), "utf8").split("\n");
    for (const wanted of ["NODE_DEBUG=x", "SOME_thing=1 2", "CNI_COMMAND=DEL", `CNI_PATH=${folder}`]) {
      t.ok(variables.includes(wanted), wanted);
    }
  });

  t.test(`${name}: why an IPAM plugin cannot start`, async (t) => {
    const folder = temporaryFolder(t);
    const { environment, stdin } = delOf(folder, "");
    const msgOf = (content: string, mode: number) => {
      writeFileSync(join(folder, "own"), content);
      spawnSync("chmod", [mode.toString(8), join(folder, "own")]);
      const { stdout } = spawnSync(path, [], { env: environment, input: stdin, encoding: "utf8" });
      return JSON.parse(stdout).msg;
    };
    t.match(msgOf("#!/none/such\n", 0o755), /own or its interpreter does not exist/);
    t.match(msgOf("\x7fELF nothing", 0o755), /is no program for this machine/);
    t.match(msgOf("#!/bin/sh\n", 0o644), /not executable: chmod \+x/);
  });

  t.test(`${name}: an IPAM plugin that is just being written is tried again`, async (t) => {
    const folder = temporaryFolder(t);
    const { environment, stdin } = delOf(folder, `: > ${folder}/done`);
    const file = openSync(join(folder, "own"), "r+");
    const plugin = spawn(path, [], { env: environment, stdio: ["pipe", "ignore", "ignore"] });
    plugin.stdin.end(stdin);
    await sleep(700);
    closeSync(file);
    const [code] = await once(plugin, "exit");
    t.strictSame([code, existsSync(join(folder, "done"))], [0, true]);
  });
}
