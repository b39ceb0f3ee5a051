import { gc } from "./generated/protocol.keys.ts";
import { decodeObject, describe, token } from "./json.ts";
import { askedNameFault, identifierFault } from "./names.ts";
import { normalise } from "./normalise.ts";
import { invalid, readList, readObject, readString } from "./read.ts";

/** The tuple that stands for an attachment (SPEC.md, section 3). */
export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
}

/**
 * The attachments that a GC must keep (SPEC.md, section 2, "GC"): `cni.dev/valid-attachments`, or the name that an
 * earlier text of the specification gave it. null is Go's empty list.
 *
 * @param stdin the configuration as it came
 * @returns undefined where there is no list
 * @throws PluginError 6 for what is no JSON, 7 for a list that is malformed
 */
export function parseValidAttachments(stdin: string): readonly Attachment[] | undefined {
  const raw = readObject(
    normalise(decodeObject(stdin), gc, "", () => {}),
    "",
  );
  const key = ["cni.dev/valid-attachments", "cni.dev/attachments"].find((name) => raw[name] !== undefined);
  if (key === undefined) return undefined;
  return readList(raw[key], `/${token(key)}`, (value, pointer) => {
    const { containerID, ifname } = readObject(value, pointer);
    return {
      containerId: readName(containerID, `${pointer}/containerID`, identifierFault),
      ifname: readName(ifname, `${pointer}/ifname`, askedNameFault),
    };
  });
}

/** A name that becomes a part of a file's name: what no ADD was given is no attachment's. */
function readName(value: unknown, pointer: string, faultOf: (name: string) => string | undefined): string {
  const name = readString(value, pointer);
  const fault = faultOf(name);
  if (fault === undefined) return name;
  throw invalid(pointer, `${describe(name)} ${fault}`);
}
