import { type Api, type KubernetesObject, until } from "../api.ts";
import { clusterDNS } from "../cluster.ts";
import { images } from "../images.ts";
import { type Dual, nodeAddresses } from "../lan.ts";
import { ready } from "../pods.ts";
import type { Scenario } from "../scenario.ts";
import { answeredBy, command, type Protocol, portOf, protocols, type Server, servers } from "../servers.ts";

export const servicesScenario: Scenario = {
  name: "services",
  async run(cluster, check) {
    const { api } = cluster;
    const { a, b, c, node1, node2, lan } = await servers(cluster);
    const of = new Map<Server, Made>();
    for (const server of [a, b, c]) of.set(server, await service(api, `svc-${server.hostname}`, server.hostname));
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
    await headless(api, [a, b, c], check);
  },
};

interface Made {
  readonly clusterIPs: Dual;
  port(protocol: Protocol): number;
  nodePort(protocol: Protocol): number;
}

/** Every family and protocol once, each by a new connection. */
async function everyWay(from: Server, hosts: Dual, port: (protocol: Protocol) => number, to: Server): Promise<void> {
  const failures: string[] = [];
  for (const host of hosts) {
    for (const protocol of protocols) {
      const asked = answeredBy(from, { host, port: port(protocol), protocol }, to);
      await asked.catch((error) => failures.push(error.message));
    }
  }
  if (failures.length > 0) throw new Error(`${failures.length} of 4: ${failures.join("; ")}`);
}

/** A dual-stack Service of type NodePort, of the pod with this label. */
async function service(api: Api, name: string, app: string): Promise<Made> {
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
      selector: { app },
      ports,
    },
  });
  const given = (protocol: Protocol) => spec.ports.find((one: { name: string }) => one.name === protocol);
  return {
    clusterIPs: spec.clusterIPs,
    port: (protocol) => given(protocol).port,
    nodePort: (protocol) => given(protocol).nodePort,
  };
}

/** A Service without an address: its pods by their own, told by EndpointSlices and by the cluster's DNS. */
async function headless(api: Api, pods: readonly Server[], check: Parameters<Scenario["run"]>[1]): Promise<void> {
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
  await clusterDns(api);
  for (const pod of pods) {
    await check(
      `headless: ${pod.name} is told all pods by the cluster's DNS, and they answer by that name`,
      async () => {
        const name = "web.default.svc.cluster.local";
        const answer = await command(pod, `/shell?${new URLSearchParams({ cmd: `nslookup ${name} 2>&1` })}`, 60);
        const missing = wanted.filter((address) => !answer.includes(address));
        if (missing.length > 0) throw new Error(`${missing} are not in: ${answer}`);
        await answeredBy(pod, { host: name, port: portOf("http"), protocol: "http" }, ...pods);
        return undefined;
      },
    );
  }
}

/** CoreDNS in a pod, found by its Service as in every cluster. */
async function clusterDns(api: Api): Promise<void> {
  const metadata = { name: "coredns", namespace: "kube-system" };
  const rules = [
    { apiGroups: [""], resources: ["endpoints", "services", "pods", "namespaces"], verbs: ["list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  ];
  const Corefile = ".:53 {\n errors\n ready\n kubernetes cluster.local in-addr.arpa ip6.arpa\n cache 5\n}\n";
  const rbac = "rbac.authorization.k8s.io";
  const pod: KubernetesObject = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, labels: { app: "coredns" } },
    spec: {
      serviceAccountName: "coredns",
      dnsPolicy: "Default",
      volumes: [{ name: "config", configMap: { name: "coredns" } }],
      containers: [
        {
          name: "main",
          image: images.coredns,
          imagePullPolicy: "Never",
          args: ["-conf", "/config/Corefile"],
          volumeMounts: [{ name: "config", mountPath: "/config" }],
          readinessProbe: { httpGet: { path: "/ready", port: 8181 }, timeoutSeconds: 10, periodSeconds: 3 },
        },
      ],
    },
  };
  const objects: readonly KubernetesObject[] = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name: "coredns" }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: "coredns" },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "coredns" },
      subjects: [{ kind: "ServiceAccount", name: "coredns", namespace: "kube-system" }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { Corefile } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "kube-dns", namespace: "kube-system" },
      spec: {
        clusterIP: clusterDNS,
        selector: { app: "coredns" },
        ports: [
          { name: "dns", protocol: "UDP", port: 53 },
          { name: "dns-tcp", protocol: "TCP", port: 53 },
        ],
      },
    },
    pod,
  ];
  for (const object of objects) await api.create(object);
  await ready(api, pod);
}
