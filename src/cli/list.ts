import { age, timeOf } from "./ages.ts";
import { type SeenAttachment, seeAttachments, shownContainer } from "./attachments.ts";
import { FINE, type Run } from "./command.ts";
import { type Cell, printTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export const list: Run = ({ arguments: given, terminal }) => {
  const seen = seeAttachments({
    network: given.value("network"),
    parent: given.value("parent"),
    container: given.value("container"),
  });
  if (given.has("json")) terminal.printJson({ attachments: seen.map(attachmentJson) });
  else if (seen.length === 0) terminal.warn("no attachment is recorded on this host");
  else printAttachments(terminal, seen);
  return FINE;
};

export function attachmentJson({ attachment, isAlive, addresses, since }: SeenAttachment): object {
  const { network, containerId, ifname, netns, parentName, mode, flag, pod } = attachment;
  return {
    network,
    container: containerId,
    pod: pod ?? null,
    interface: ifname,
    netns,
    parent: parentName,
    mode,
    flag,
    addresses,
    since: since === undefined ? null : timeOf(since),
    alive: isAlive,
  };
}

export function printAttachments(terminal: Terminal, seen: readonly SeenAttachment[]): void {
  const now = Date.now();
  const rows = seen.map(({ attachment, isAlive, addresses, since }): Cell[] => [
    attachment.network,
    shownContainer(attachment),
    attachment.ifname,
    attachment.parentName,
    attachment.flag === "bridge" ? attachment.mode : `${attachment.mode} ${attachment.flag}`,
    addresses.join(" ") || "-",
    since === undefined ? "-" : age(since, now),
    isAlive ? "alive" : { text: "dead", style: "red" },
  ]);
  printTable(
    terminal,
    ["NETWORK", "POD OR CONTAINER", "INTERFACE", "PARENT", "MODE", "ADDRESSES", "AGE", "STATE"],
    rows,
  );
}
