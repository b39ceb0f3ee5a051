// The IPAM alone as an executable; see lib/command.ts.
import { port } from "#system";
import { readAll, writeAll } from "../../src/system/files.ts";
import { decode, encode } from "../../src/system/text.ts";
import { runIpam } from "./lib/command.ts";

port.start(() => {
  const { status, stdout } = runIpam(port.environment, decode(readAll(0, "stdin")));
  writeAll(1, encode(stdout), "stdout");
  port.exit(status);
}, encode("the driver failed\n"));
