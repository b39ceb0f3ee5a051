import { setTimeout as sleep } from "node:timers/promises";
import { pathOf, until } from "../api.ts";
import { httpPort, pod, ready } from "../pods.ts";
import type { Scenario } from "../scenario.ts";

const grpcPort = 5000;

// The test server answers 200 to every path that it does not know.
const kinds = {
  HTTP: [
    { httpGet: { path: "/hostname", port: httpPort } },
    { httpGet: { path: "/echo?msg=no&code=500", port: httpPort } },
  ],
  TCP: [{ tcpSocket: { port: httpPort } }, { tcpSocket: { port: 9 } }],
  gRPC: [{ grpc: { port: grpcPort } }, { grpc: { port: grpcPort, service: "unknown" } }],
  exec: [{ exec: { command: ["/bin/true"] } }, { exec: { command: ["/bin/false"] } }],
} as const;

/** The test server answers gRPC's question for its health in another one of its ways to be run. */
const grpcServer = ["grpc-health-checking", `--port=${grpcPort}`, `--http-port=${httpPort}`];

/** For an emulated processor: an answer in time, and no more than a few probes at once. */
const pace = { periodSeconds: 5, timeoutSeconds: 10, failureThreshold: 2 };

/** @param minutes so long the pods with probes that succeed run at least */
export const probesScenario = (minutes: number): Scenario => ({
  name: "probes",
  async run({ api, nodes }, check) {
    const plan = Object.entries(kinds).flatMap(([kind, [good, bad]], i) => {
      const node = nodes[i % nodes.length]?.name as string;
      const args = kind === "gRPC" ? { args: grpcServer } : {};
      const named = (end: string, container: object) =>
        pod(`probe-${kind.toLowerCase()}-${end}`, { node, container, ...args });
      const startupProbe = {
        tcpSocket: { port: httpPort },
        periodSeconds: 2,
        timeoutSeconds: 10,
        failureThreshold: 60,
      };
      return [
        {
          kind,
          good: named("good", {
            startupProbe,
            livenessProbe: { ...good, ...pace },
            readinessProbe: { ...good, ...pace },
          }),
          bad: named("bad", { startupProbe, livenessProbe: { ...bad, ...pace } }),
        },
      ];
    });
    for (const { good, bad } of plan) for (const object of [good, bad]) await api.create(object);
    const restartsOf = async (object: (typeof plan)[number]["good"]) =>
      (await api.get(pathOf(object))).status.containerStatuses?.[0]?.restartCount as number | undefined;
    for (const { kind, good } of plan) {
      await check(`${kind} probe that succeeds: the pod becomes Ready`, async () => {
        await ready(api, good);
        return undefined;
      });
    }
    const allReadyAt = Date.now();
    for (const { kind, bad } of plan) {
      await check(`${kind} probe that fails: the pod is restarted`, async () => {
        const count = await until(
          `restart of ${bad.metadata.name}`,
          180,
          async () => (await restartsOf(bad)) || undefined,
        );
        const events = await api.list("/api/v1/namespaces/default/events");
        // The start-up probe fails, too, until the program listens; that is no reason for the restart.
        const told = events.find(
          ({ involvedObject, message }) =>
            involvedObject.name === bad.metadata.name && message?.startsWith("Liveness probe failed"),
        );
        if (told === undefined)
          throw new Error(`restarted ${count} times, but no failure of its liveness probe is told`);
        return `${count} times; ${(told.message as string).trim()}`;
      });
      await api.delete(pathOf(bad));
    }
    await sleep(Math.max(0, allReadyAt + minutes * 60_000 - Date.now()));
    for (const { kind, good } of plan) {
      await check(`${kind} probe that succeeds: not restarted in ${minutes} min`, async () => {
        const count = await restartsOf(good);
        const events = await api.list("/api/v1/namespaces/default/events");
        const failed = events.find(
          ({ involvedObject, message }) =>
            involvedObject.name === good.metadata.name && /^(Liveness|Readiness) probe failed/.test(message ?? ""),
        );
        if (failed !== undefined) throw new Error(failed.message);
        if (count !== 0) throw new Error(`restarted ${count} times`);
        await ready(api, good, 0);
        return undefined;
      });
      await api.delete(pathOf(good));
    }
  },
});
