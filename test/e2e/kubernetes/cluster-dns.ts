import { clusterDNS } from "./addresses.ts";
import { type Api, type KubernetesObject, pathOf, until } from "./api.ts";
import { images } from "./images.ts";

/** The name server of the cluster in pods, on one node after the other, found by its Service as in every cluster; waits until it answers. */
export async function clusterDns(api: Api, replicas: number): Promise<void> {
  const metadata = { name: "coredns", namespace: "kube-system" };
  const rules = [
    { apiGroups: [""], resources: ["endpoints", "services", "pods", "namespaces"], verbs: ["list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  ];
  const Corefile = `.:53 {
  errors
  ready
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    pods insecure
  }
  cache 5
}
`;
  const rbac = "rbac.authorization.k8s.io";
  const labels = { app: "coredns" };
  const deployment: KubernetesObject = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(labels) },
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
    deployment,
  ];
  for (const object of objects) await api.ensure(object);
  await until("CoreDNS is ready", 240, async () => {
    const { status } = await api.get(pathOf(deployment));
    if (status.readyReplicas === replicas) return true;
    throw new Error(`${status.readyReplicas ?? 0} of ${replicas}`);
  });
}

const podSpec = (labels: Record<string, string>): object => ({
  serviceAccountName: "coredns",
  dnsPolicy: "Default",
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: labels },
    },
  ],
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
});
