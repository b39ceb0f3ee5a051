// build/install.sh on a root folder that has nothing but the libraries that an executable needs.
import { spawn } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { layer } from "../machine/packages.ts";
import { must, run } from "../machine/process.ts";
import { makeBareRoot, obstacle } from "./lib/bare-root.ts";
import { at, release, releaseFolder } from "./lib/release.ts";

t.setTimeout(0);
const missing = await obstacle();
const version = JSON.parse(readFileSync(at("package.json"), "utf8")).version;
const native = at("dist/native/ipvlan");
const pkg = at("dist/pkg/ipvlan");
const work = mkdtempSync(join(tmpdir(), "install-"));
t.teardown(() => rmSync(work, { recursive: true }));

/** The shell that runs it on most machines, and the one of small systems, with nothing but its own programs. */
const shells: Record<string, () => Promise<{ words: string[]; env: NodeJS.ProcessEnv }>> = {
  sh: async () => ({ words: ["sh"], env: {} }),
  async busybox() {
    const busybox = join(await layer("base"), "usr/bin/busybox");
    mkdirSync(join(work, "busybox"));
    for (const applet of (await must(busybox, ["--list"])).toString().trim().split("\n")) {
      symlinkSync(busybox, join(work, "busybox", applet));
    }
    return { words: [busybox, "sh"], env: { PATH: join(work, "busybox") } };
  },
};

/** A folder to install from. */
function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(work, "from-"));
  for (const [name, from] of Object.entries(files)) copyFileSync(from, join(folder, name));
  return folder;
}

