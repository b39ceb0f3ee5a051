/** Pods of the scenarios: Kubernetes' own test server, which answers who it is, and asks others when it is told to. */
import { type Api, type KubernetesObject, pathOf, until } from "./api.ts";
import { conditionOf } from "./conditions.ts";
import { images } from "./images.ts";

export interface PodOptions {
  readonly node?: string;
  readonly labels?: Record<string, string>;
  readonly hostNetwork?: boolean;
  /** Words behind the server's name; by default, it serves HTTP and UDP. */
  readonly args?: readonly string[];
  /** More of the container: probes. */
  readonly container?: object;
}

/** Where the test server listens. */
export const httpPort = 8080;
export const udpPort = 8081;

export function pod(name: string, options: PodOptions = {}): KubernetesObject {
  const { node, labels = {}, hostNetwork = false } = options;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name, ...labels } },
    spec: {
      ...(node === undefined ? {} : { nodeSelector: { "kubernetes.io/hostname": node } }),
      hostNetwork,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "main",
          image: images.agnhost,
          imagePullPolicy: "Never",
          args: options.args ?? ["netexec", `--http-port=${httpPort}`, `--udp-port=${udpPort}`],
          ...options.container,
        },
      ],
    },
  };
}

/** Waits until a pod is Ready. @returns its addresses, IPv4 first */
export async function ready(api: Api, object: KubernetesObject, seconds = 240): Promise<readonly string[]> {
  return until(`pod ${object.metadata.name} is Ready`, seconds, async () => {
    const found = await api.get(pathOf(object));
    if (conditionOf(found, "Ready").status !== "True") throw new Error(stateOf(found));
    return (found.status.podIPs as { ip: string }[]).map(({ ip }) => ip);
  });
}

/** Makes pods, and waits until all are Ready. @returns their addresses */
export async function run(api: Api, ...objects: readonly KubernetesObject[]): Promise<(readonly string[])[]> {
  for (const object of objects) await api.create(object);
  return Promise.all(objects.map((object) => ready(api, object)));
}

function stateOf({ status }: KubernetesObject): string {
  const containers = (status.containerStatuses ?? []).map((one: { state: object }) => JSON.stringify(one.state));
  return [status.phase, ...containers].join(" ");
}
