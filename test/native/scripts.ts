// The scripts of the tests that are run by the native executable's host, as one program: SCRIPT [ARGUMENT...].
import { port } from "#system";
import { encode } from "../../src/system/text.ts";

const scripts: Readonly<Record<string, () => Promise<unknown>>> = {
  "attacher.ts": () => import("../unit/link/lib/attacher.ts"),
  "contender.ts": () => import("../unit/system/lib/contender.ts"),
  "file-cases.ts": () => import("../unit/system/lib/file-cases.ts"),
  "kernel-cases.ts": () => import("../unit/netlink/lib/kernel-cases.ts"),
  "namespace-cases.ts": () => import("../unit/system/lib/namespace-cases.ts"),
  "port-fuzz.ts": () => import("../unit/system/lib/port-fuzz.ts"),
  "process-cases.ts": () => import("../unit/system/lib/process-cases.ts"),
  "text-cases.ts": () => import("../unit/system/lib/text-cases.ts"),
};

function main(): void {
  const [name = ""] = port.argv;
  // Evaluated now: a script works at its top level.
  scripts[name]?.().catch((error: Error) => {
    const text = encode(`${name}: ${error.message}\n${error.stack}`);
    port.write(2, text, text.length);
    port.exit(1);
  });
}

port.start(main, encode("a script of the tests failed\n"));
