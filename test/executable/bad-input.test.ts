import t from "tap";
import { addEnvironment, config, executables, run } from "./lib/plugin.ts";

/** What is wrong, what is given, and the one error that it gets: code, words of the message, JSON pointer. */
type BadConfiguration = [string, string | object, number, RegExp, string?];

const configurations: readonly BadConfiguration[] = [
  ["no JSON", "{name:", 6, /JSON/],
  ["nothing", "", 6, /JSON/],
  ["a list", "[]", 6, /object/],
  ["no name", { ...config, name: undefined }, 7, /name/, "/name"],
  ["a name with a slash", { ...config, name: "a/b" }, 7, /name/, "/name"],
  ["an unsupported cniVersion", { ...config, cniVersion: "9.0.0" }, 1, /9\.0\.0.*1\.1\.0/, "/cniVersion"],
  ["a number as master", { ...config, master: 7 }, 7, /master/, "/master"],
  ["a text as mtu", { ...config, mtu: "big" }, 7, /mtu/, "/mtu"],
  ["an unknown mode", { ...config, mode: "l4" }, 7, /l4.*l2.*l3.*l3s/, "/mode"],
  ["an unknown flag", { ...config, flag: "hidden" }, 7, /hidden.*bridge.*private.*vepa/, "/flag"],
  ["lo as parent", { ...config, master: "lo" }, 7, /lo/, "/master"],
  ["two parents", { ...config, parent: "eth1" }, 7, /eth1.*eth0/, "/parent"],
  ["a VLAN of 4095", { ...config, vlan: 4095 }, 7, /vlan|4095|4094/, "/vlan"],
  [
    "a bad CIDR",
    { ...config, ipam: { subnets: [{ subnet: "192.168.1.0/33" }] } },
    7,
    /192\.168\.1\.0\/33/,
    "/ipam/subnets/0/subnet",
  ],
  [
    "a gateway outside its subnet",
    { ...config, ipam: { subnets: [{ subnet: "192.168.1.0/24", gateway: "192.168.2.1" }] } },
    7,
    /192\.168\.2\.1.*192\.168\.1\.0\/24/,
    "/ipam/subnets/0/gateway",
  ],
  ["an unknown key in ipam", { ...config, ipam: { subnetz: [] } }, 2, /subnetz/],
  [
    "a configuration list",
    { cniVersion: "1.0.0", name: "n", plugins: [config] },
    7,
    /configuration list.*jq/,
    "/plugins",
  ],
  ["a misspelt master", { ...config, master: undefined, mater: "eth0" }, 2, /"mater".*did you mean "master"/, "/mater"],
  ["another plugin's vlanId", { ...config, vlanId: 10 }, 2, /"vlanId".*did you mean "vlan"/, "/vlanId"],
  ["a path with NUL", { ...config, ipam: { ...config.ipam, dataDir: "/a\0b" } }, 7, /NUL/, "/ipam/dataDir"],
  ["100,000 nested lists", "[".repeat(100_000), 6, /nested deeper than 1000 levels/],
  ["50,000 nested objects", `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`, 6, /nested deeper/],
  ["lists nested within a key", `{"name": "n", "x": ${"[".repeat(1001)}${"]".repeat(1001)}}`, 6, /nested deeper/],
  ["more than 16 MiB", " ".repeat(2 ** 24 + 1), 6, /more than 16 MiB/],
  ["characters that steer a terminal", { ...config, mode: "\u001b[2J\r\n\u2028\u202e\0" }, 7, /mode "\\u001b\[2J/],
  ["the same in a key", { ...config, ipam: { "\u001b[2J\r\n\u2028\u202e\0": 1 } }, 2, /unknown key/],
  ["a cniVersion of 1 MB", { ...config, cniVersion: "1".repeat(1e6) }, 1, /cniVersion "1+\.\.\. is not supported/],
];

/** Large ones, of so many characters. */
const large = (size: number): readonly BadConfiguration[] => [
  ["a long name", { ...config, name: "n".repeat(size) }, 7, /^name has 1\d+ bytes/, "/name"],
  ["a long name of other letters", { ...config, name: "é".repeat(size / 2) }, 7, /^name "é+\.\.\. must begin/, "/name"],
  ["a long text that is not closed", `{"name": "${"n".repeat(size)}`, 6, /no JSON: 1\d+ characters, too many to look/],
  ["a long number in no JSON", `{"mtu": 1${"0".repeat(size)},}`, 6, /no JSON/],
  ["many lists side by side", `{"a": [${"[],".repeat(size / 12)}`, 6, /no JSON/],
  [
    "many nulls",
    `{"name": "n", "ipam": {"subnets": [${"null,".repeat(size / 5)}5]}}`,
    7,
    /subnets\[0\] must be an object/,
  ],
  ["many keys that look like ours", `{${'"mod":5,'.repeat(size / 8)}"name": 5}`, 7, /name 5 must be a string/, "/name"],
  ["a long key", { ...config, ipam: { ["k".repeat(size)]: 1 } }, 2, /^ipam has an unknown key "k+\.\.\. \(value 1\)/],
];

const environments: [string, Record<string, string>, RegExp][] = [
  ["no CNI_CONTAINERID", { CNI_CONTAINERID: "" }, /CNI_CONTAINERID/],
  ["no CNI_NETNS and no CNI_IFNAME", { CNI_NETNS: "", CNI_IFNAME: "" }, /CNI_NETNS.*CNI_IFNAME/],
  ["a CNI_CONTAINERID with a slash", { CNI_CONTAINERID: "a/b" }, /CNI_CONTAINERID/],
  ["a CNI_IFNAME of 16 characters", { CNI_IFNAME: "abcdefghijklmnop" }, /CNI_IFNAME/],
  ["a CNI_IFNAME of ..", { CNI_IFNAME: ".." }, /CNI_IFNAME/],
  ["an unknown CNI_COMMAND", { CNI_COMMAND: "MOVE" }, /CNI_COMMAND.*MOVE/],
  ["malformed CNI_ARGS", { CNI_ARGS: "IP" }, /CNI_ARGS/],
  ["a CNI_NETNS that is no namespace", { CNI_NETNS: "/etc/passwd" }, /CNI_NETNS \/etc\/passwd is no network namespace/],
];

/** What a log takes as one line: no line break of any script, nothing that steers a terminal or turns the text around. */
function isOneLine(text: string): boolean {
  return !/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text) && Buffer.byteLength(text) <= 2048;
}

for (const { name, path } of executables) {
  t.test(`${name}: each class of bad configuration gets one JSON error with the specification's code`, async (t) => {
    // The sanitizers, and the emulator of another processor, make it slow.
    const all = [...configurations, ...large(["sanitized", "arm64"].includes(name) ? 1e6 : 1e7)];
    for (const [what, stdin, code, message, pointer] of all) {
      const answer = run(path, addEnvironment, stdin);
      t.equal(answer.code, 1, `${what}: exit code`);
      t.equal(answer.json.code, code, `${what}: code`);
      t.match(answer.json.msg, message, `${what}: message`);
      t.ok(isOneLine(answer.json.msg), `${what}: one line of at most 2 kB`);
      t.ok(isOneLine(answer.json.details ?? ""), `${what}: and so are the details`);
      t.ok(answer.stdout.length < 10_000, `${what}: nothing else is long`);
      if (pointer !== undefined) t.equal(answer.json.details, pointer, `${what}: details`);
      t.equal(answer.stderr, "", `${what}: nothing on stderr`);
    }
  });

  t.test(`${name}: a container that does not exist gets code 3`, async (t) => {
    const answer = run(path, addEnvironment, config);
    t.match(answer, {
      code: 1,
      json: { cniVersion: "1.1.0", code: 3, msg: /^CNI_NETNS \/nowhere\/netns does not exist$/ },
    });
  });

  t.test(`${name}: missing or malformed environment gets code 4 and the variable's name`, async (t) => {
    for (const [what, variables, message] of environments) {
      const answer = run(path, { ...addEnvironment, ...variables }, config);
      t.equal(answer.code, 1, `${what}: exit code`);
      t.match(answer.json, { cniVersion: /./, code: 4, msg: message }, what);
    }
  });
}

for (const { name, path } of executables) {
  t.test(`${name}: a list of 20,000 addresses is read to its end, where the fault is`, async (t) => {
    // Compared each with each they would take longer than an executable may here.
    const most = 20_000;
    const auxAddresses = Array.from({ length: most }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const subnets = [{ subnet: "10.0.0.0/16", auxAddresses: [...auxAddresses, "10.1.0.1"] }];
    const { json } = run(path, addEnvironment, { ...config, ipam: { subnets } });
    t.match(json, { code: 7, details: `/ipam/subnets/0/auxAddresses/${most}` });
  });
}
