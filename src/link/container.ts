import { ErrorCode, PluginError } from "../errors.ts";
import { closeNetlink, type NetlinkSocket, openNetlink } from "../netlink/socket.ts";
import { Errno, SystemError } from "../system/errno.ts";
import { isAbsent } from "../system/files.ts";
import { closeNamespace, inNamespace, type Namespace, openNamespace } from "../system/namespace.ts";

/** A container's network namespace and a netlink socket in it. */
export interface Container {
  readonly namespace: Namespace;
  readonly socket: NetlinkSocket;
}

/** What this process may not do, or has not got: that says nothing about the path. */
const ownLacks: readonly number[] = [Errno.EPERM, Errno.EACCES, Errno.EMFILE, Errno.ENFILE, Errno.ENOMEM];

/** Opens the namespace that CNI_NETNS names. @throws PluginError 3 where there is nothing, 4 where it is no namespace */
export function openContainer(path: string): Container {
  try {
    return open(path);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (isGone(error) && error.call === "open") {
      throw new PluginError(ErrorCode.unknownContainer, `CNI_NETNS ${path} does not exist`, error.message);
    }
    if (ownLacks.includes(error.errno)) throw error;
    const reason =
      error.call === "setns" && error.errno === Errno.EINVAL
        ? "is no network namespace"
        : "cannot be entered as a network namespace";
    throw new PluginError(ErrorCode.invalidEnvironment, `CNI_NETNS ${path} ${reason}`, error.message);
  }
}

/** The same for a container that may be gone: undefined where nothing, or a plain file, is at the path. */
export function findContainer(path: string): Container | undefined {
  try {
    return open(path);
  } catch (error) {
    if (error instanceof SystemError && isGone(error)) return undefined;
    throw error;
  }
}

export function closeContainer({ namespace, socket }: Container): void {
  closeNetlink(socket);
  closeNamespace(namespace);
}

function open(path: string): Container {
  try {
    const namespace = openNamespace(path);
    return { namespace, socket: inNamespace(namespace, openNetlink) };
  } catch (error) {
    if (!(error instanceof SystemError && (error.errno === Errno.EPERM || error.errno === Errno.EACCES))) throw error;
    const message = `entering the network namespace ${path} needs CAP_SYS_ADMIN: run as root`;
    throw new PluginError(ErrorCode.ioFailure, message, error.message);
  }
}

// A namespace's mount that is gone leaves no file, or the plain file on which it was mounted; /proc/PID of a dead process
// answers ESRCH.
function isGone({ call, errno }: SystemError): boolean {
  if (call === "setns") return errno === Errno.EINVAL;
  return call === "open" && (isAbsent(errno) || errno === Errno.ESRCH);
}
