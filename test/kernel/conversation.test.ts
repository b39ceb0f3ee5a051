// What the plugin asks of the kernel: how many system calls, and which netlink messages in how many sends. One more is noticed.
import t from "tap";
import * as k from "../../src/netlink/constants.ts";
import { decodeMessages } from "../../src/netlink/message.ts";
import { signatures } from "../../src/system/libc.ts";
import { type Call, pluginPath } from "./lib/lab.ts";
import { nothingLeft, openLab } from "./lib/open-lab.ts";

const lab = await openLab();

interface Conversation {
  /** The netlink messages, a line for each send. */
  readonly sends: string[];
  /** From the first read of standard input on. */
  readonly systemCalls: number;
}

const traced = "/tmp/lab/traced";
const names = new Map<number, string>(
  Object.entries(k).flatMap(([name, value]) => (name.startsWith("RTM_") ? [[value, name.slice("RTM_".length)]] : [])),
);

/** The kernel's names for what libc calls otherwise: the C library of Node or our own host chooses among them. */
const others: Readonly<Record<string, string>> = {
  open: "openat",
  recv: "recvfrom",
  rename: "rename,renameat2",
  unlink: "unlink,unlinkat",
  mkdir: "mkdir,mkdirat",
  rmdir: "rmdir,unlinkat",
  poll: "poll,ppoll",
};

await lab.ok(`reset; host h1; container peer c1 c2 c3; cable h1 eth0 peer eth0; on h1 ip link set eth0 mtu 1500
  cat > ${traced} <<'END'
#!/bin/sh
exec strace -o /tmp/lab/trace -y -xx -s 65536 -e trace=${Object.keys(signatures)
  .map((name) => others[name] ?? name)
  .join(",")} ${pluginPath}
END
  chmod +x ${traced}`);

async function converse(call: Call): Promise<Conversation> {
  const answer = await lab.call({ ...call, plugin: traced });
  if (answer.code !== 0) throw new Error(answer.stdout);
  const trace = (await lab.ok("spill /tmp/lab/trace")).split("\n");
  const own = trace.slice(trace.findIndex((line) => line.startsWith("read(0<")));
  const sends = own.flatMap((line) => {
    const [, file = "", bytes = ""] = /^write\(\d+<([^>]*)>[^,]*, "([^"]*)"/.exec(line) ?? [];
    return plain(file).startsWith("socket:") ? [messages(Buffer.from(plain(bytes), "latin1"))] : [];
  });
  return { sends, systemCalls: own.filter((line) => /^\w+\(/.test(line)).length };
}

