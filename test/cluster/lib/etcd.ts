// An etcd of some members on loopback, each a process that can be killed, stopped and started anew.
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnBound } from "../../machine/bound-process.ts";
import { layer } from "../../machine/packages.ts";

export interface Etcd {
  /** Client URLs, one a member. */
  readonly endpoints: readonly string[];
  /** The certificate that the members' clients have to trust; undefined without TLS. */
  readonly caFile: string | undefined;
  /** Ends a member as a power cut does. */
  kill(member: number): Promise<void>;
  /** Starts it again, with what it has on its disk. */
  restart(member: number): Promise<void>;
  /** A member that is there and answers nobody, as behind a network that drops all packets. */
  pause(member: number): void;
  resume(member: number): void;
  /** The member that leads now. */
  leader(): Promise<number>;
  /** What is under each key. */
  contents(): Promise<Map<string, string>>;
  stop(): Promise<void>;
}

interface Member {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
  readonly folder: string;
  process: ChildProcess;
}

export async function startEtcd({ members: count = 1, tls = false } = {}): Promise<Etcd> {
  const program = join(await layer("etcd"), "usr/bin/etcd");
  const work = mkdtempSync(join(tmpdir(), "etcd-"));
  const ports = await freePorts(2 * count);
  const scheme = tls ? "https" : "http";
  const plan = Array.from({ length: count }, (_, i) => ({
    name: `m${i}`,
    client: `${scheme}://127.0.0.1:${ports[2 * i]}`,
    peer: `http://127.0.0.1:${ports[2 * i + 1]}`,
    folder: join(work, `m${i}`),
  }));
  const cluster = plan.map(({ name, peer }) => `${name}=${peer}`).join(",");
  const start = ({ name, client, peer, folder }: (typeof plan)[number], state: "new" | "existing"): ChildProcess =>
    spawnBound(
      [
        program,
        ...["--name", name, "--data-dir", folder, "--initial-cluster", cluster, "--initial-cluster-state", state],
        ...["--listen-client-urls", client, "--advertise-client-urls", client],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
        // Elections within a second: all members are on one machine.
        ...["--heartbeat-interval", "50", "--election-timeout", "500", "--log-level", "error"],
        ...(tls ? ["--auto-tls"] : []),
      ],
      { stdio: "ignore", env: { ...process.env, ETCD_UNSUPPORTED_ARCH: "arm64" } },
    );
  const members: Member[] = plan.map((one) => ({ ...one, process: start(one, "new") }));
  const caFile = tls ? join(plan[0]?.folder as string, "fixtures/client/cert.pem") : undefined;
  const memberOf = (i: number) => members[i] as Member;
  const ended = (child: ChildProcess) =>
    new Promise<void>((resolve) => {
      child.ref();
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once("exit", () => resolve());
    });
  const etcd: Etcd = {
    endpoints: plan.map(({ client }) => client),
    caFile,
    async kill(i) {
      memberOf(i).process.kill("SIGKILL");
      await ended(memberOf(i).process);
    },
    async restart(i) {
      memberOf(i).process = start(plan[i] as (typeof plan)[number], "existing");
      if (!tls) await answering(memberOf(i).client);
    },
    pause: (i) => void memberOf(i).process.kill("SIGSTOP"),
    resume: (i) => void memberOf(i).process.kill("SIGCONT"),
    async leader() {
      for (let attempt = 0; attempt < 100; attempt++) {
        for (const [i, { client }] of members.entries()) {
          const { header, leader } = await call(client, "/v3/maintenance/status", {}).catch(() => ({}) as Reply);
          if (leader !== undefined && leader === header?.member_id) return i;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error("etcd has no leader");
    },
    async contents() {
      const range = { key: btoa("/"), range_end: btoa("0") };
      for (let attempt = 0; ; attempt++) {
        try {
          const { kvs = [] } = await call(memberOf(attempt % count).client, "/v3/kv/range", range);
          return new Map(kvs.map(({ key, value }) => [atob(key), atob(value ?? "")]));
        } catch (error) {
          if (attempt > 50) throw error;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    },
    async stop() {
      for (const { process: child } of members) {
        child.kill("SIGKILL");
        await ended(child);
      }
      rmSync(work, { recursive: true, force: true });
    },
  };
  if (!tls) await Promise.all(plan.map(({ client }) => answering(client)));
  else await new Promise((resolve) => setTimeout(resolve, 2000));
  return etcd;
}

interface Reply {
  readonly header?: { readonly member_id: string };
  readonly leader?: string;
  readonly kvs?: readonly { readonly key: string; readonly value?: string }[];
}

async function call(endpoint: string, path: string, body: object): Promise<Reply> {
  const signal = AbortSignal.timeout(2000);
  const response = await fetch(`${endpoint}${path}`, { method: "POST", body: JSON.stringify(body), signal });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Reply;
}

async function answering(endpoint: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      await call(endpoint, "/v3/kv/range", { key: btoa("x") });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`${endpoint} does not answer`);
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
