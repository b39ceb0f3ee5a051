import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { port } from "#system";
import {
  type Attachment,
  attachmentsOfNetwork,
  attachmentsOnParent,
  findAttachment,
  forgetAttachment,
  forgetParentIfUnused,
  knownNetworks,
  parentKey,
  recordAttachment,
  recordedPort,
  recordPort,
  withParentLock,
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

function attachment(values: Partial<Attachment> = {}): Attachment {
  return {
    network: "net",
    containerId: "c1",
    ifname: "eth0",
    netns: "/run/netns/c1",
    parent: "eth0",
    parentName: "eth0",
    linkInContainer: false,
    mode: "l2",
    flag: "bridge",
    ...values,
  };
}

function record(one: Attachment): Attachment {
  withParentLock(one.parent, () => {
    recordPort(one.parent, `${one.mode} ${one.flag}`);
    recordAttachment(one);
  });
  return one;
}

const forget = (one: Attachment): boolean => withParentLock(one.parent, () => forgetAttachment(one));
const ids = (attachments: readonly Attachment[]): string[] => attachments.map(({ containerId }) => containerId).sort();
const files = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

t.test("what is recorded is found again, by itself, by its parent and by its network", (t) => {
  const one = record(attachment());
  const two = record(attachment({ containerId: "c2", network: "other" }));
  const three = record(attachment({ containerId: "c3", parent: "eth1", parentName: "eth1" }));
  t.same(findAttachment("net", "c1", "eth0"), one);
  t.same(findAttachment("other", "c2", "eth0"), two);
  t.same(ids(attachmentsOnParent("eth0")), ["c1", "c2"]);
  t.same(ids(attachmentsOfNetwork("net")), ["c1", "c3"]);
  t.same(attachmentsOnParent("eth1"), [three]);
  t.same(knownNetworks().sort(), ["net", "other"]);
  t.end();
});

t.test("nothing is recorded at first", (t) => {
  t.equal(findAttachment("net", "c1", "eth0"), undefined);
  t.equal(recordedPort("eth0"), undefined);
  t.same([attachmentsOnParent("eth0"), attachmentsOfNetwork("net"), knownNetworks()], [[], [], []]);
  t.end();
});

t.test("a container's interfaces are told apart, and so are networks", (t) => {
  record(attachment());
  record(attachment({ ifname: "net1" }));
  t.equal(findAttachment("net", "c1", "net2"), undefined);
  t.equal(findAttachment("other", "c1", "eth0"), undefined);
  t.equal(attachmentsOnParent("eth0").length, 2);
  t.end();
});

t.test("a record that an unfinished ADD left is replaced, in both places", (t) => {
  record(attachment({ netns: "/run/netns/old" }));
  const again = record(attachment({ netns: "/run/netns/new" }));
  t.same(findAttachment("net", "c1", "eth0"), again);
  t.same(attachmentsOnParent("eth0"), [again]);
  t.end();
});

t.test("forgetting says whether that was the parent's last record, and leaves nothing but the lock", (t) => {
  const one = record(attachment());
  const two = record(attachment({ containerId: "c2" }));
  t.equal(recordedPort("eth0"), "l2 bridge");
  t.equal(forget(one), false);
  t.equal(recordedPort("eth0"), "l2 bridge");
  t.same([ids(attachmentsOnParent("eth0")), ids(attachmentsOfNetwork("net"))], [["c2"], ["c2"]]);
  t.equal(forget(two), true);
  t.equal(recordedPort("eth0"), undefined);
  t.same(files(), ["eth0"], "the lock");
  t.same([readdirSync(join(folder, "parents")), knownNetworks()], [[], []]);
  t.equal(forget(two), false, "once more there is nothing to forget, which is no error");
  t.end();
});

t.test("a parent on which nothing is recorded is unused, whatever a killed ADD left of it", (t) => {
  const one = record(attachment());
  t.equal(forgetParentIfUnused("eth0"), false);
  t.equal(recordedPort("eth0"), "l2 bridge");
  forget(one);
  recordPort("eth0", "l2 bridge");
  t.equal(forgetParentIfUnused("eth0"), true);
  t.same(readdirSync(join(folder, "parents")), []);
  t.equal(forgetParentIfUnused("eth0"), true);
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
  for (const one of all) t.same(findAttachment("net", one.containerId, one.ifname), one);
  t.equal(attachmentsOnParent("eth0").length, all.length);
  for (const one of all) forget(one);
  t.same(attachmentsOnParent("eth0"), []);
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
        parent: "eth0@../../../etc",
        parentName: "../../../etc/cron.d/x",
        linkInContainer: "yes",
        mode: "l4",
        flag: "toString",
      }).flatMap(([key, wrong]) => [
        [`wrong ${key}`, JSON.stringify({ ...attachment(), [key]: wrong })],
        [`without ${key}`, JSON.stringify({ ...attachment(), [key]: undefined })],
        [`a number as ${key}`, JSON.stringify({ ...attachment(), [key]: 5 })],
      ]),
    ),
  })) {
    writeFileSync(join(folder, "networks/net", name), text);
  }
  t.same(ids(attachmentsOfNetwork("net")), ["c1"]);
  writeFileSync(join(folder, "networks/net/c2:eth0"), JSON.stringify(attachment()));
  t.equal(findAttachment("net", "c2", "eth0"), undefined, "another one's record is not this one's");
  t.end();
});

t.test("the port's mode and flag are those recorded last", (t) => {
  recordPort("eth0", "l2 bridge");
  recordPort("eth0", "l3 private");
  t.equal(recordedPort("eth0"), "l3 private");
  t.end();
});

t.test("parents of the same name in different namespaces have different keys", (t) => {
  const keys = [parentKey("eth0", undefined), parentKey("eth0", "0:4:1"), parentKey("eth0", "0:4:2")];
  t.equal(new Set(keys).size, 3);
  t.ok(keys.every((key) => !key.includes("/")));
  t.end();
});

t.test("withParentLock makes its folder once, and passes on what the work throws without doing it again", (t) => {
  let calls = 0;
  const error = new SystemError("open", Errno.ENOENT, "/none");
  const work = (): never => {
    calls++;
    throw error;
  };
  t.throws(() => withParentLock("eth0", work), error);
  t.equal(calls, 1);
  t.ok(existsSync(join(folder, "locks/eth0")));
  t.equal(
    withParentLock("eth0", () => "done"),
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
  t.same(attachmentsOfNetwork("net"), [one]);
  t.equal(removals, -1, "it was removed twice");
  t.end();
});
