// Puts back what the host of this namespace has lost for its containers; prints what cannot be.
import { port } from "#system";
import { openNetlink } from "../../../../src/netlink/socket.ts";
import { restoreHostAccess } from "../../../../src/reach/restore.ts";
import { writeAll } from "../../../../src/system/files.ts";
import { encode } from "../../../../src/system/text.ts";

port.start(() => {
  restoreHostAccess(openNetlink(), ({ containerId }, error) => {
    writeAll(1, encode(`${containerId}: ${error instanceof Error ? error.message : error}\n`), "stdout");
  });
  port.exit(0);
}, encode("it failed\n"));
