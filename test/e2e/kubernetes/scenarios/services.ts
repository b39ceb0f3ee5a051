import { type Api, until } from "../api.ts";
import { clusterDns } from "../cluster-dns.ts";
import { type Dual, nodeAddresses } from "../lan.ts";
import type { Check, Scenario } from "../scenario.ts";
import { answeredBy, ask, command, portOf, type Server, servers } from "../servers.ts";
import { everyWay, type Made, seesAs, service } from "../services.ts";

export const servicesScenario: Scenario = {
  name: "services",
  async run(cluster, check) {
    const { api, network } = cluster;
    const { a, b, c, node1, node2, lan } = await servers(cluster);
    const of = new Map<Server, Made>();
    for (const server of [a, b, c])
      of.set(server, await service(api, `svc-${server.hostname}`, { app: server.hostname }));
    const made = (server: Server) => of.get(server) as Made;
    const byClusterIP: readonly [title: string, ...(readonly [Server, Server])[]][] = [
      ["a pod, backend on the same node", [a, b], [b, a]],
      ["a pod, backend on the other node", [a, c], [c, a]],
      ["a pod that is the backend itself", [a, a], [c, c]],
      ["a node, backend of its own", [node1, a], [node2, c]],
      ["a node, backend on the other node", [node1, c], [node2, a]],
    ];
    // kube-proxy writes its rules some time after the Service is there; only the first question waits for that.
    for (const server of [a, b, c]) {
      await until(`kube-proxy knows svc-${server.hostname}`, 60, async () => {
        for (const node of [node1, node2]) await everyWay(node, made(server).clusterIPs, made(server).port, server);
        return true;
      }).catch(() => {});
    }
    for (const [title, ...pairs] of byClusterIP) {
      await check(`ClusterIP asked by ${title}: TCP and UDP, IPv4 and IPv6`, async () => {
        for (const [from, to] of pairs) await everyWay(from, made(to).clusterIPs, made(to).port, to);
        return pairs.map(([from, to]) => `${from.name} > ${to.name}`).join(", ");
      });
    }
    const [first, second] = [nodeAddresses(1), nodeAddresses(2)];
    const byNodePort: readonly [title: string, from: Server, node: Dual, to: Server][] = [
      ["the LAN, backend on the node that is asked", lan, first, a],
      ["the LAN, backend on the other node", lan, first, c],
      ["a pod on its own node, backend there", a, first, b],
      ["a pod on its own node, backend on the other", a, first, c],
      ["a pod on another node, backend there", a, second, c],
      ["a pod on another node, the backend itself", a, second, a],
      ["a node on itself, backend there", node1, first, a],
      ["a node on another, backend there", node1, second, c],
    ];
    for (const [title, from, node, to] of byNodePort) {
      await check(`NodePort asked by ${title}: TCP and UDP, IPv4 and IPv6`, async () => {
        await everyWay(from, node, made(to).nodePort, to);
        return undefined;
      });
    }
    const nodeOf = (server: Server): Server => (server === c || server === node2 ? node2 : node1);
    // In mode l3s answers from other nodes pass the host's netfilter by themselves, so that nobody has to change the asker's address.
    const isSeen = network.mode === "l3s";
    const seen: readonly [title: string, from: Server, to: Server, as: Server][] = [
      ["a pod, backend on the same node: sees the node", a, b, node1],
      ["a pod that is the backend itself: sees the node", a, a, node1],
      isSeen
        ? ["a pod, backend on the other node: sees the pod", a, c, a]
        : ["a pod, backend on the other node: sees the node", a, c, node1],
      ["a node, backend of its own: sees the node", node1, a, node1],
      ["a node, backend on the other node: sees the node", node1, c, node1],
    ];
    for (const [title, from, to, as] of seen) {
      await check(`ClusterIP asked by ${title}`, () => seesAs(from, to, made(to).clusterIPs, made(to).port, as));
    }
    const local = await service(api, "svc-local", { app: a.hostname }, { externalTrafficPolicy: "Local" });
    await until("kube-proxy knows svc-local", 60, async () => {
      await everyWay(lan, first, local.nodePort, a);
      return true;
    }).catch(() => {});
    const asker = isSeen ? lan : nodeOf(a);
    await check(
      `NodePort with externalTrafficPolicy Local, asked by the LAN: the backend sees ${isSeen ? "who asks" : "its node"}`,
      () => seesAs(lan, a, first, local.nodePort, asker),
    );
    await check("NodePort with externalTrafficPolicy Local: a node without a backend does not answer", async () => {
      for (const host of second) {
        const question = { host, port: local.nodePort("http"), protocol: "http" } as const;
        const answer = await ask(lan, question).catch(() => undefined);
        if (answer !== undefined) throw new Error(`${answer} answers by ${host}`);
      }
      return undefined;
    });
    await affinity(api, [a, node2, lan], check);
    await headless(api, [a, b, c], check);
  },
};

