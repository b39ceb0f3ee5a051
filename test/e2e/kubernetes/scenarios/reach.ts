import { type Api, pathOf, until } from "../api.ts";
import { router } from "../lan.ts";
import { pod } from "../pods.ts";
import type { Scenario } from "../scenario.ts";
import { answeredBy, portOf, protocols, type Server, seenAs, servers } from "../servers.ts";

export const reachScenario: Scenario = {
  name: "reach",
  async run(cluster, check) {
    const { a, b, c, node1, node2, lan } = await servers(cluster);
    const pairs: readonly [title: string, ...(readonly [Server, Server])[]][] = [
      ["pod to pod on one node", [a, b], [b, a]],
      ["pod to pod over two nodes", [a, c], [c, a]],
      ["pod to its own node", [a, node1], [c, node2]],
      ["node to its own pod", [node1, a], [node2, c]],
      ["pod to another node", [a, node2], [c, node1]],
      ["node to a pod of another node", [node1, c], [node2, a]],
      ["pod to a machine of the LAN", [a, lan], [c, lan]],
      ["machine of the LAN to a pod", [lan, a], [lan, c]],
    ];
    for (const [title, ...of] of pairs) {
      await check(`${title}: TCP and UDP, IPv4 and IPv6, by its own address`, async () => {
        for (const [from, to] of of) await reaches(from, to);
        return of.map(([from, to]) => `${from.name} > ${to.name}`).join(", ");
      });
    }
    for (const [i, { name }] of cluster.nodes.entries()) {
      await check(`pod of ${name} to the API server by its address, with its own token`, () =>
        callsApi(cluster.api, `api-address-${i + 1}`, name, [
          { name: "KUBERNETES_SERVICE_HOST", value: router[0] },
          { name: "KUBERNETES_SERVICE_PORT", value: "6443" },
        ]),
      );
      await check(`pod of ${name} to the API server by the Service "kubernetes"`, () =>
        callsApi(cluster.api, `api-service-${i + 1}`, name, []),
      );
    }
  },
};

/** In both families and protocols the right one answers, and nobody has changed the address of who asks. */
async function reaches(from: Server, to: Server): Promise<void> {
  for (const [i, host] of to.addresses.entries()) {
    for (const protocol of protocols) {
      const question = { host, port: portOf(protocol), protocol };
      await answeredBy(from, question, to);
      const seen = await seenAs(from, question);
      if (seen !== from.addresses[i]) throw new Error(`${to.name} sees ${from.name} as ${seen}`);
    }
  }
}

/** A program of client-go as Kubernetes runs it: it logs each call, and why one has failed. */
async function callsApi(api: Api, name: string, node: string, env: readonly object[]): Promise<string> {
  const object = pod(name, { node, args: ["inclusterclient", "--poll-interval=3"], container: { env } });
  await api.create(object);
  try {
    const log = await until(`three calls of ${name}`, 180, async () => {
      const text = await api.text(`${pathOf(object)}/log`);
      return text.split("calling /healthz").length > 3 ? text : undefined;
    });
    // The last one may still be under way: it has the 3 s until the next.
    const failure = log.split("\n").find((line) => line.includes("error checking") || line.includes("status=failed"));
    if (failure !== undefined) throw new Error(failure);
    return "three calls, none failed";
  } finally {
    await api.delete(pathOf(object));
  }
}
