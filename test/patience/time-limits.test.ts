// How long a call of the plugin takes at most, in real time: most of a minute of waiting, beside other tests.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { executables } from "../executable/lib/plugin.ts";
import { temporaryFolder } from "../unit/ipam/lib/network.ts";

t.setTimeout(0); // the runner limits the file's time
t.jobs = 4;

/** A DEL of a container without a namespace. @returns its error and the seconds that it took */
async function del(path: string, ipam: object, folder: string) {
  const environment = {
    CNI_COMMAND: "DEL",
    CNI_CONTAINERID: "c1",
    CNI_IFNAME: "eth0",
    CNI_NETNS: "",
    CNI_PATH: folder,
  };
  const config = { cniVersion: "1.1.0", name: "net1", type: "ipvlan", linkInContainer: true, ipam };
  const started = performance.now();
  const child = spawn(path, [], {
    env: { ...environment, PATH: process.env.PATH },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(config));
  let stdout = "";
  for await (const chunk of child.stdout) stdout += chunk;
  return { error: JSON.parse(stdout), seconds: (performance.now() - started) / 1000 };
}

for (const { name, path } of executables) {
  t.test(`${name}: an IPAM plugin that hangs is ended after a minute`, async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, "own"), "#!/bin/sh\nexec sleep 200\n", { mode: 0o755 });
    const { error, seconds } = await del(path, { type: "own" }, folder);
    t.match(error, { code: 106, msg: /^IPAM plugin own did not end DEL within (60|59\.\d) s$/ });
    t.ok(seconds > 55 && seconds < 75, `${seconds} s`);
  });

  t.test(`${name}: a lock that a stopped process holds is waited for a minute; the error names both`, async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, "net1"));
    const lock = join(folder, "net1", "lock");
    const holder = spawn("flock", [lock, "sh", "-c", `: > ${folder}/held; exec sleep 200`], {
      stdio: "ignore",
      detached: true,
    });
    t.teardown(() => process.kill(-(holder.pid as number), "SIGKILL"));
    while (!existsSync(join(folder, "held"))) await sleep(10);
    holder.kill("SIGSTOP");
    const { error, seconds } = await del(path, { type: "host-local", dataDir: folder }, folder);
    t.match(error, {
      code: 11,
      msg: new RegExp(
        `^waited \\d+ s for the lock ${lock}, held by process ${holder.pid} \\(flock, stopped\\): let it go on`,
      ),
      details: lock,
    });
    t.ok(seconds > 55 && seconds < 75, `${seconds} s`);
  });
}
