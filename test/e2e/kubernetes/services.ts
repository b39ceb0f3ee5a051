/** Services of the test servers, and questions by them. */
import type { Api } from "./api.ts";
import type { Dual } from "./lan.ts";
import { answeredBy, type Protocol, portOf, protocols, type Server, seenAs } from "./servers.ts";

export interface Made {
  readonly clusterIPs: Dual;
  port(protocol: Protocol): number;
  nodePort(protocol: Protocol): number;
}

/** Every family and protocol once, each by a new connection. */
export async function everyWay(
  from: Server,
  hosts: Dual,
  port: (protocol: Protocol) => number,
  to: Server,
): Promise<void> {
  const failures: string[] = [];
  for (const host of hosts) {
    for (const protocol of protocols) {
      const asked = answeredBy(from, { host, port: port(protocol), protocol }, to);
      await asked.catch((error) => failures.push(error.message));
    }
  }
  if (failures.length > 0) throw new Error(`${failures.length} of 4: ${failures.join("; ")}`);
}

/** A dual-stack Service of type NodePort, of the pods with such labels. */
export async function service(
  api: Api,
  name: string,
  selector: Record<string, string>,
  more: object = {},
): Promise<Made> {
  const ports = protocols.map((protocol) => ({
    name: protocol,
    protocol: protocol === "udp" ? "UDP" : "TCP",
    port: portOf(protocol) - 8000,
    targetPort: portOf(protocol),
  }));
  const { spec } = await api.create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: {
      type: "NodePort",
      ipFamilyPolicy: "RequireDualStack",
      ipFamilies: ["IPv4", "IPv6"],
      selector,
      ports,
      ...more,
    },
  });
  const given = (protocol: Protocol) => spec.ports.find((one: { name: string }) => one.name === protocol);
  return {
    clusterIPs: spec.clusterIPs,
    port: (protocol) => given(protocol).port,
    nodePort: (protocol) => given(protocol).nodePort,
  };
}

/** Who answers, and by which address it knows who has asked; both families, TCP and UDP. @returns the addresses */
export async function seesAs(
  from: Server,
  to: Server,
  hosts: Dual,
  port: (protocol: Protocol) => number,
  as: Server,
): Promise<string> {
  for (const [i, host] of hosts.entries()) {
    for (const protocol of protocols) {
      const question = { host, port: port(protocol), protocol };
      await answeredBy(from, question, to);
      const address = await seenAs(from, question);
      if (address !== as.addresses[i])
        throw new Error(`${to.name} sees ${address}, not ${as.addresses[i]} (${as.name})`);
    }
  }
  return as.addresses.join(", ");
}
