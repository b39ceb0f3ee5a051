import type { Cluster } from "./cluster.ts";

/** What a person would ask for first: the pods and their events, and each node's logs. */
export async function tellLogs({ api, nodes }: Cluster): Promise<void> {
  const tell = (text: string) => process.stderr.write(`${text}\n`);
  for (const { metadata, spec, status } of await api.list("/api/v1/pods")) {
    const restarts = status.containerStatuses?.map((one: { restartCount: number }) => one.restartCount).join(" ");
    tell(
      `pod ${metadata.name} on ${spec.nodeName}: ${status.phase} ${status.podIP ?? ""}, restarts ${restarts ?? "?"}`,
    );
  }
  for (const { involvedObject, reason, message, count, type } of await api.list("/api/v1/events")) {
    if (type !== "Normal") tell(`event ${involvedObject.name}: ${reason} (${count ?? 1}): ${message}`);
  }
  for (const node of nodes) tell(`\n=== ${node.name}\n${await node.logs().catch(String)}`);
}
