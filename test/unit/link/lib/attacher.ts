// attacher.ts FOLDER ID ROUNDS: attaches and detaches again and again, on a parent of its own and in a network that it
// shares with others.
import { existsSync, writeFileSync, writeSync } from "node:fs";
import { port } from "#system";
import {
  type Attachment,
  attachmentsOfNetwork,
  findAttachment,
  forgetInNetwork,
  forgetOnParent,
  forgetParentIfUnused,
  parentKey,
  recordAttachment,
  withParent,
} from "../../../../src/link/records.ts";
import { redirect } from "./redirect.ts";

const [folder = "", id = "", rounds] = process.argv.slice(2);
redirect(folder);

const namespace = `0:4:${id}`;
const parent = parentKey(2, namespace);
const failures: string[] = [];

function attach(round: number): void {
  const attachment: Attachment = {
    network: "shared",
    containerId: `${id}-${round}`,
    ifname: "eth0",
    netns: `/run/netns/${id}`,
    host: namespace,
    link: { namespace, index: round, parentIndex: 2, parentNamespace: namespace },
    parent,
    parentName: "eth0",
    parentMayBeOurs: false,
    linkInContainer: true,
    mode: "l2",
    flag: "bridge",
  };
  withParent(parent, (port) => {
    port.write("l2 bridge");
    recordAttachment(attachment);
  });
  if (findAttachment(attachment) === undefined) failures.push("a record is missing");
  attachmentsOfNetwork("shared", namespace);
  let wasLast = false;
  withParent(parent, (port) => {
    forgetOnParent(attachment, parent);
    forgetParentIfUnused(parent, port, () => {
      wasLast = true;
    });
    forgetInNetwork(attachment);
  });
  if (!wasLast) failures.push("it was not the parent's last");
}

writeFileSync(`${folder}/ready-${id}`, "");
while (!existsSync(`${folder}/go`)) port.poll(new Uint8Array(0), 0, 1);
for (let round = 0; round < Number(rounds); round++) {
  try {
    attach(round);
  } catch (error) {
    failures.push(String(error));
  }
}
writeSync(1, JSON.stringify([...new Set(failures)]));
