// node FOLDER CROWDED: an empty folder to work in, and one with very many files.
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { port } from "#system";
import { Errno } from "../../../../src/system/errno.ts";
import * as files from "../../../../src/system/files.ts";
import { withLock, withLockedFile } from "../../../../src/system/lock.ts";
import { cstring } from "../../../../src/system/text.ts";
import { check, failure } from "./cases.ts";

const [folder, crowded] = process.argv.slice(2) as [string, string];
const path = (name: string): string => `${folder}/${name}`;
const make = (name: string, text: string): string => {
  writeFileSync(path(name), text);
  return path(name);
};
const text = (name: string): string => readFileSync(path(name), "utf8");
const replaceablePort = port as { -readonly [name in keyof typeof port]: (typeof port)[name] };

/** Runs `work` while a function of the port is another one. */
function withPort<K extends keyof typeof port, T>(name: K, replacement: (typeof port)[K], work: () => T): T {
  const real = replaceablePort[name];
  replaceablePort[name] = replacement;
  try {
    return work();
  } finally {
    replaceablePort[name] = real;
  }
}

// Reading

for (const size of [0, 1, 1023, 1024, 1025, 8191, 8192, 8193, 16384, 16385, 65536, 100_000]) {
  const written = "0123456789abcdefg".repeat(size / 17 + 1).slice(0, size);
  const file = make("sized", written);
  check(`readText reads ${size} bytes whole`, () => files.readText(file) === written, true);
  check(`readSmall reads ${size} bytes whole`, () => files.readSmall(file) === written, true);
}
const greeting = make("greeting", "Grüße, 世界 🐧\n");
for (const read of [files.readText, files.readSmall]) {
  check(`${read.name} reads UTF-8`, () => read(greeting), "Grüße, 世界 🐧\n");
  check(`${read.name} finds no text where there is no file`, () => read(path("none")), undefined);
  check(`${read.name} finds no text under a file`, () => read(`${greeting}/x`), undefined);
  check(
    `${read.name} reads on after EINTR`,
    () => {
      let interruptions = 3;
      const real = port.read;
      const reading: typeof port.read = (...args) => (interruptions-- > 0 ? -Errno.EINTR : real(...args));
      return withPort("read", reading, () => read(greeting));
    },
    text("greeting"),
  );
}
check("readText of a folder is EISDIR", () => files.readText(folder), failure("read", Errno.EISDIR, folder));
check(
  "readText follows a symbolic link",
  () => {
    symlinkSync("greeting", path("followed"));
    return files.readText(path("followed"));
  },
  text("greeting"),
);
check(
  "readText reads on after short reads",
  () => {
    const real = port.read;
    const reading: typeof port.read = (fd, buffer) => real(fd, buffer.subarray(0, 3), 3);
    return withPort("read", reading, () => files.readText(greeting));
  },
  text("greeting"),
);
check(
  "readText gives its descriptors back",
  () => {
    const before = readdirSync("/proc/self/fd").length;
    for (let i = 0; i < 50; i++) files.readText(greeting);
    return readdirSync("/proc/self/fd").length - before;
  },
  0,
);
check(
  "a path with NUL is refused before the kernel cuts it",
  () => files.readText(`${greeting}\0.old`),
  new RangeError("a path must not contain NUL"),
);

// Writing

const long = "ü".repeat(300_000);
files.replaceFile(path("whole"), "old");
check("replaceFile makes a file that its owner alone may read", () => statSync(path("whole")).mode & 0o777, 0o600);
files.replaceFile(path("whole"), long);
check("replaceFile replaces the text", () => text("whole") === long, true);
files.replaceFile(path("public"), "", 0o644);
check("replaceFile takes another mode", () => statSync(path("public")).mode & 0o777, 0o644);
check("replaceFile writes a new file and leaves the old one's other names alone", () => {
  linkSync(path("public"), path("public.link"));
  files.replaceFile(path("public"), "new");
  return [text("public"), text("public.link")];
}, ["new", ""]);
check(
  "replaceFile overwrites what a killed process left",
  () => {
    writeFileSync(path(".left.tmp"), "a longer text than the new one");
    files.replaceFile(path("left"), "short");
    return text("left");
  },
  "short",
);
check("replaceFile leaves no temporary file", () => readdirSync(folder).filter((name) => name.endsWith(".tmp")), []);
check(
  "replaceFile in a missing folder is ENOENT",
  () => files.replaceFile(path("none/x"), ""),
  failure("open", Errno.ENOENT, path("none/.x.tmp")),
);
check(
  "writing goes on after short writes and EINTR",
  () => {
    let calls = 0;
    const real = port.write;
    const writing: typeof port.write = (fd, bytes) =>
      calls++ % 2 === 0 ? -Errno.EINTR : real(fd, bytes.subarray(0, 5), Math.min(5, bytes.length));
    withPort("write", writing, () => files.replaceFile(path("short"), "in pieces, every one of them"));
    return text("short");
  },
  "in pieces, every one of them",
);
check(
  "replaceFile keeps the old text when the disk is full",
  () => {
    files.replaceFile(path("full"), "old");
    try {
      withPort(
        "write",
        () => -Errno.ENOSPC,
        () => files.replaceFile(path("full"), "new"),
      );
    } catch {
      return text("full");
    }
    return "no error";
  },
  "old",
);