t.test(
  "the archive for x64 installs on a root that holds nothing at all, and its checksum is right",
  { skip: missing || (process.arch !== "x64" && "this machine is not x64") },
  async (t) => {
    await release("linux-x64");
    await must("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: releaseFolder });
    const name = `ipvlan-cni-${version}-linux-x64`;
    await must("tar", ["-xzf", join(releaseFolder, `${name}.tar.gz`), "-C", work]);
    const root = await makeBareRoot();
    const { code, stderr } = await root.run([join(work, name, "install.sh"), "--root", root.path]);
    t.equal(code, 0, stderr);
    t.match(stderr, `/opt/cni/bin/ipvlan is ipvlan v${version}`);
    t.strictSame(root.list("opt/cni/bin"), ["ipvlan", "ipvlan-node"]);
    for (const program of root.list("opt/cni/bin")) {
      t.equal(statSync(join(root.path, "opt/cni/bin", program)).mode & 0o7777, 0o755, program);
    }
    const { stdout } = await root.run([
      "sh",
      "-c",
      `echo '{}' | CNI_COMMAND=VERSION chroot "$1" /opt/cni/bin/ipvlan`,
      "sh",
      root.path,
    ]);
    t.match(JSON.parse(stdout.toString()), { supportedVersions: ["0.1.0"] });
  },
);

for (const [name, prepare] of Object.entries(shells)) {
  t.test(`in ${name}`, { skip: missing }, async (t) => {
    const { words, env } = await prepare();
    const root = await makeBareRoot(pkg);
    const plugin = join(root.path, "bin/ipvlan");
    mkdirSync(join(root.path, "bin"), { recursive: true });
    const install = async (...more: string[]) => {
      const command = [...words, at("build/install.sh"), "--root", root.path, "--bin", "/bin", ...more];
      const { code, stderr } = await root.run([
        "env",
        ...Object.entries(env).map(([key, value]) => `${key}=${value}`),
        ...command,
      ]);
      return { code, stderr };
    };

    t.test(
      "what is there already stays as it is; that loopback is missing, which containerd needs, is said",
      async (t) => {
        const from = folderWith({ ipvlan: native });
        const lack = "there is no plugin loopback in /bin: containerd needs it";
        const first = await install("--from", from);
        t.match(first, { code: 0, stderr: `ipvlan is ipvlan v${version}` });
        t.match(first.stderr, lack);
        writeFileSync(join(root.path, "bin/loopback"), "");
        t.notMatch((await install("--from", from)).stderr, lack);
        rmSync(join(root.path, "bin/loopback"));
        const { ino } = statSync(plugin);
        t.match(await install("--from", from), { code: 0, stderr: "already" });
        t.equal(statSync(plugin).ino, ino);
      },
    );

    t.test(
      "another version takes its place at once: every call meanwhile is answered, a running one goes on",
      async (t) => {
        const running = spawn(plugin, { env: { CNI_COMMAND: "VERSION" }, stdio: ["pipe", "pipe", "inherit"] });
        const said = new Promise((resolve) => running.stdout.on("data", (chunk) => resolve(String(chunk))));
        let calls = 0;
        let over = false;
        const caller = (async () => {
          while (!over) {
            const { code, stdout } = await run(plugin, [], { env: { CNI_COMMAND: "VERSION" }, input: "{}" });
            calls++;
            if (code !== 0) throw new Error(`a call failed: ${stdout}`);
          }
        })();
        t.match(await install("--from", folderWith({ ipvlan: pkg })), { code: 0, stderr: "ipvlan is ipvlan v" });
        over = true;
        await caller;
        t.ok(calls > 5, `${calls} calls`);
        running.stdin.end("{}");
        t.match(await said, "supportedVersions", "the one before still runs");
        t.strictSame(root.list("bin"), ["ipvlan"], "nothing else is left");
      },
    );

    t.test("an executable that is not whole does not take its place", async (t) => {
      const from = folderWith({ ipvlan: native });
      truncateSync(join(from, "ipvlan"), 1_000_000);
      const { ino } = statSync(plugin);
      t.match(await install("--from", from), { code: 1, stderr: "does not run on this machine" });
      t.equal(statSync(plugin).ino, ino);
      t.strictSame(root.list("bin"), ["ipvlan"]);
    });

    t.test("without an executable, or with one for another processor, nothing changes", async (t) => {
      t.match(await install("--from", folderWith({})), { code: 1, stderr: "there is no executable" });
      const other = join(work, "other");
      // The same program, said to be for MIPS (e_machine of ELF).
      const bytes = readFileSync(native);
      bytes.writeUInt16LE(8, 18);
      writeFileSync(other, bytes);
      t.match(await install("--from", folderWith({ ipvlan: other })), {
        code: 1,
        stderr: "does not run on this machine, which is",
      });
      t.strictSame(root.list("bin"), ["ipvlan"]);
    });

    t.test("it is not taken away as long as there are attachments, and the error names them", async (t) => {
      const records = join(root.path, "run/ipvlan-cni/networks/net1");
      mkdirSync(records, { recursive: true });
      for (const id of ["c1", "c2", "c3", "c4"]) writeFileSync(join(records, `${id}:eth0`), "{}");
      const refused = { code: 1, stderr: "has attached net1/c1:eth0, net1/c2:eth0, net1/c3:eth0 and 1 more" };
      t.match(await install("--uninstall"), refused);
      t.match(await install("--uninstall", "--purge"), refused);
      t.strictSame(root.list("bin"), ["ipvlan"]);
      rmSync(records, { recursive: true });
    });

    t.test(
      "with it goes what it has remembered, if that is wanted; addresses that are reserved stay, and it says so",
      async (t) => {
        const data = join(root.path, "var/lib/cni/networks");
        mkdirSync(join(data, ".ipvlan-cni/networks/net1"), { recursive: true });
        mkdirSync(join(data, "net1"));
        for (const name of ["192.168.1.2", "2001:db8::2", "last_reserved_ip.0", "lock"])
          writeFileSync(join(data, "net1", name), "");
        mkdirSync(join(data, "unused"));
        const { code, stderr } = await install("--uninstall");
        t.equal(code, 0, stderr);
        t.match(stderr, "is gone");
        t.match(stderr, "/run/ipvlan-cni: --uninstall --purge removes it");
        t.match(stderr, "/var/lib/cni/networks/.ipvlan-cni: --uninstall --purge removes it");
        t.match(stderr, /2 addresses stay reserved in \S*\/net1\//);
        t.notMatch(stderr, "unused");
        t.strictSame(root.list("bin"), []);

        const purged = await install("--uninstall", "--purge");
        t.match(purged, { code: 0, stderr: "it stays" });
        t.notMatch(purged.stderr, "--purge");
        t.match(purged.stderr, "2 addresses stay reserved");
        t.strictSame(root.list("var/lib/cni/networks"), ["net1", "unused"]);
        t.notOk(root.list("run").includes("ipvlan-cni"));
        rmSync(data, { recursive: true });
      },
    );

    t.test(
      "the program that asks a cluster's store comes and goes with it, and where it does not run only the plugin is installed",
      async (t) => {
        const node = at("dist/pkg/ipvlan-node");
        const from = folderWith({ ipvlan: native, "ipvlan-node": node });
        t.match(await install("--from", from), { code: 0, stderr: "ipvlan-node is for networks with ipam.cluster" });
        t.strictSame(root.list("bin"), ["ipvlan", "ipvlan-node"]);
        t.equal(statSync(join(root.path, "bin/ipvlan-node")).size, statSync(node).size);
        const { ino } = statSync(join(root.path, "bin/ipvlan-node"));
        t.match(await install("--from", from), { code: 0 });
        t.equal(statSync(join(root.path, "bin/ipvlan-node")).ino, ino, "one that is there already stays");
        truncateSync(join(from, "ipvlan-node"), 1_000_000);
        t.match(await install("--from", from), { code: 0, stderr: "does not run on this machine, and is left out" });
        t.strictSame(root.list("bin"), ["ipvlan"]);
        await install("--from", folderWith({ ipvlan: native, "ipvlan-node": node }));
        t.match(await install("--uninstall"), { code: 0, stderr: "is gone" });
        t.strictSame(root.list("bin"), []);
      },
    );

    t.test("another plugin of that name is kept, and comes back", async (t) => {
      writeFileSync(plugin, "the reference plugin");
      t.match(await install("--from", folderWith({ ipvlan: native })), { code: 0, stderr: "ipvlan.reference" });
      t.strictSame(root.list("bin"), ["ipvlan", "ipvlan.reference"]);
      t.match(await install("--uninstall"), { code: 0, stderr: "the plugin again that was there before" });
      t.strictSame(root.list("bin"), ["ipvlan"]);
      t.equal(readFileSync(plugin, "utf8"), "the reference plugin");
      t.match(await install("--uninstall"), { code: 0, stderr: "it stays" }, "it is not ours to take away");
    });
  });
}
