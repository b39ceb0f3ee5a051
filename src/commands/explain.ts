import { ErrorCode, PluginError } from "../errors.ts";
import { NetlinkError } from "../netlink/socket.ts";
import { Errno, errnoName, SystemError } from "../system/errno.ts";
import { remedy } from "../system/remedy.ts";

/** Gives an error of the kernel that no command expected its code and a sentence; others stay what they are. */
export function explain(error: unknown): unknown {
  if (error instanceof NetlinkError) {
    const reason =
      error.errno === Errno.EPERM ? "it needs CAP_NET_ADMIN: run as root" : error.reason || errnoName(error.errno);
    return new PluginError(ErrorCode.kernel, `the kernel refused to ${error.what}: ${reason}`, error.message);
  }
  if (error instanceof SystemError) {
    const { message, call, errno } = error;
    return new PluginError(ErrorCode.ioFailure, message + remedy(errno), `${call} ${errnoName(errno)}`);
  }
  return error;
}