check(
  "writeExisting writes into a file",
  () => {
    files.writeExisting(make("sysctl", "0"), "1");
    return text("sysctl");
  },
  "1",
);
check(
  "writeExisting makes no file",
  () => files.writeExisting(path("none"), "1"),
  failure("open", Errno.ENOENT, path("none")),
);

for (const [longest, cut] of [
  [undefined, "whatever was there"],
  [9, "9 bytes"],
  [4, "nothing"],
] as const) {
  check(
    `overwriteFile replaces a text and cuts ${cut}`,
    () => {
      make("over", longest === 4 ? "1234" : "123456789");
      files.overwriteFile(path("over"), longest === 4 ? "abcdef" : "abc", longest);
      return text("over");
    },
    longest === 4 ? "abcdef" : "abc",
  );
}
check("overwriteFile makes a missing file", () => {
  files.overwriteFile(path("over.new"), "abc");
  return [text("over.new"), statSync(path("over.new")).mode & 0o777];
}, ["abc", 0o600]);
check(
  "appendToFile makes a file and goes on at its end",
  () => {
    files.appendToFile(path("journal"), "one\n");
    files.appendToFile(path("journal"), "two\n");
    return text("journal");
  },
  "one\ntwo\n",
);

// Creating

const nook = path("nook");
mkdirSync(nook);
const noUnnamedFiles: typeof port.open = (
  (real): typeof port.open =>
  (file, flags, mode) =>
    flags & 0o20000000 ? -Errno.EOPNOTSUPP : real(file, flags, mode)
)(port.open);

for (const [where, open] of [
  ["", port.open],
  [" without O_TMPFILE", noUnnamedFiles],
] as const) {
  const prefix = where === "" ? "tmpfile" : "named";
  const create = (names: string[], content: string, inside = nook): string | undefined => {
    const left = names.map((name) => `${prefix}-${name}`);
    return withPort("open", open, () => files.createFirst(inside, left, content));
  };
  check(`createFirst${where} takes the first name`, () => create(["a", "b"], "first"), `${prefix}-a`);
  check(`createFirst${where} takes the first free name`, () => create(["a", "b", "c"], "second"), `${prefix}-b`);
  check(`createFirst${where} has no name where all are taken`, () => create(["a", "b"], "third"), undefined);
  check(`createFirst${where} leaves what is there alone`, () => [text(`nook/${prefix}-a`), text(`nook/${prefix}-b`)], [
    "first",
    "second",
  ]);
  check(
    `createFirst${where} leaves no other name`,
    () =>
      readdirSync(nook)
        .filter((name) => name.startsWith(".") || name.startsWith(prefix))
        .sort(),
    [`${prefix}-a`, `${prefix}-b`],
  );
  check(
    `createFirst${where} makes files that their owner alone may read`,
    () => statSync(`${nook}/${prefix}-a`).mode & 0o777,
    0o600,
  );
  check(
    `createFirst${where} writes long texts whole`,
    () => [create(["long"], long), text(`nook/${prefix}-long`) === long],
    [`${prefix}-long`, true],
  );
  check(`createFirst${where} leaves nothing when the disk is full`, () => {
    const before = readdirSync(nook).sort();
    const full = (): unknown =>
      withPort(
        "write",
        () => -Errno.ENOSPC,
        () => create(["full"], "text"),
      );
    let errno: unknown;
    try {
      full();
    } catch (error) {
      errno = (error as { errno: number }).errno;
    }
    return [errno, JSON.stringify(readdirSync(nook).sort()) === JSON.stringify(before)];
  }, [Errno.ENOSPC, true]);
  check(`createWhole${where} answers whether the name was free`, () => {
    const attempt = (): boolean => withPort("open", open, () => files.createWhole(nook, `${prefix}-whole`, "x"));
    return [attempt(), attempt()];
  }, [true, false]);
  check(
    `createFirst${where} in a missing folder is ENOENT`,
    () => {
      try {
        return create(["a"], "", path("none"));
      } catch (error) {
        return (error as { errno: number }).errno;
      }
    },
    Errno.ENOENT,
  );
}
check("createFirst without O_TMPFILE never writes into a file that a killed process made", () => {
  // Killed between linkat(2) and unlink(2), it left its temporary name as a second one of a finished file.
  linkSync(`${nook}/named-a`, `${nook}/.${process.pid}.tmp`);
  withPort("open", noUnnamedFiles, () => files.createWhole(nook, "named-z", "new"));
  return [text("nook/named-a"), text("nook/named-z")];
}, ["first", "new"]);

