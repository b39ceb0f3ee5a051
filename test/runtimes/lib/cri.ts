/**
 * A client of the Container Runtime Interface: what the kubelet says to a runtime, over gRPC on a unix socket.
 * Names and field numbers are those of k8s.io/cri-api, pkg/apis/runtime/v1/api.proto.
 */

import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket } from "node:net";
import { bool, list, type MessageKind, message, string, uint } from "./protobuf.ts";

const empty = message({});
const sandboxId = message({ pod_sandbox_id: [1, string] });
const containerId = message({ container_id: [1, string] });
const sandboxMetadata = message({
  name: [1, string],
  uid: [2, string],
  namespace: [3, string],
  attempt: [4, uint],
});
const keyValue = message({ key: [1, string], value: [2, string] });
/** The kubelet asks for a process namespace for each container: NamespaceMode CONTAINER is 1. */
const securityContext = message({ namespace_options: [1, message({ pid: [2, uint] })] });
const sandboxConfig = message({
  metadata: [1, sandboxMetadata],
  hostname: [2, string],
  log_directory: [3, string],
  annotations: [7, list(keyValue)],
  linux: [8, message({ cgroup_parent: [1, string], security_context: [2, securityContext] })],
});
const containerConfig = message({
  metadata: [1, message({ name: [1, string], attempt: [2, uint] })],
  image: [2, message({ image: [1, string] })],
  command: [3, list(string)],
  log_path: [11, string],
});
const condition = message({
  type: [1, string],
  status: [2, bool],
  reason: [3, string],
  message: [4, string],
});
const network = message({ ip: [1, string], additional_ips: [2, list(message({ ip: [1, string] }))] });
const sandboxStatus = message({
  id: [1, string],
  metadata: [2, sandboxMetadata],
  state: [3, uint],
  network: [5, network],
});

/** The calls, each with its request and response. */
const calls = {
  Version: [
    empty,
    message({ runtime_name: [2, string], runtime_version: [3, string], runtime_api_version: [4, string] }),
  ],
  Status: [empty, message({ status: [1, message({ conditions: [1, list(condition)] })] })],
  RunPodSandbox: [message({ config: [1, sandboxConfig] }), sandboxId],
  StopPodSandbox: [sandboxId, empty],
  RemovePodSandbox: [sandboxId, empty],
  PodSandboxStatus: [sandboxId, message({ status: [1, sandboxStatus] })],
  ListPodSandbox: [
    empty,
    message({ items: [1, list(message({ id: [1, string], metadata: [2, sandboxMetadata], state: [3, uint] }))] }),
  ],
  CreateContainer: [
    message({ pod_sandbox_id: [1, string], config: [2, containerConfig], sandbox_config: [3, sandboxConfig] }),
    containerId,
  ],
  StartContainer: [containerId, empty],
  ListContainers: [
    empty,
    message({ containers: [1, list(message({ id: [1, string], pod_sandbox_id: [2, string], state: [6, uint] }))] }),
  ],
  ExecSync: [
    message({ container_id: [1, string], cmd: [2, list(string)], timeout: [3, uint] }),
    message({ stdout: [1, string], stderr: [2, string], exit_code: [3, uint] }),
  ],
} as const;

type Calls = typeof calls;
type RequestOf<N extends keyof Calls> = Calls[N][0] extends MessageKind<infer T> ? Partial<T> : never;
type ResponseOf<N extends keyof Calls> = Calls[N][1] extends MessageKind<infer T> ? T : never;

export interface Cri {
  /** One call; rejects with gRPC's status and the runtime's own words. */
  call<N extends keyof Calls>(name: N, request: RequestOf<N>): Promise<ResponseOf<N>>;
  close(): void;
}

/** @param path of the runtime's socket */
export function connectCri(path: string): Cri {
  const session = connectHttp2("http://localhost", { createConnection: () => connectSocket(path) });
  // Each call rejects by itself.
  session.on("error", () => {});
  return {
    close: () => session.close(),
    call(name, request) {
      const [requestKind, responseKind] = calls[name] as unknown as readonly [MessageKind<unknown>, MessageKind<never>];
      const stream = session.request({
        ":method": "POST",
        ":path": `/runtime.v1.RuntimeService/${name}`,
        "content-type": "application/grpc",
        te: "trailers",
      });
      return new Promise((resolve, reject) => {
        const chunks: Buffer[] = [];
        let trailers: Record<string, unknown> = {};
        // An error without a body has its status in the headers.
        stream.on("response", (headers) => (trailers = headers));
        stream.on("trailers", (last) => (trailers = last));
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("error", reject);
        stream.on("end", () => {
          const status = String(trailers["grpc-status"]);
          const words = decodeURIComponent(String(trailers["grpc-message"] ?? ""));
          if (status !== "0") reject(new Error(`${name}: status ${status}: ${words}`));
          // Five bytes before it: whether it is compressed, and its length.
          else resolve(responseKind.decode(Buffer.concat(chunks).subarray(5)));
        });
        const body = requestKind.encode(request as object);
        const head = Buffer.alloc(5);
        head.writeUInt32BE(body.length, 1);
        stream.end(Buffer.concat([head, body]));
      });
    },
  };
}
