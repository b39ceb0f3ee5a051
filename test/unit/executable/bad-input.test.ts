import t from "tap";
import { addEnvironment, config, executables, run } from "./lib/plugin.ts";

/** What is wrong, what is given, and the one error that it gets: code, words of the message, JSON pointer. */
const configurations: [string, string | object, number, RegExp, string?][] = [
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
  ["100,000 nested lists", "[".repeat(100_000), 6, /nested deeper than 1000 levels/],
  ["50,000 nested objects", `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`, 6, /nested deeper/],
  ["lists nested within a key", `{"name": "n", "x": ${"[".repeat(1001)}${"]".repeat(1001)}}`, 6, /nested deeper/],
  ["a name of 10 MB", { ...config, name: "n".repeat(1e7) }, 7, /name "n+"? .* must begin|bytes/, "/name"],
  ["a text of 10 MB that is not closed", `{"name": "${"n".repeat(1e7)}`, 6, /column 10000011: a closing quote/],
  ["a number of 10 MB in no JSON", `{"mtu": 1${"0".repeat(1e7)},}`, 6, /column 10000011: a key/],
  ["more than 16 MiB", " ".repeat(2 ** 24 + 1), 6, /more than 16 MiB/],
  ["characters that steer a terminal", { ...config, mode: "\u001b[2J\r\n\u2028\u202e\0" }, 7, /mode "\\u001b\[2J/],
  ["the same in a key", { ...config, ipam: { "\u001b[2J\r\n\u2028\u202e\0": 1 } }, 2, /unknown key/],
  ["a cniVersion of 1 MB", { ...config, cniVersion: "1".repeat(1e6) }, 1, /cniVersion "1+\.\.\. is not supported/],
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
    for (const [what, stdin, code, message, pointer] of configurations) {
      // Megabytes take the sanitizers seconds, and show them nothing else.
      if (name === "sanitized" && JSON.stringify(stdin).length > 1e6) continue;
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
