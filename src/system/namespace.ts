import { port } from "#system";
import { check } from "./errno.ts";
import { O_RDONLY, openFileStatus } from "./files.ts";
import { cstring } from "./text.ts";

const CLONE_NEWNET = 0x40000000;
const O_CLOEXEC = 0o2000000;

/** An open network namespace. */
export interface Namespace {
  readonly fd: number;
  readonly path: string;
}

/** Opens the file of a namespace; that it is one shows only when it is entered. */
export function openNamespace(path: string): Namespace {
  return { fd: check(port.open(cstring(path), O_RDONLY | O_CLOEXEC, 0), "open", path), path };
}

let home: Namespace | undefined;

/** The namespace in which this process was started; it stays open. Call it or {@link inNamespace} before any other. */
export function homeNamespace(): Namespace {
  home ??= openNamespace("/proc/self/ns/net");
  return home;
}

export function closeNamespace(namespace: Namespace): void {
  port.close(namespace.fd);
}

/**
 * Moves this process into the namespace: sockets opened from now on, and /proc/sys/net, are that namespace's.
 * EINVAL means that the file is no network namespace.
 */
export function enterNamespace(namespace: Namespace): void {
  check(port.setns(namespace.fd, CLONE_NEWNET), "setns", namespace.path);
}

/** Runs `work` inside the namespace and comes home: sockets that it opens stay in the namespace. */
export function inNamespace<T>(namespace: Namespace, work: () => T): T {
  const back = homeNamespace();
  enterNamespace(namespace);
  try {
    return work();
  } finally {
    enterNamespace(back);
  }
}

const identities = new WeakMap<Namespace, string>();

/** Device and inode: the same for every path to one namespace, and unique among those that exist. */
export function namespaceIdentity(namespace: Namespace): string {
  const known = identities.get(namespace);
  if (known !== undefined) return known;
  const { identity } = openFileStatus(namespace.fd);
  identities.set(namespace, identity);
  return identity;
}
