import { spawn } from "node:child_process";
import { linkSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { port } from "#system";
import {
  type Attachment,
  type AttachmentId,
  adoptOlder,
  attachmentsOfNetwork,
  attachmentsOnParent,
  findAttachment,
  forgetInNetwork,
  forgetOnParent,
  forgetParentIfUnused,
  knownNetworks,
  olderAttachments,
  parentKey,
  parentsOfUnreadable,
  readParentKey,
  recordAttachment,
  recordedPort,
  withParent,
} from "../../../src/link/records.ts";
import { Errno, SystemError } from "../../../src/system/errno.ts";
import { decode } from "../../../src/system/text.ts";
import { commandOf, type Runtime, runtimes, temporaryFolder } from "../system/lib/runtimes.ts";
import { redirect } from "./lib/redirect.ts";

let folder = "";
t.beforeEach((t) => {
  folder = temporaryFolder(t as typeof import("tap").t, true);
  t.teardown(redirect(folder));
});

const host = "0:4:4026531840";
const eth0 = parentKey(2, host);

function attachment(values: Partial<Attachment> = {}, parentIndex = 2): Attachment {
  return {
    network: "net",
    containerId: "c1",
    ifname: "eth0",
    netns: "/run/netns/c1",
    host,
    link: { namespace: "0:4:4026532201", index: 1048577, parentIndex, parentNamespace: host },
    parent: parentKey(parentIndex, host),
    parentName: `eth${parentIndex - 2}`,
    parentMayBeOurs: false,
    linkInContainer: false,
    mode: "l2",
    flag: "bridge",
    ...values,
  };
}

/** As versions before this one wrote it. */
function olderAttachment(values: Partial<Attachment> = {}): Attachment {
  const { host, link, parentMayBeOurs, ...rest } = attachment({ parent: "eth0" });
  return { ...rest, ...values } as Attachment;
}

function record(one: Attachment): Attachment {
  withParent(one.parent, (port) => {
    port.write(`${one.mode} ${one.flag}`);
    recordAttachment(one);
  });
  return one;
}

/** @returns whether it was the parent's last */
function forget(one: Attachment): boolean {
  let wasLast = false;
  withParent(one.parent, (port) => {
    forgetOnParent(one, one.parent);
    forgetParentIfUnused(one.parent, port, () => {
      wasLast = true;
    });
    forgetInNetwork(one);
  });
  return wasLast;
}

const id = (network: string, containerId: string, ifname: string): AttachmentId => ({ network, containerId, ifname });
const ids = (attachments: readonly Attachment[]): string[] => attachments.map(({ containerId }) => containerId).sort();
const files = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

t.test("what is recorded is found again, by itself, by its parent and by its network", (t) => {
  const one = record(attachment());
  const two = record(attachment({ containerId: "c2", network: "other" }));
  const three = record(attachment({ containerId: "c3" }, 3));
  t.same(findAttachment(id("net", "c1", "eth0")), one);
  t.same(findAttachment(id("other", "c2", "eth0")), two);
  t.same(ids(attachmentsOnParent(eth0)), ["c1", "c2"]);
  t.same(ids(attachmentsOfNetwork("net", host)), ["c1", "c3"]);
  t.same(attachmentsOnParent(parentKey(3, host)), [three]);
  t.same(knownNetworks().sort(), ["net", "other"]);
  t.end();
});

t.test("nothing is recorded at first", (t) => {
  t.equal(findAttachment(id("net", "c1", "eth0")), undefined);
  t.equal(recordedPort(eth0), undefined);
  t.same([attachmentsOnParent(eth0), attachmentsOfNetwork("net", host), knownNetworks()], [[], [], []]);
  t.end();
});

t.test("a container's interfaces are told apart, and so are networks", (t) => {
  record(attachment());
  record(attachment({ ifname: "net1" }));
  t.equal(findAttachment(id("net", "c1", "net2")), undefined);
  t.equal(findAttachment(id("other", "c1", "eth0")), undefined);
  t.equal(attachmentsOnParent(eth0).length, 2);
  t.end();
});

t.test("a record that an unfinished ADD left is replaced, in both places", (t) => {
  record(attachment({ netns: "/run/netns/old" }));
  const again = record(attachment({ netns: "/run/netns/new" }));
  t.same(findAttachment(id("net", "c1", "eth0")), again);
  t.same(attachmentsOnParent(eth0), [again]);
  t.end();
});

t.test("the last attachment that is forgotten takes the parent with it, and leaves nothing", (t) => {
  const one = record(attachment());
  const two = record(attachment({ containerId: "c2" }));
  t.equal(recordedPort(eth0), "l2 bridge");
  t.equal(forget(one), false);
  t.equal(recordedPort(eth0), "l2 bridge");
  t.same([ids(attachmentsOnParent(eth0)), ids(attachmentsOfNetwork("net", host))], [["c2"], ["c2"]]);
  t.equal(forget(two), true);
  t.equal(recordedPort(eth0), undefined);
  t.same(files(), [], "not even a lock");
  t.same([readdirSync(join(folder, "parents")), knownNetworks()], [[], []]);
  t.equal(forget(two), true, "once more there is nothing to forget, which is no error");
  t.same(files(), []);
  t.end();
});

t.test(
  "a parent's link that could not be taken away is found by the next DEL, since its attachment stays recorded",
  (t) => {
    const one = record(attachment());
    t.throws(() =>
      withParent(eth0, (port) => {
        forgetOnParent(one, eth0);
        forgetParentIfUnused(eth0, port, () => {
          throw new Error("the kernel refuses");
        });
        forgetInNetwork(one);
      }),
    );
    t.same(findAttachment(one), one);
    t.equal(forget(one), true);
    t.same(files(), []);
    t.end();
  },
);

t.test("an ADD after a process that was killed while it forgot a parent finds its way", (t) => {
  mkdirSync(join(folder, "ports"));
  writeFileSync(join(folder, "ports", eth0), "l3 bridge");
  const one = record(attachment());
  t.same(attachmentsOnParent(eth0), [one]);
  t.equal(recordedPort(eth0), "l2 bridge");
  t.end();
});

t.test("who has waited for a parent that was forgotten meanwhile works on the one that is made anew", (t) => {
  const one = record(attachment());
  const flock = port.flock;
  let waits = 1;
  // The holder before us: it has forgotten the parent when it lets us in.
  (port as { flock: typeof flock }).flock = (fd, operation) => {
    if (waits-- > 0) forget(one);
    return flock(fd, operation);
  };
  t.teardown(() => {
    (port as { flock: typeof flock }).flock = flock;
  });
  const two = record(attachment({ containerId: "c2" }));
  t.same(attachmentsOnParent(eth0), [two]);
  t.equal(recordedPort(eth0), "l2 bridge");
  t.end();
});

t.test("two hosts that share the folder have parents and networks of their own", (t) => {
  const other = "0:4:4026539999";
  const link = { namespace: "0:4:4026532202", index: 1048578, parentIndex: 2, parentNamespace: other };
  record(attachment());
  const theirs = record(attachment({ containerId: "d1", host: other, link, parent: parentKey(2, other), mode: "l3" }));
  t.same(ids(attachmentsOnParent(eth0)), ["c1"]);
  t.equal(recordedPort(eth0), "l2 bridge");
  t.same([ids(attachmentsOfNetwork("net", host)), ids(attachmentsOfNetwork("net", other))], [["c1"], ["d1"]]);
  t.equal(forget(theirs), true);
  t.same(ids(attachmentsOnParent(eth0)), ["c1"]);
  t.end();
});

t.test("an attachment whose record is not readable is found at its parent", (t) => {
  const one = record(attachment());
  record(attachment({ containerId: "c2" }));
  t.same(parentsOfUnreadable(id("net", "none", "eth0")), []);
  writeFileSync(join(folder, "networks/net/c1:eth0"), '{"netw');
  t.equal(findAttachment(one), undefined);
  t.same(parentsOfUnreadable(one), [eth0]);
  forget(one);
  t.same(ids(attachmentsOnParent(eth0)), ["c2"]);
  // One of which only the network's file is left goes at once.
  writeFileSync(join(folder, "networks/net/c1:eth0"), "");
  t.same(parentsOfUnreadable(one), []);
  t.same(files().sort(), [eth0, "c2:eth0", "net:c2:eth0"]);
  t.end();
});

/** Files of attachments, as versions before this one left them. */
function leaveOlder(key: string, ...older: readonly Attachment[]): void {
  const list = join(folder, "parents", key, "attachments");
  mkdirSync(list, { recursive: true });
  writeFileSync(join(folder, "parents", key, "port"), "l2 bridge");
  for (const one of older) {
    const { network, containerId, ifname } = one;
    mkdirSync(join(folder, "networks", network), { recursive: true });
    writeFileSync(join(list, `${network}:${containerId}:${ifname}`), JSON.stringify(one));
    linkSync(
      join(list, `${network}:${containerId}:${ifname}`),
      join(folder, `networks/${network}/${containerId}:${ifname}`),
    );
  }
}

t.test("what a version before this one recorded is read, and taken over by the first ADD on its parent", (t) => {
  const older = { name: "eth0", namespaceInContainer: undefined };
  const all = ["c1", "c2"].map((containerId) => olderAttachment({ containerId }));
  leaveOlder("eth0", ...all);
  t.same(findAttachment(id("net", "c1", "eth0")), all[0]);
  t.same(ids(olderAttachments(older)), ["c1", "c2"]);
  t.same(ids(attachmentsOfNetwork("net", host)), ["c1", "c2"], "of whatever host");
  const adopt = () => withParent(eth0, (port) => adoptOlder(older, eth0, port));
  t.not(adopt(), "", "their port is to be compared with each");
  t.same(olderAttachments(older), []);
  t.same(ids(attachmentsOnParent(eth0)), ["c1", "c2"]);
  t.same(findAttachment(id("net", "c2", "eth0")), { ...all[1], parent: eth0 });
  t.same(readdirSync(join(folder, "parents")), [eth0]);
  withParent(eth0, (port) => port.write("l2 bridge"));
  t.equal(adopt(), "l2 bridge", "once");
  for (const one of attachmentsOnParent(eth0)) forget(one);
  t.same(files(), []);
  t.end();
});

t.test("a take-over in whose middle a process was killed is gone on with", (t) => {
  const older = { name: "up0", namespaceInContainer: "0:4:9" };
  const one = olderAttachment({ parent: "up0@0:4:9", parentName: "up0", linkInContainer: true });
  leaveOlder("up0@0:4:9", one, { ...one, containerId: "c2" });
  const unlink = port.unlink;
  let removals = 2;
  (port as { unlink: typeof unlink }).unlink = (path) => {
    if (removals-- === 0) throw new Error("killed");
    return unlink(path);
  };
  t.teardown(() => {
    (port as { unlink: typeof unlink }).unlink = unlink;
  });
  const key = parentKey(2, "0:4:9");
  const adopt = () => withParent(key, (port) => adoptOlder(older, key, port));
  t.throws(adopt, { message: "killed" });
  t.not(adopt(), "");
  t.same([ids(attachmentsOnParent(key)), olderAttachments(older)], [["c1", "c2"], []]);
  t.end();
});

t.test("containers' ids of any length have records of their own", (t) => {
  const long = "0123456789abcdef".repeat(100);
  const all = [`${long}1`, `${long}2`, "x".repeat(245), "x".repeat(246), "x".repeat(247)].map((containerId) =>
    record(attachment({ containerId })),
  );
  for (const ifname of ["é".repeat(7), "€".repeat(5)]) {
    // Bytes count, and the shorter of these have 255 at most by characters alone.
    for (const length of [233, 236, 239, 240, 245])
      all.push(record(attachment({ containerId: "y".repeat(length), ifname })));
  }
  for (const one of all) t.same(findAttachment(id("net", one.containerId, one.ifname)), one);
  t.equal(attachmentsOnParent(eth0).length, all.length);
  for (const one of all) forget(one);
  t.same(attachmentsOnParent(eth0), []);
  t.end();
});

t.test("files that are no records are passed over", (t) => {
  record(attachment());
  for (const [name, text] of Object.entries({
    empty: "",
    text: "what?",
    null: "null",
    list: "[]",
    half: '{"parent":"eth0"',
    deep: "[".repeat(2000),
    ...Object.fromEntries(
      Object.entries({
        network: "../x",
        containerId: "a/b",
        ifname: "..",
        netns: "/run/netns/a\0b",
        host: "../../etc",
        link: { namespace: "../x", index: 1, parentIndex: 2, parentNamespace: host },
        parent: "../../../etc",
        linkInContainer: "yes",
        mode: "l4",
        flag: "toString",
      }).flatMap(([key, wrong]) => [
        [`wrong ${key}`, JSON.stringify({ ...attachment(), [key]: wrong })],
        [`a number as ${key}`, JSON.stringify({ ...attachment(), [key]: 5 })],
        // Without these two it is one of an earlier version.
        [
          `without ${key}`,
          key === "host" || key === "link" ? "" : JSON.stringify({ ...attachment(), [key]: undefined }),
        ],
      ]),
    ),
    "an older parent": JSON.stringify({ ...olderAttachment(), parent: "eth0@../../../etc" }),
    "an older parent's name": JSON.stringify({ ...olderAttachment(), parent: "../x", parentName: "../x" }),
  })) {
    writeFileSync(join(folder, "networks/net", name), text);
  }
  t.same(ids(attachmentsOfNetwork("net", host)), ["c1"]);
  writeFileSync(join(folder, "networks/net/c2:eth0"), JSON.stringify(attachment()));
  t.equal(findAttachment(id("net", "c2", "eth0")), undefined, "another one's record is not this one's");
  t.end();
});

t.test("the port's mode and flag are those recorded last", (t) => {
  for (const text of ["l3s private", "l2 bridge"]) withParent(eth0, (port) => port.write(text));
  t.equal(recordedPort(eth0), "l2 bridge");
  t.end();
});

t.test(
  "a parent's key is a file's name, one for each link of each namespace, and told from an earlier version's",
  (t) => {
    const keys = [parentKey(2, "0:4:1"), parentKey(2, "0:4:2"), parentKey(3, "0:4:1")];
    t.equal(new Set(keys).size, 3);
    t.ok(keys.every((key) => !key.includes("/")));
    t.same(keys.map(readParentKey)[1], { index: 2, namespace: "0:4:2" });
    t.same(["eth0", "eth0.10", "up0@0:4:2", "2", "2@x"].map(readParentKey), Array(5).fill(undefined));
    t.end();
  },
);

t.test("withParent makes its folder once, and passes on what the work throws without doing it again", (t) => {
  let calls = 0;
  const error = new SystemError("open", Errno.ENOENT, "/none");
  const work = (): never => {
    calls++;
    throw error;
  };
  t.throws(() => withParent(eth0, work), error);
  t.equal(calls, 1);
  t.equal(
    withParent(eth0, () => "done"),
    "done",
  );
  t.end();
});

t.test("attachments of one network come and go on several parents at once", async (t) => {
  const children = [0, 1, 2].map((id) => {
    const runtime = runtimes[id % runtimes.length] as Runtime;
    const [program, ...args] = commandOf(runtime, "../../link/lib/attacher.ts", [folder, String(id), "150"]);
    const child = spawn(program as string, args, { stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => child.kill("SIGKILL"));
    return child;
  });
  const outputs = children.map(async (child) => JSON.parse(await text(child.stdout)) as string[]);
  while (readdirSync(folder).filter((name) => name.startsWith("ready-")).length < children.length) await sleep(5);
  writeFileSync(join(folder, "go"), "");
  t.same((await Promise.all(outputs)).flat(), []);
  t.same(knownNetworks(), [], "and leave nothing");
});

t.test("a network's folder that another container's DEL removes in between is made again", (t) => {
  const mkdir = port.mkdir;
  let removals = 2;
  (port as { mkdir: typeof mkdir }).mkdir = (path, mode) => {
    const result = mkdir(path, mode);
    if (result === 0 && decode(path).endsWith("/networks/net\0") && removals-- > 0)
      rmdirSync(join(folder, "networks/net"));
    return result;
  };
  const one = record(attachment());
  t.same(attachmentsOfNetwork("net", host), [one]);
  t.equal(removals, -1, "it was removed twice");
  t.end();
});