// Removing

check(
  "removeFile tells whether there was one",
  () => [files.removeFile(make("gone", "")), files.removeFile(path("gone")), files.removeFile(`${greeting}/x`)],
  [true, false, false],
);
check(
  "removeFile leaves a folder, which is no file",
  () => [files.removeFile(folder), (statSync(folder).mode & 0o170000) === 0o040000],
  [false, true],
);
check("removeFolder tells whether there is none any more", () => {
  mkdirSync(path("empty"));
  return [files.removeFolder(path("empty")), files.removeFolder(path("empty")), files.removeFolder(nook)];
}, [true, true, false]);
check(
  "removeFolder of a file is refused",
  () => files.removeFolder(greeting),
  failure("rmdir", Errno.ENOTDIR, greeting),
);

// Folders

check("makeFolder makes all of a path, and what is there is no error", () => {
  files.makeFolder(path("a/b/c"), 0o700);
  files.makeFolder(path("a/b/c"));
  return ["a", "a/b", "a/b/c"].map((name) => statSync(path(name)).mode & 0o777);
}, [0o700, 0o700, 0o700]);
check(
  "makeFolder under a link to nowhere ends with ENOENT",
  () => {
    symlinkSync("nowhere", path("dangling"));
    files.makeFolder(path("dangling/x"));
  },
  failure("mkdir", Errno.ENOENT, path("dangling/x")),
);
check(
  "makeFolder under a file is ENOTDIR",
  () => files.makeFolder(`${greeting}/x/y`),
  failure("mkdir", Errno.ENOTDIR, `${greeting}/x/y`),
);
const names = files.listFolder(crowded);
check("listFolder lists every one of very many names once", () => [names.length, new Set(names).size], [5000, 5000]);
check(
  "listFolder lists the names that are there",
  () => JSON.stringify(names.sort()) === JSON.stringify(readdirSync(crowded).sort()),
  true,
);
check(
  "listFolder of a missing folder is empty",
  () => [files.listFolder(path("none")), files.listFolder(`${greeting}/x`)],
  [[], []],
);
check("listFolder of an empty folder is empty", () => files.listFolder(path("a/b/c")), []);
check(
  "listFolder of a file is ENOTDIR",
  () => files.listFolder(greeting),
  failure("getdents64", Errno.ENOTDIR, greeting),
);
check("listFolder of a folder that is removed meanwhile is empty", () => {
  mkdirSync(path("fleeting"));
  const real = port.open;
  const opening: typeof port.open = (...args) => {
    const fd = real(...args);
    rmdirSync(path("fleeting"));
    return fd;
  };
  return withPort("open", opening, () => files.listFolder(path("fleeting")));
}, []);

// Something else in the place of a file of our own

mkdirSync(path("other-folder"));
symlinkSync("greeting", path("other-link"));
symlinkSync("nowhere", path("other-nowhere"));
for (const name of ["other-folder", "other-link", "other-nowhere"]) {
  check(`readSmall does not read ${name}`, () => [files.readSmall(path(name)), files.readSmall(path(name), "other")], [
    undefined,
    "other",
  ]);
  const errno = name === "other-folder" ? Errno.EISDIR : Errno.ELOOP;
  check(
    `overwriteFile refuses ${name}`,
    () => files.overwriteFile(path(name), "x"),
    failure("open", errno, path(name)),
  );
  check(`appendToFile refuses ${name}`, () => files.appendToFile(path(name), "x"), failure("open", errno, path(name)));
}
check("and nothing was written through the links", () => [text("greeting"), readdirSync(folder).includes("nowhere")], [
  "Grüße, 世界 🐧\n",
  false,
]);
check("replaceFile takes a link's place, and writes through none that a killed process may have left", () => {
  symlinkSync("greeting", path(".other-nowhere.tmp"));
  files.replaceFile(path("other-nowhere"), "new");
  return [text("other-nowhere"), text("greeting"), readdirSync(folder).filter((name) => name.endsWith(".tmp"))];
}, ["new", "Grüße, 世界 🐧\n", []]);
check("replaceFile in the place of a folder is EISDIR, and leaves no temporary file", () => {
  try {
    files.replaceFile(path("other-folder"), "new");
  } catch (error) {
    return [(error as { errno: number }).errno, readdirSync(folder).filter((name) => name.endsWith(".tmp"))];
  }
  return "no error";
}, [Errno.EISDIR, []]);
check("listFiles has the regular files alone", () => {
  mkdirSync(path("mixed"));
  mkdirSync(path("mixed/folder"));
  symlinkSync("file", path("mixed/link"));
  writeFileSync(path("mixed/file"), "");
  const reals = port.getdents64;
  // As of a file system that tells no types.
  const untyped: typeof reals = (fd, buffer, size) => {
    const length = reals(fd, buffer, size);
    const view = new DataView(buffer.buffer);
    for (let at = 0; at < length; at += view.getUint16(at + 16, true)) buffer[at + 18] = 0;
    return length;
  };
  return [files.listFiles(path("mixed")), withPort("getdents64", untyped, () => files.listFiles(path("mixed")))];
}, [["file"], ["file"]]);

