// process-cases.ts FOLDER "two words": an empty folder to work in. IPVLAN_TEST is in the environment.
import { mkdirSync, writeFileSync } from "node:fs";
import { port } from "#system";
import { Errno } from "../../../../src/system/errno.ts";
import { runProgram } from "../../../../src/system/programs.ts";
import { cstring } from "../../../../src/system/text.ts";
import { check } from "./cases.ts";

const [folder = ""] = process.argv.slice(2);

function run(name: string, options: { stdin?: string; timeoutMs?: number } = {}): unknown {
  return runProgram(`${folder}/${name}`, { environment: { GIVEN: "a b" }, stdin: "", timeoutMs: 10_000, ...options });
}

function program(name: string, text: string, mode = 0o755): string {
  writeFileSync(`${folder}/${name}`, text, { mode });
  return name;
}

const ended = (status: number, stdout = "", stderr = ""): unknown => ({ status, stdout, stderr, failure: undefined });
const failed = (failure: string, stdout = ""): unknown => ({ status: undefined, stdout, stderr: "", failure });

check("argv is what follows the script", () => port.argv.slice(-2), [folder, "two words"]);
check("environment is the process's", () => port.environment.IPVLAN_TEST, "yes");

check(
  "run passes stdin on and returns status, stdout and stderr",
  () => {
    return run(program("talks", "#!/bin/sh\ncat\necho err >&2\nexit 3\n"), { stdin: "grüße\n" });
  },
  ended(3, "grüße\n", "err\n"),
);
check(
  "run gives exactly the environment that it is told to give",
  () => {
    return run(program("env", '#!/bin/sh\necho "$GIVEN, $HOME, $IPVLAN_TEST"\n'));
  },
  ended(0, "a b, , \n"),
);
check("run passes long input and output on whole", () => {
  const stdin = "ü".repeat(500_000);
  const { status, stdout } = run(program("cat", "#!/bin/sh\nexec cat\n"), { stdin }) as {
    status: number;
    stdout: string;
  };
  return [status, stdout === stdin];
}, [0, true]);
check(
  "run returns the status of a program that does not read its input",
  () => {
    return run(program("deaf", "#!/bin/sh\nexit 3\n"), { stdin: "x".repeat(1_000_000) });
  },
  ended(3),
);
check("run of a missing program is ENOENT", () => run("none"), failed("ENOENT"));
check(
  "run of a program whose interpreter is missing is ENOENT",
  () => run(program("lost", "#!/none/such\n")),
  failed("ENOENT"),
);
check(
  "run of a file that is not executable is EACCES",
  () => run(program("plain", "#!/bin/sh\n", 0o644)),
  failed("EACCES"),
);
check(
  "run of a folder is EACCES",
  () => {
    mkdirSync(`${folder}/folder`);
    return run("folder");
  },
  failed("EACCES"),
);
check(
  "run tells the signal that ended the program",
  () => run(program("killed", "#!/bin/sh\nkill -TERM $$\n")),
  failed("SIGTERM"),
);
check("run ends a program after its time, even if it ignores SIGTERM and its child holds on to stdout", () => {
  const started = performance.now();
  const outcome = run(program("hangs", "#!/bin/sh\ntrap '' TERM\necho part\nsleep 3\necho rest\n"), { timeoutMs: 100 });
  return [outcome, performance.now() - started < 2000];
}, [failed("ETIMEDOUT", "part\n"), true]);

check("run does not wait for what a program that has ended left running, whatever that holds open", () => {
  const started = performance.now();
  const outcome = run(program("leaves", "#!/bin/sh\nsleep 3 &\necho part\n"));
  return [outcome, performance.now() - started < 2000];
}, [ended(0, "part\n"), true]);

check(
  "a failed call is its negated errno",
  () => [
    port.open(cstring(`${folder}/none`), 0, 0),
    port.close(-1),
    port.mkdir(cstring(folder), 0o700),
    port.read(-1, new Uint8Array(1), 1),
    port.socket(-1, 0, 0),
  ],
  [-Errno.ENOENT, -Errno.EBADF, -Errno.EEXIST, -Errno.EBADF, -Errno.EAFNOSUPPORT],
);
check("nothing may be written, and read into nothing", () => {
  const fd = port.open(cstring("/dev/null"), 2, 0);
  const counts = [port.write(fd, new Uint8Array(0), 0), port.read(fd, new Uint8Array(0), 0)];
  port.close(fd);
  return counts;
}, [0, 0]);

// port.exit ends the process at once, so this line, which is no case, is never seen.
process.on("exit", () => console.log("an exit handler ran"));
port.exit(7);
