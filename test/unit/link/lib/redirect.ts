// The plugin's records in another folder than /run/ipvlan-cni, so that tests leave the machine's alone.
import { port } from "#system";
import { cstring, decode } from "../../../../src/system/text.ts";

const root = "/run/ipvlan-cni";

/** From now on every path below the root leads below `folder`. @returns what ends that */
export function redirect(folder: string): () => void {
  const replaceable = port as { -readonly [name in keyof typeof port]: (typeof port)[name] };
  const { open, unlink, mkdir, rmdir, rename, linkat, statx } = port;
  const there = (path: Uint8Array): Uint8Array => {
    const text = decode(path.subarray(0, -1));
    return text === root || text.startsWith(`${root}/`) ? cstring(folder + text.slice(root.length)) : path;
  };
  replaceable.open = (path, flags, mode) => open(there(path), flags, mode);
  replaceable.unlink = (path) => unlink(there(path));
  replaceable.mkdir = (path, mode) => mkdir(there(path), mode);
  replaceable.rmdir = (path) => rmdir(there(path));
  replaceable.rename = (from, to) => rename(there(from), there(to));
  replaceable.linkat = (fromFd, from, toFd, to, flags) => linkat(fromFd, there(from), toFd, there(to), flags);
  replaceable.statx = (fd, path, flags, mask, buffer) => statx(fd, there(path), flags, mask, buffer);
  return () => Object.assign(replaceable, { open, unlink, mkdir, rmdir, rename, linkat, statx });
}
