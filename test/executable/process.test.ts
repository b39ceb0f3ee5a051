import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import t from "tap";
import { addEnvironment, config, executables, run } from "./lib/plugin.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

for (const { name, path } of executables) {
  t.test(`${name}: VERSION answers in the caller's version with every supported one`, async (t) => {
    const answer = run(path, { CNI_COMMAND: "VERSION" }, { cniVersion: "0.4.0" });
    t.strictSame(answer.json, {
      cniVersion: "0.4.0",
      supportedVersions: ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
    });
    t.equal(answer.code, 0);
    t.equal(answer.stderr, "");
  });

  t.test(`${name}: VERSION, and an error of the environment, wait for no end of standard input`, async (t) => {
    for (const [what, environment, given, expected] of [
      ["VERSION and a configuration", { CNI_COMMAND: "VERSION" }, '{"cniVersion": "0.4.0"}\n', "0.4.0"],
      ["VERSION and nothing", { CNI_COMMAND: "VERSION" }, "", "1.1.0"],
      ["VERSION and half of it", { CNI_COMMAND: "VERSION" }, '{"cniVersion": ', "1.1.0"],
      ["an unknown command", { CNI_COMMAND: "add" }, '{"cniVersion": "0.3.1"}', "0.3.1"],
      ["no CNI_CONTAINERID", { ...addEnvironment, CNI_CONTAINERID: "" }, "", "1.1.0"],
    ] as const) {
      const child = spawn(path, [], { env: environment, stdio: ["pipe", "pipe", "inherit"] });
      child.stdin.write(given);
      const answer = JSON.parse(await text(child.stdout));
      t.equal(answer.cniVersion, expected, what);
      t.equal(child.stdin.writableEnded, false, `${what}: the pipe is still open`);
      child.stdin.destroy();
    }
  });

  t.test(`${name}: without CNI_COMMAND it says on stderr what it is, as the reference plugins do`, async (t) => {
    const answer = run(path, {}, "");
    t.equal(answer.stdout, "");
    t.match(answer.stderr, `CNI plugin ipvlan v${version}`);
    t.match(answer.stderr, "CNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0");
    t.equal(answer.code, 0);
  });

  t.test(
    `${name}: input that cannot be read is code 5; output that cannot be written fails, and stderr says so`,
    async (t) => {
      const [folder, full] = [openSync("/", "r"), openSync("/dev/full", "w")];
      t.teardown(() => [folder, full].forEach(closeSync));
      const options = { env: { CNI_COMMAND: "VERSION" }, encoding: "utf8" } as const;
      const deaf = spawnSync(path, [], { ...options, stdio: [folder, "pipe", "pipe"] });
      t.match(JSON.parse(deaf.stdout), { code: 5, msg: "read standard input: EISDIR" });
      t.strictSame([deaf.status, deaf.stderr], [1, ""]);
      const mute = spawnSync(path, [], { ...options, stdio: ["ignore", full, "pipe"] });
      t.match(JSON.parse(mute.stderr), { code: 5, msg: "write standard output: ENOSPC" });
      t.equal(mute.status, 1);
    },
  );

  t.test(
    `${name}: a standard error that is closed, full or never read changes nothing, and is not waited for`,
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), "ipvlan-cni-"));
      t.teardown(() => rmSync(folder, { recursive: true }));
      const { master, ...others } = config;
      const input = JSON.stringify({ ...others, Master: master });
      for (const [what, script] of [
        ["it is heard", `exec ${path}`],
        ["closed", `exec ${path} 2>&-`],
        ["full", `exec ${path} 2>/dev/full`],
        ["a pipe without a reader", `exec 3>&1; { sleep 0.1; exec ${path} >&3; } 2>&1 | :`],
        ["a full pipe", `mkfifo pipe; exec 4<>pipe; head -c 65536 /dev/zero >&4; exec ${path} 2>&4`],
      ] as const) {
        const options = { env: { ...addEnvironment, PATH: process.env.PATH }, input, cwd: folder, timeout: 10_000 };
        const { stdout, stderr } = spawnSync("sh", ["-c", script], { ...options, encoding: "utf8" });
        t.match(JSON.parse(stdout), { code: 3, msg: "/nowhere/netns" }, what);
        t.match(stderr, what === "it is heard" ? 'ipvlan: warning: key "Master" is read as "master"' : /^$/);
      }
    },
  );

  t.test(`${name}: files of the folder it is started in change nothing`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "ipvlan-cni-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, ".env"), "CNI_COMMAND=VERSION\nCNI_IFNAME=fromenv\n");
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(folder, "evil.ts"), 'console.log("evil");\n');
    writeFileSync(join(folder, "package.json"), '{"type": "module", "imports": {"#system": "./evil.ts"}}\n');
    writeFileSync(join(folder, "tsconfig.json"), "{ broken");
    writeFileSync(join(folder, "sea-config.json"), "{ broken");
    const { CNI_IFNAME: _, ...withoutName } = addEnvironment;
    t.match(run(path, withoutName, config, folder).json, { code: 4, msg: "CNI_IFNAME" });
    t.equal(run(path, {}, "", folder).stdout, "");
  });

  t.test(`${name}: nothing in the environment but CNI_* changes what it does`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "ipvlan-cni-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const evil = join(folder, "evil.cjs");
    writeFileSync(evil, 'console.log("evil");\n');
    const wanted = run(path, { CNI_COMMAND: "VERSION" }, { cniVersion: "1.1.0" });
    t.equal(wanted.code, 0);
    for (const [variable, value] of Object.entries({
      NODE_OPTIONS: `--require ${evil}`,
      NODE_REPL_EXTERNAL_MODULE: evil,
      NODE_COMPILE_CACHE: join(folder, "compile-cache"),
      NODE_V8_COVERAGE: join(folder, "coverage"),
      NODE_REDIRECT_WARNINGS: join(folder, "warnings"),
      NODE_PENDING_DEPRECATION: "1",
      NODE_DEBUG: "module,fs,child_process,esm",
      NODE_DEBUG_NATIVE: "mksnapshot,code_cache,sea,compile_cache",
      NODE_EXTRA_CA_CERTS: evil,
      NODE_ICU_DATA: folder,
      NODE_CHANNEL_FD: "1",
      NODE_UNIQUE_ID: "1",
      NODE_TEST_CONTEXT: "child-v8",
      NODE_PATH: folder,
      OPENSSL_CONF: evil,
      SSL_CERT_FILE: evil,
      UV_THREADPOOL_SIZE: "0",
      TZ: "Pacific/Auckland",
      LC_ALL: "tr_TR.UTF-8",
      HOME: folder,
      TMPDIR: folder,
    })) {
      const answer = run(path, { CNI_COMMAND: "VERSION", [variable]: value }, { cniVersion: "1.1.0" }, folder);
      t.strictSame(answer, wanted, variable);
      t.strictSame(readdirSync(folder), ["evil.cjs"], `${variable}: no file`);
    }
  });
}