/** How often somebody asks, who would come to one and the same of three backends by chance once in 2,000 times. */
const questions = 8;

async function affinity(api: Api, askers: readonly Server[], check: Check): Promise<void> {
  const made = await service(api, "svc-affinity", { group: "web" }, { sessionAffinity: "ClientIP" });
  await until("kube-proxy knows svc-affinity", 60, async () => {
    for (const from of askers) await ask(from, { host: made.clusterIPs[0], port: made.port("http"), protocol: "http" });
    return true;
  }).catch(() => {});
  for (const from of askers) {
    const onLan = from === askers.at(-1);
    const [hosts, port] = onLan ? [nodeAddresses(1), made.nodePort] : [made.clusterIPs, made.port];
    await check(
      `session affinity, ${onLan ? "NodePort" : "ClusterIP"}: ${from.name} comes to one backend`,
      async () => {
        const found: string[] = [];
        for (const host of hosts) {
          const answers = new Set<string>();
          for (let i = 0; i < questions; i++) {
            answers.add(await ask(from, { host, port: port("http"), protocol: "http" }));
          }
          if (answers.size > 1) throw new Error(`${[...answers]} answer by ${host}`);
          found.push(...answers);
        }
        return found.join(", ");
      },
    );
  }
}

/** A Service without an address: its pods by their own, told by EndpointSlices and by the cluster's DNS. */
async function headless(api: Api, pods: readonly Server[], check: Check): Promise<void> {
  await api.create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: {
      clusterIP: "None",
      ipFamilyPolicy: "RequireDualStack",
      selector: { group: "web" },
      ports: [{ port: 8080 }],
    },
  });
  const wanted = pods.flatMap(({ addresses }) => [...addresses]).sort();
  await check("headless: EndpointSlices hold all addresses of its pods", async () => {
    const path =
      "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dweb";
    const found = await until("all addresses", 60, async () => {
      const slices = await api.list(path);
      const addresses = slices.flatMap(({ endpoints }) =>
        (endpoints ?? []).flatMap((one: { addresses: string[] }) => one.addresses),
      );
      return addresses.length === wanted.length ? addresses.sort() : undefined;
    });
    if (String(found) !== String(wanted)) throw new Error(`${found}, not ${wanted}`);
    return undefined;
  });
  await clusterDns(api, 1);
  const name = "web.default.svc.cluster.local";
  const lookUp = (pod: Server): Promise<string> =>
    command(pod, `/shell?${new URLSearchParams({ cmd: `nslookup ${name} 2>&1` })}`, 60);
  // kube-proxy on each node knows the name server's pod some time after that is ready.
  for (const pod of pods) {
    await until(`${pod.name} is answered by the cluster's DNS`, 60, async () => {
      const answer = await lookUp(pod);
      return wanted.every((address) => answer.includes(address)) || undefined;
    }).catch(() => {});
  }
  for (const pod of pods) {
    await check(
      `headless: ${pod.name} is told all pods by the cluster's DNS, and they answer by that name`,
      async () => {
        const answer = await lookUp(pod);
        const missing = wanted.filter((address) => !answer.includes(address));
        if (missing.length > 0) throw new Error(`${missing} are not in: ${answer}`);
        await answeredBy(pod, { host: name, port: portOf("http"), protocol: "http" }, ...pods);
        return undefined;
      },
    );
  }
}
