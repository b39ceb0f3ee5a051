import t from "tap";
import { parseValidAttachments } from "../../../src/cni/gc.ts";
import { refusal } from "./lib/refusal.ts";

const parse = (value: object) => parseValidAttachments(JSON.stringify({ cniVersion: "1.1.0", name: "n", ...value }));
const list = [
  { containerID: "a", ifname: "eth0" },
  { containerID: "b", ifname: "net1" },
];
const attachments = [
  { containerId: "a", ifname: "eth0" },
  { containerId: "b", ifname: "net1" },
];

t.test("the list of valid attachments", async (t) => {
  t.strictSame(parse({ "cni.dev/valid-attachments": list }), attachments);
  t.strictSame(parse({ "cni.dev/attachments": list }), attachments, "under the name of an earlier text");
  t.strictSame(parse({ "cni.dev/valid-attachments": [], "cni.dev/attachments": list }), []);
  t.strictSame(parse({ "cni.dev/valid-attachments": null }), [], "Go's empty list");
});

t.test("no list is told from an empty one, and a malformed one is an error: nothing may be freed by it", async (t) => {
  t.equal(parse({}), undefined);
  for (const [value, details] of [
    [{ "cni.dev/valid-attachments": "a" }, "/cni.dev~1valid-attachments"],
    [{ "cni.dev/valid-attachments": ["a"] }, "/cni.dev~1valid-attachments/0"],
    [{ "cni.dev/valid-attachments": [list[0], { containerID: "b" }] }, "/cni.dev~1valid-attachments/1/ifname"],
    [{ "cni.dev/attachments": [{ ifname: "eth0" }] }, "/cni.dev~1attachments/0/containerID"],
    [
      { "cni.dev/valid-attachments": [{ ...list[0], containerID: "../x" }] },
      "/cni.dev~1valid-attachments/0/containerID",
    ],
    [{ "cni.dev/valid-attachments": [{ ...list[0], ifname: "a/b" }] }, "/cni.dev~1valid-attachments/0/ifname"],
  ] as const) {
    const error = refusal(() => parse(value));
    t.strictSame([error.code, error.details], [7, details]);
  }
  t.equal(refusal(() => parseValidAttachments("")).code, 6);
});
