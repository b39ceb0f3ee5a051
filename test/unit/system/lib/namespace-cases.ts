// namespace-cases.ts FILE PROCESS: in a namespace of its own; FILE is an ordinary file, PROCESS one in another namespace.
import { readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { allLinks } from "../../../../src/netlink/link.ts";
import { closeNetlink, openNetlink } from "../../../../src/netlink/socket.ts";
import { Errno } from "../../../../src/system/errno.ts";
import {
  closeNamespace,
  enterNamespace,
  inNamespace,
  namespaceIdentity,
  openNamespace,
} from "../../../../src/system/namespace.ts";
import { check, failure } from "./cases.ts";

const [file = "", neighbour = ""] = process.argv.slice(2);

/** What this process sees of its namespace: the namespace's inode, and its interfaces. */
const here = (): string => readlinkSync("/proc/self/ns/net");
const links = (): string[] =>
  [...readFileSync("/proc/net/dev", "utf8").matchAll(/^ *([^ :]+):/gm)].map(([, name]) => name as string);

const home = here();
const path = `/proc/${neighbour}/ns/net`;
const there = readlinkSync(path);

try {
  const namespace = openNamespace(path);
  const plain = openNamespace(file);

  check("inNamespace works there and comes back", () => [here(), inNamespace(namespace, here), here()], [
    home,
    there,
    home,
  ]);
  check("inNamespace comes back from work that throws", () => {
    try {
      inNamespace(namespace, () => {
        throw new Error("on purpose");
      });
    } catch (error) {
      return [(error as Error).message, here()];
    }
    return "no error";
  }, ["on purpose", home]);
  check(
    "inNamespace gives its descriptors back",
    () => {
      const before = openNamespace("/proc/self/ns/net");
      closeNamespace(before);
      for (let i = 0; i < 20; i++) inNamespace(namespace, here);
      const after = openNamespace("/proc/self/ns/net");
      closeNamespace(after);
      return after.fd - before.fd;
    },
    0,
  );
  check("/proc/sys/net and /proc/net are those of the namespace", () => {
    const ttl = (): string => readFileSync("/proc/sys/net/ipv4/ip_default_ttl", "utf8").trim();
    writeFileSync("/proc/sys/net/ipv4/ip_default_ttl", "33");
    return [ttl(), inNamespace(namespace, ttl), inNamespace(namespace, links)];
  }, ["33", "64", ["lo"]]);
  check("a netlink socket stays in the namespace in which it was opened", () => {
    const socket = inNamespace(namespace, openNetlink);
    const names = allLinks(socket).map(({ name }) => name);
    closeNetlink(socket);
    return names;
  }, ["lo"]);
  check("enterNamespace stays", () => {
    const back = openNamespace("/proc/self/ns/net");
    enterNamespace(namespace);
    const entered = here();
    enterNamespace(back);
    closeNamespace(back);
    return [entered, here()];
  }, [there, home]);

  check(
    "a file that is no namespace is EINVAL, and nothing has changed",
    () => {
      try {
        return inNamespace(plain, here);
      } finally {
        if (here() !== home) process.exit(1);
      }
    },
    failure("setns", Errno.EINVAL, file),
  );
  check(
    "a namespace of another kind is EINVAL",
    () => inNamespace(openNamespace("/proc/self/ns/uts"), here),
    failure("setns", Errno.EINVAL, "/proc/self/ns/uts"),
  );
  check("a missing file is ENOENT", () => openNamespace(`${file}.none`), failure("open", Errno.ENOENT, `${file}.none`));
  check(
    "a closed namespace is EBADF",
    () => inNamespace({ fd: -1, path: "closed" }, here),
    failure("setns", Errno.EBADF, "closed"),
  );

  check(
    "namespaceIdentity is the same for every path to a namespace",
    () => {
      const other = openNamespace(`/proc/${neighbour}/task/${neighbour}/ns/net`);
      const same = namespaceIdentity(other) === namespaceIdentity(namespace);
      closeNamespace(other);
      return same;
    },
    true,
  );
  check(
    "namespaceIdentity differs between namespaces",
    () => {
      const current = openNamespace("/proc/self/ns/net");
      const same = namespaceIdentity(current) === namespaceIdentity(namespace);
      closeNamespace(current);
      return same;
    },
    false,
  );
  check(
    "namespaceIdentity ends in the inode's number",
    () => namespaceIdentity(namespace).split(":").at(-1),
    String(statSync(path).ino),
  );
} catch (error) {
  check("no case failed on the way", () => error, undefined);
}