// Status

const status = (file: string): unknown => {
  const { dev, ino, size, nlink, mtimeNs, mode } = statSync(file, { bigint: true });
  // makedev(3): 12 bits of major and 20 of minor number, in pieces
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn & 0xffffffffn);
  const isFolder = (mode & 0o170000n) === 0o040000n;
  return {
    identity: `${major}:${minor}:${ino}`,
    isFolder,
    isRegular: (mode & 0o170000n) === 0o100000n,
    mode: Number(mode & 0o7777n),
    size: Number(size),
    links: Number(nlink),
    modified: mtimeNs,
  };
};
symlinkSync("greeting", path("link"));
utimesSync(make("old", "from before 1970"), -1.5, -1.5);
for (const file of [greeting, folder, path("link"), path("old"), "/dev/null", "/proc/uptime"]) {
  const name = file.replace(folder, "FOLDER");
  const { modified, ...wanted } = status(file) as { modified: bigint };
  check(`fileStatus of ${name} is what stat(2) says`, () => ({ ...files.fileStatus(file), modified: 0 }), {
    ...wanted,
    modified: 0,
  });
  // Files of /proc are made when they are looked at.
  if (!file.startsWith("/proc"))
    check(`fileStatus of ${name} has its time`, () => files.fileStatus(file)?.modified, modified);
}
check(
  "fileStatus follows symbolic links",
  () => files.fileStatus(path("link"))?.identity === files.fileStatus(greeting)?.identity,
  true,
);
check(
  "fileStatus tells files apart",
  () => files.fileStatus(path("old"))?.identity === files.fileStatus(greeting)?.identity,
  false,
);
check(
  "fileStatus of what is not there is undefined",
  () => [files.fileStatus(path("none")), files.fileStatus(path("dangling")), files.fileStatus(`${greeting}/x`)],
  [undefined, undefined, undefined],
);
check(
  "openFileStatus is the status of the open file",
  () => {
    const fd = port.open(cstring(greeting), files.O_RDONLY, 0);
    const open = files.openFileStatus(fd);
    port.close(fd);
    return open;
  },
  status(greeting),
);
check("setTimes sets nanoseconds", () => {
  files.setTimes(greeting, 1_700_000_000, 123_456_789);
  return [files.fileStatus(greeting)?.modified, statSync(greeting, { bigint: true }).atimeNs];
}, [1_700_000_000_123_456_789n, 1_700_000_000_123_456_789n]);
check(
  "setTimes of a missing file is ENOENT",
  () => files.setTimes(path("none"), 0, 0),
  failure("utimensat", Errno.ENOENT, path("none")),
);

// Locks

check("withLock returns what the work returns", () => withLock(path("lock"), () => "done"), "done");
check(
  "withLock ends with work that throws",
  () => {
    try {
      withLock(path("lock"), () => {
        throw new Error("on purpose");
      });
    } catch {
      return withLock(path("lock"), () => "free");
    }
    return "no error";
  },
  "free",
);
check(
  "withLock in a missing folder is ENOENT",
  () => withLock(path("none/lock"), () => 0),
  failure("open", Errno.ENOENT, path("none/lock")),
);
check("withLockedFile gives the text, and writes it anew, shorter or longer", () => {
  const texts: string[] = [];
  for (const text of ["l3s private", "l2", "l2 bridge"]) {
    withLockedFile(path("port"), (file) => {
      texts.push(file.text);
      file.write(text);
    });
  }
  return [...texts, files.readSmall(path("port"))];
}, ["", "l3s private", "l2", "l2 bridge"]);
check("withLockedFile locks the file that took the place of one that its holder removed", () => {
  const removed = make("removed-lock", "old");
  const flock = port.flock;
  let waits = 1;
  (port as { flock: typeof flock }).flock = (fd, operation) => {
    // Another one holds it when we come, and removes it.
    if (waits-- > 0) withLockedFile(removed, (file) => file.remove());
    return flock(fd, operation);
  };
  try {
    return withLockedFile(removed, ({ text, write }) => {
      write("new");
      return [text, files.readSmall(removed)];
    });
  } finally {
    (port as { flock: typeof flock }).flock = flock;
  }
}, ["", "new"]);
