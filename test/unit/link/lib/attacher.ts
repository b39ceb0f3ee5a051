// attacher.ts FOLDER ID ROUNDS: attaches and detaches again and again, on a parent of its own and in a network that it
// shares with others.
import { existsSync, writeFileSync, writeSync } from "node:fs";
import { port } from "#system";
import {
  type Attachment,
  attachmentsOfNetwork,
  findAttachment,
  forgetAttachment,
  recordAttachment,
  recordPort,
  withParentLock,
} from "../../../../src/link/records.ts";
import { redirect } from "./redirect.ts";

const [folder = "", id = "", rounds] = process.argv.slice(2);
redirect(folder);

const parent = `eth0@${id}`;
const failures: string[] = [];

function attach(round: number): void {
  const attachment: Attachment = {
    network: "shared",
    containerId: `${id}-${round}`,
    ifname: "eth0",
    netns: `/run/netns/${id}`,
    parent,
    parentName: "eth0",
    linkInContainer: true,
    mode: "l2",
    flag: "bridge",
  };
  withParentLock(parent, () => {
    recordPort(parent, "l2 bridge");
    recordAttachment(attachment);
  });
  if (findAttachment("shared", attachment.containerId, "eth0") === undefined) failures.push("a record is missing");
  attachmentsOfNetwork("shared");
  if (!withParentLock(parent, () => forgetAttachment(attachment))) failures.push("it was not the parent's last");
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