/** strace's \xNN as characters. */
function plain(text: string): string {
  return text.replaceAll(/\\x(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function messages(bytes: Uint8Array): string {
  return decodeMessages(bytes)
    .map(({ type, flags }) => `${names.get(type)}${(flags & k.NLM_F_DUMP) === k.NLM_F_DUMP ? " dump" : ""}`)
    .join(", ");
}

const config = (more: object = {}) => ({
  cniVersion: "1.0.0",
  name: "net1",
  type: "ipvlan",
  master: "eth0",
  ipam: { subnets: [{ subnet: "192.168.1.0/24" }] },
  ...more,
});

// The container's interface: alias, addresses, up, its state, routes, all in one send.
const configuration = "NEWLINK, NEWADDR, NEWLINK, GETLINK, NEWROUTE";
/** The parent, the ipvlans that others have on it, the container's interface. */
const onParent = ["GETLINK", "GETLINK dump", "NEWLINK"];
const removal = ["GETLINK", "DELLINK"];
/** The parent, what stands on it, what addresses it has. */
const removalWithParent = [...removal, "GETLINK", "GETLINK dump", "GETADDR dump", "DELLINK"];
const both = { ipam: { subnets: [{ subnet: "192.168.1.0/24" }, { subnet: "2001:db8::/64" }] } };

interface Case {
  readonly what: string;
  readonly keys: object;
  /** Of the first container and of one more. */
  readonly add: readonly [Conversation, Conversation];
  /** Of one that is not the last, and of the last. */
  readonly del: readonly [Conversation, Conversation];
}

/** host-local's files are the built-in allocator's. */
const oneAddress: Pick<Case, "add" | "del"> = {
  add: [
    { sends: [...onParent, configuration], systemCalls: 63 },
    { sends: [...onParent, configuration], systemCalls: 56 },
  ],
  del: [
    { sends: removal, systemCalls: 42 },
    { sends: removal, systemCalls: 44 },
  ],
};

const cases: readonly Case[] = [
  {
    what: "L2, built-in allocator",
    keys: {},
    ...oneAddress,
  },
  {
    what: "L2, host-local",
    keys: { ipam: { type: "host-local", subnet: "192.168.1.0/24", routes: [{ dst: "0.0.0.0/0" }] } },
    ...oneAddress,
  },
  {
    what: "L2, both families",
    keys: both,
    add: [
      { sends: [...onParent, "NEWLINK, NEWADDR, NEWADDR, NEWLINK, GETLINK, NEWROUTE, NEWROUTE"], systemCalls: 101 },
      { sends: [...onParent, "NEWLINK, NEWADDR, NEWADDR, NEWLINK, GETLINK, NEWROUTE, NEWROUTE"], systemCalls: 94 },
    ],
    del: [
      { sends: removal, systemCalls: 46 },
      { sends: removal, systemCalls: 48 },
    ],
  },
  // Its subnets must differ from the parent's own.
  {
    what: "L3",
    keys: { mode: "l3" },
    add: [
      { sends: [...onParent, "GETADDR dump", configuration], systemCalls: 67 },
      { sends: [...onParent, "GETADDR dump", configuration], systemCalls: 60 },
    ],
    del: [
      { sends: removal, systemCalls: 42 },
      { sends: removal, systemCalls: 44 },
    ],
  },
  // The parent that is missing, its base; the parent made, marked, set up and asked for; the container's interface.
  {
    what: "a VLAN made for it",
    keys: { master: "eth0.7" },
    add: [
      { sends: ["GETLINK", "GETLINK", "NEWLINK, NEWLINK, GETLINK", "NEWLINK", configuration], systemCalls: 64 },
      { sends: [...onParent, configuration], systemCalls: 56 },
    ],
    del: [
      { sends: removal, systemCalls: 42 },
      { sends: removalWithParent, systemCalls: 59 },
    ],
  },
  {
    what: "an isolated network",
    keys: { master: undefined },
    add: [
      {
        sends: ["GETLINK", "NEWLINK, NEWLINK, GETLINK", "NEWLINK", "NEWLINK, NEWADDR, NEWLINK, GETLINK"],
        systemCalls: 63,
      },
      { sends: [...onParent, "NEWLINK, NEWADDR, NEWLINK, GETLINK"], systemCalls: 57 },
    ],
    del: [
      { sends: removal, systemCalls: 42 },
      { sends: removalWithParent, systemCalls: 59 },
    ],
  },
];

t.test("ADD and DEL ask the kernel for what they need, and for nothing twice", async (t) => {
  // The folders of the reservations stay.
  await lab.add({ netns: "c1", config: config(both) });
  await lab.del({ netns: "c1", config: config(both) });
  for (const { what, keys, add, del } of cases) {
    const calls = ["c1", "c2"].map((netns): Call => ({ netns, config: config(keys) }));
    const seen = { add: [] as Conversation[], del: [] as Conversation[] };
    for (const call of calls) seen.add.push(await converse({ ...call, command: "ADD" }));
    for (const call of calls) seen.del.push(await converse({ ...call, command: "DEL" }));
    t.strictSame(seen, { add, del }, what);
  }
  await nothingLeft(t, lab);
});
