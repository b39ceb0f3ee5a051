// `ipvlan validate`: faults in configurations with their places, in each file and over all of them, by both executables.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { at } from "../../../build/paths.ts";
import { cli, executables } from "./lib/cli.ts";

/** A folder with these files; a value that is no text is written as JSON. */
function folderOf(t: Test, files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-cni-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value, undefined, 2));
  }
  return folder;
}

const list = (name: string, ...plugins: object[]) => ({ cniVersion: "1.0.0", name, plugins });
const ipvlan = (keys: object) => ({ type: "ipvlan", ...keys });
const subnet = (one: string, keys: object = {}) => ({ ipam: { subnets: [{ subnet: one, ...keys }] } });

const broken = `{
  "cniVersion": "1.0.0",
  "name": "broken",
  "plugins": [
    {
      "type": "ipvlan",
      "master": "eth0",
      "mode": "l4",
      "vlan": 4095,
      "Flag": "bridge",
      "ipam": { "subnets": [{ "subnet": "10.1.2.3/16", "gatway": "10.1.0.1" }], "ipv4": true }
    }
  ]
}
`;

for (const { name, path } of executables) {
  const validate = (folder: string, ...words: string[]) => cli(path, ["validate", "--no-host", ...words, folder]);
  const found = (folder: string, ...words: string[]): string[] =>
    JSON.parse(validate(folder, "--json", ...words).stdout).findings.map(
      (one: Record<string, string>) =>
        `${one.severity} ${one.file?.slice(folder.length + 1)}:${one.line}:${one.column} ${one.pointer}: ${one.message}`,
    );

  t.test(`${name}: every fault of a file is reported at its place, with the line and a caret`, async (t) => {
    const folder = folderOf(t, { "10-broken.conflist": broken });
    const answer = validate(folder);
    t.equal(answer.code, 1);
    t.equal(answer.stderr, "");
    const file = join(folder, "10-broken.conflist");
    t.match(
      answer.stdout,
      `${file}:8:15: error: mode "l4" is unknown: it must be one of l2, l3, l3s; did you mean "l2"?\n          "mode": "l4",\n                  ^\n`,
    );
    t.match(answer.stdout, `${file}:9:15: error: vlan must be at most 4094, not 4095`);
    t.match(
      answer.stdout,
      new RegExp(`${file}:11:\\d+: error: ipam.subnets\\[0\\] has an unknown key "gatway" .*did you mean "gateway"`),
    );
    t.match(answer.stdout, /1 file read, \d found\n$/);
  });

  t.test(`${name}: text that is no JSON, an empty file, no object, a key twice`, async (t) => {
    const folder = folderOf(t, {
      "1.conflist": '{\n  "name": "a",\n  "plugins": [,]\n}\n',
      "2.conflist": "",
      "3.conf": "[]",
      "4.conf": '{"cniVersion": "1.0.0", "name": "a", "type": "ipvlan",\n "mode": "l2", "mode": "l3"}',
    });
    t.strictSame(found(folder), [
      "error 1.conflist:3:15 : a value expected",
      "error 2.conflist:1:1 : the file is empty",
      "error 3.conf:1:1 : a JSON object is wanted: a network configuration, or a list with plugins",
      "warning 4.conf:2:16 /mode: the key stands here a second time: the first one is passed over",
    ]);
  });

  t.test(`${name}: what stands beside the plugins, and each plugin's type`, async (t) => {
    const folder = folderOf(t, {
      "1.conflist": { cniVersion: "9.0.0", name: "a/b", plugins: [{ type: "ipvlan" }], disableCheck: "no" },
      "2.conflist": list("b"),
      "3.conflist": list("c", {}, { type: "/bin/sh" }),
      "4.conf": list("d", ipvlan({})),
      "5.conf": { name: "e", type: "bridge" },
    });
    const all = found(folder).map((line) => line.replace(/:\d+:\d+/, ""));
    t.match(all, [
      /^error 1\.conflist \/cniVersion: cniVersion "9\.0\.0" is not supported/,
      /^error 1\.conflist \/name: name "a\/b" must begin/,
      /^error 1\.conflist \/disableCheck: must be true or false/,
      /^error 2\.conflist \/plugins: a list needs "plugins"/,
      /^error 3\.conflist \/plugins\/0: lacks the key "type"/,
      /^error 3\.conflist \/plugins\/1\/type: must be the name of a program/,
      /^error 4\.conf \/plugins: a list is read from a file \*\.conflist alone/,
    ]);
    t.equal(all.length, 7);
  });

  t.test(`${name}: warnings of the plugin itself, at the key that they are about`, async (t) => {
    const folder = folderOf(t, {
      "1.conflist":
        '{"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "ipvlan", "mode": "l3",\n"Master": "eth0",\n"mtuu": 5}]}',
    });
    const lines = found(folder);
    t.match(lines[0], /^warning 1\.conflist:2:11 \/plugins\/0\/Master: key "Master" is read as "master"/);
    t.match(lines[1], /^warning 1\.conflist:3:9 \/plugins\/0\/mtuu: unknown key "mtuu" .*did you mean "mtu"/);
    t.equal(lines.length, 2);
  });

  t.test(`${name}: over all files: a name twice, the same addresses, one parent with two modes`, async (t) => {
    const folder = folderOf(t, {
      "1.conflist": list("a", ipvlan({ master: "eth0", ...subnet("10.1.0.0/16") })),
      "2.conflist": list("a", ipvlan({ master: "eth1", ...subnet("10.2.0.0/16") })),
      "3.conflist": list("c", ipvlan({ master: "eth0", mode: "l3", ...subnet("10.1.7.0/24") })),
      "4.conflist": list("d", ipvlan({ master: "eth0", ...subnet("10.3.0.0/16", { ipRange: "10.3.1.0/24" }) })),
      "5.conflist": list("e", ipvlan({ master: "eth0", ...subnet("10.3.0.0/16", { ipRange: "10.3.2.0/24" }) })),
      "6.conflist": list("f", ipvlan(subnet("10.9.0.0/16"))),
      "7.conflist": list("g", ipvlan(subnet("10.9.0.0/16"))),
    });
    const lines = found(folder).map((line) => line.replace(/:\d+:\d+/, ""));
    t.match(lines, [
      /^error 2\.conflist \/name: network a is in \S+1\.conflist already/,
      /^error 3\.conflist \/plugins\/0\/mode: eth0 is l2 bridge for network a /,
      /^error 3\.conflist \/plugins\/0\/ipam\/subnets\/0\/subnet: 10\.1\.7\.0\/24 has addresses that network a /,
    ]);
    t.equal(lines.length, 3);
  });

  t.test(
    `${name}: a parent that this host does not have; a plugin of a chain, or of the IPAM, that is in no plugin folder`,
    async (t) => {
      const folder = folderOf(t, {
        "1.conflist": list("a", ipvlan({ master: "nolink0", ipam: { type: "dhcp" } }), { type: "tuning" }),
      });
      const plugins = join(folder, "bin");
      mkdirSync(plugins);
      writeFileSync(join(plugins, "ipvlan"), "");
      chmodSync(join(plugins, "ipvlan"), 0o755);
      const answer = JSON.parse(cli(path, ["validate", "--json", "--plugins", plugins, folder]).stdout);
      t.match(answer.findings, [
        { pointer: "/plugins/0/master", severity: "warning", message: "this host has no link nolink0" },
        { pointer: "/plugins/0/ipam/type", message: `the plugin dhcp is in none of ${plugins}` },
        { pointer: "/plugins/1/type", message: `the plugin tuning is in none of ${plugins}` },
      ]);
      t.equal(answer.findings.length, 3);
    },
  );

  t.test(`${name}: good files are quiet; files that are not there end it with 2`, async (t) => {
    const good = cli(path, ["validate", "--no-host", at("conf-examples/09-ipvlan20.conflist")]);
    t.strictSame(good, { code: 0, stdout: "1 file read, nothing found\n", stderr: "" });
    const folder = folderOf(t, { "1.conflist": list("a", ipvlan({})), "note.txt": "no configuration" });
    t.strictSame(validate(folder).code, 0);
    const absent = cli(path, ["validate", "/nowhere", folder, "--no-host"]);
    t.strictSame([absent.code, absent.stderr], [2, "ipvlan: /nowhere does not exist\n"]);
    t.match(absent.stdout, "1 file read");
  });
}
