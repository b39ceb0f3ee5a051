// A kernel that answers as a test wants: it takes the place of the port's write(2) and recv(2).
import type { Test } from "tap";
import { port } from "#system";
import type { NetlinkSocket } from "../../../../src/netlink/socket.ts";
import { formatMessages, type OracleMessage, parseMessages } from "./oracle.ts";

export interface Answer {
  readonly type: number;
  readonly flags?: number;
  readonly seq?: number;
  readonly data: Uint8Array;
}

export interface FakeKernel {
  readonly socket: NetlinkSocket;
  /** Every request, as the oracle reads it. */
  readonly sent: OracleMessage[];
  /** What recv(2) returns next: bytes, messages, or a negated errno. */
  readonly queue: (Uint8Array | number | readonly Answer[])[];
  /** What write(2) returns instead of the length. */
  sendResult: number | undefined;
}

export function fakeKernel(t: Test, answer: (request: OracleMessage) => readonly Answer[] = () => []): FakeKernel {
  const kernel: FakeKernel = { socket: { fd: -7, sequence: 1 }, sent: [], queue: [], sendResult: undefined };
  const replaceable = port as { -readonly [name in keyof typeof port]: (typeof port)[name] };
  const { write, recv } = port;
  t.teardown(() => Object.assign(replaceable, { write, recv }));
  replaceable.write = (_fd, bytes, length) => {
    for (const request of parseMessages(bytes.subarray(0, length))) {
      kernel.sent.push(request);
      const answers = answer(request);
      if (answers.length > 0) kernel.queue.push(answers);
    }
    return kernel.sendResult ?? length;
  };
  replaceable.recv = (_fd, buffer) => {
    const next = kernel.queue.shift();
    if (next === undefined) throw new Error("the code waits for an answer that never comes");
    if (typeof next === "number") return next;
    const bytes = next instanceof Uint8Array ? next : formatMessages(next);
    buffer.set(bytes.subarray(0, buffer.length));
    return bytes.length; // as with MSG_TRUNC
  };
  return kernel;
}
