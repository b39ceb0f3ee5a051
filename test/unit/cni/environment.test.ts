import t from "tap";
import { type Command, parseEnvironment } from "../../../src/cni/environment.ts";
import { refusal } from "./lib/refusal.ts";

const complete = {
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/c1",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "IgnoreUnknown=1",
  CNI_PATH: "/opt/cni/bin:/usr/lib/cni",
};

t.test("the parameters of a complete environment", async (t) => {
  t.strictSame(parseEnvironment({ ...complete, CNI_COMMAND: "ADD", HOME: "/root" }), {
    command: "ADD",
    containerId: "c1",
    netns: "/run/netns/c1",
    ifname: "eth0",
    args: "IgnoreUnknown=1",
    path: ["/opt/cni/bin", "/usr/lib/cni"],
    netnsOverride: false,
  });
});

// SPEC.md, section 2, "Required environment parameters" of each command.
const required: Record<Command, string[]> = {
  ADD: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
  DEL: ["CNI_CONTAINERID", "CNI_IFNAME"],
  CHECK: ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"],
  GC: ["CNI_PATH"],
  STATUS: [],
  VERSION: [],
};

for (const [command, names] of Object.entries(required)) {
  t.test(`${command} needs ${names.join(", ") || "nothing"} and no more`, async (t) => {
    const least = Object.fromEntries(Object.entries(complete).filter(([name]) => names.includes(name)));
    t.equal(parseEnvironment({ ...least, CNI_COMMAND: command }).command, command);
    for (const name of names) {
      for (const missing of [undefined, ""]) {
        const { code, message } = refusal(() =>
          parseEnvironment({ ...complete, CNI_COMMAND: command, [name]: missing }),
        );
        t.equal(code, 4);
        t.match(message, name);
      }
    }
    if (names.length > 0) {
      const { message } = refusal(() => parseEnvironment({ CNI_COMMAND: command }));
      for (const name of names) t.match(message, name, "all that is missing is named at once");
    }
  });
}

t.test("DEL without a namespace", async (t) => {
  t.equal(parseEnvironment({ ...complete, CNI_COMMAND: "DEL", CNI_NETNS: "" }).netns, "");
});

t.test("an absent or unknown command names the known ones", async (t) => {
  for (const command of [undefined, "", "add", "UPDATE"]) {
    const { code, message } = refusal(() => parseEnvironment({ ...complete, CNI_COMMAND: command }));
    t.equal(code, 4);
    const what = command ? `CNI_COMMAND "${command}" is unknown` : "CNI_COMMAND is not set";
    t.equal(message, `${what}: it must be one of ADD, DEL, CHECK, GC, STATUS, VERSION`);
  }
});

t.test("container ids begin with a letter or digit", async (t) => {
  const parse = (id: string) => parseEnvironment({ ...complete, CNI_COMMAND: "ADD", CNI_CONTAINERID: id });
  for (const id of ["a", "9", "A-b_c.d", "0123456789abcdef".repeat(4)]) t.equal(parse(id).containerId, id);
  for (const id of ["-a", ".", "..", "_a", "a/b", "../x", "a b", "ä", "a\n"]) {
    const { code, message } = refusal(() => parse(id));
    t.equal(code, 4, JSON.stringify(id));
    t.match(message, "CNI_CONTAINERID");
  }
});

t.test("interface names are those that the kernel takes", async (t) => {
  const parse = (ifname: string) => parseEnvironment({ ...complete, CNI_COMMAND: "DEL", CNI_IFNAME: ifname });
  for (const name of ["eth0", "a", "a.b-c_d", "123456789012345", "é", "...", "€€€€€"])
    t.equal(parse(name).ifname, name);
  for (const name of [
    ".",
    "..",
    "a/b",
    "a:b",
    "a b",
    "a\tb",
    "1234567890123456",
    "€€€€€€",
    "a\u00a0b",
    "a\0b",
    "😀😀😀😀",
  ]) {
    const { code, message } = refusal(() => parse(name));
    t.equal(code, 4, JSON.stringify(name));
    t.match(message, "CNI_IFNAME");
  }
});

t.test("names that libcni lets through and no link can have are refused by all commands but DEL", async (t) => {
  for (const name of ["net%d", "%", "all", "default", "à"]) {
    for (const command of ["ADD", "CHECK"]) {
      const error = refusal(() => parseEnvironment({ ...complete, CNI_COMMAND: command, CNI_IFNAME: name }));
      t.equal(error.code, 4, `${command} ${name}`);
      t.match(error.message, `CNI_IFNAME "${name}"`);
    }
    t.equal(parseEnvironment({ ...complete, CNI_COMMAND: "DEL", CNI_IFNAME: name }).ifname, name);
  }
});

t.test("everything that is wrong is named in one message", async (t) => {
  const variables = { CNI_COMMAND: "ADD", CNI_CONTAINERID: "a/b", CNI_IFNAME: "a:b" };
  t.match(refusal(() => parseEnvironment(variables)).message, /CNI_NETNS.*CNI_CONTAINERID "a\/b".*CNI_IFNAME "a:b"/);
});

t.test("what a command does not need is not looked at", async (t) => {
  t.equal(parseEnvironment({ CNI_COMMAND: "VERSION", CNI_IFNAME: "a/b", CNI_CONTAINERID: "-" }).command, "VERSION");
});

t.test("CNI_NETNS_OVERRIDE is read as libcni does", async (t) => {
  for (const [text, expected] of [
    ["1", true],
    ["true", true],
    ["TRUE", true],
    ["0", false],
    ["yes", false],
    ["", false],
  ] as const) {
    t.equal(parseEnvironment({ ...complete, CNI_COMMAND: "ADD", CNI_NETNS_OVERRIDE: text }).netnsOverride, expected);
  }
});
