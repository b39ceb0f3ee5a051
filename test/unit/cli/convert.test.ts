// `ipvlan convert`: networks of Docker, Compose, Podman and the reference plugin become configuration lists, by both executables.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { at } from "../../../build/paths.ts";
import { cli, documents, executables } from "./lib/cli.ts";
import { dockerPage } from "./lib/docker-page.ts";

const docker = "docker network create -d ipvlan";
const ips = { capabilities: { ips: true } };
const subnets = (...list: object[]) => ({ ipam: { subnets: list } });
const plain = { ...ips, ...subnets({ subnet: "192.168.1.0/24" }) };

/** Words of a shell, and the plugin's entry in the list that they become. */
const forms: readonly (readonly [words: string, entry: object])[] = [
  [`${docker} --subnet 192.168.1.0/24 n`, plain],
  [`${docker} n --subnet 192.168.1.0/24`, plain],
  ["docker network create n -dipvlan --subnet=192.168.1.0/24", plain],
  ["docker network create -d=ipvlan --subnet=192.168.1.0/24 n", plain],
  ["docker network create --driver=ipvlan --subnet=192.168.1.0/24 n", plain],
  ["docker network create --driver ipvlan --subnet=192.168.1.0/24 -- n", plain],
  ["sudo docker network create -d ipvlan --subnet=192.168.1.0/24 n", plain],
  ["  501  sudo -E docker network create -d ipvlan --subnet=192.168.1.0/24 n", plain],
  ["DOCKER_HOST=ssh://host /usr/bin/docker network create -d ipvlan --subnet=192.168.1.0/24 n", plain],
  ["docker --context prod network create -d ipvlan --subnet=192.168.1.0/24 n", plain],
  ["nerdctl network create -d ipvlan --subnet=192.168.1.0/24 n", plain],
  [`set -e; ${docker} --subnet=192.168.1.0/24 n && docker network ls | grep n`, plain],
  [`${docker} --subnet='192.168.1.0/24' "n"  # the lab`, plain],
  [`${docker} \\\r\n  --subnet=192.168.1.0/24 \\\r\n  n\r\n`, plain],
  [`${docker} --subnet=192.168.1.0/24 -o parent=eth0 n`, { master: "eth0", ...plain }],
  [`${docker} --subnet=192.168.1.0/24 -oparent=eth0 n`, { master: "eth0", ...plain }],
  [`${docker} --subnet=192.168.1.0/24 -o=parent=eth0 n`, { master: "eth0", ...plain }],
  [`${docker} --subnet=192.168.1.0/24 --opt parent=eth0 n`, { master: "eth0", ...plain }],
  [`${docker} --subnet=192.168.1.0/24 --opt=parent=eth0 n`, { master: "eth0", ...plain }],
  [`${docker} --subnet=192.168.1.0/24 --opt "parent=eth0" n`, { master: "eth0", ...plain }],
  [`${docker} --subnet=192.168.1.0/24 -o "parent"=eth0.10 n`, { master: "eth0.10", ...plain }],
  [`${docker} --subnet=192.168.1.0/24 -o parent=eth1 -o parent=eth0 n`, { master: "eth0", ...plain }],
  [`${docker} --subnet=192.168.1.0/24 -o parent= n`, plain],
  [
    `${docker} --subnet=192.168.1.0/24 -o parent=eth0 --opt ipvlan_mode=l3s --opt=ipvlan_flag=private n`,
    { master: "eth0", mode: "l3s", flag: "private", ...plain },
  ],
  [`${docker} --subnet=192.168.1.0/24 -o ipvlan_mode= -o ipvlan_flag= n`, plain],
  [`${docker} --internal --subnet=192.168.1.0/24 n`, { internal: true, ...plain }],
  [`${docker} --internal=true --subnet=192.168.1.0/24 n`, { internal: true, ...plain }],
  [`${docker} --internal=false --subnet=192.168.1.0/24 n`, plain],
  [`${docker} --internal -o parent=eth0 --subnet=192.168.1.0/24 n`, { internal: true, ...plain }],
  [`${docker} --scope local --attachable --label a=b --ipam-driver default --subnet=192.168.1.0/24 n`, plain],
  [
    `${docker} --subnet=192.168.1.0/24 --gateway=192.168.1.254 n`,
    { ...ips, ...subnets({ subnet: "192.168.1.0/24", gateway: "192.168.1.254" }) },
  ],
  [
    `${docker} --gateway=10.2.0.9 --subnet=10.1.0.0/16 --subnet=10.2.0.0/16 --gateway=10.1.0.9 n`,
    {
      ...ips,
      ...subnets({ subnet: "10.1.0.0/16", gateway: "10.1.0.9" }, { subnet: "10.2.0.0/16", gateway: "10.2.0.9" }),
    },
  ],
  [
    `${docker} --subnet=10.1.0.0/16,10.2.0.0/16 --gateway=10.1.0.9,10.2.0.9 n`,
    {
      ...ips,
      ...subnets({ subnet: "10.1.0.0/16", gateway: "10.1.0.9" }, { subnet: "10.2.0.0/16", gateway: "10.2.0.9" }),
    },
  ],
  [
    `${docker} --subnet=172.28.0.0/16 --ip-range=172.28.5.0/24 --gateway=172.28.5.254 n`,
    { ...ips, ...subnets({ subnet: "172.28.0.0/16", gateway: "172.28.5.254", ipRange: "172.28.5.0/24" }) },
  ],
  [
    `${docker} --subnet=192.168.0.0/16 --subnet=192.170.0.0/16 --gateway=192.168.0.100 --gateway=192.170.0.100 ` +
      `--ip-range=192.168.1.0/24 --aux-address="my-router=192.168.1.5" --aux-address="my-switch=192.168.1.6" ` +
      `--aux-address="my-printer=192.170.1.5" --aux-address="my-nas=192.170.1.6" n`,
    {
      ...ips,
      ...subnets(
        {
          subnet: "192.168.0.0/16",
          gateway: "192.168.0.100",
          ipRange: "192.168.1.0/24",
          auxAddresses: { "my-router": "192.168.1.5", "my-switch": "192.168.1.6" },
        },
        {
          subnet: "192.170.0.0/16",
          gateway: "192.170.0.100",
          auxAddresses: { "my-printer": "192.170.1.5", "my-nas": "192.170.1.6" },
        },
      ),
    },
  ],
  [
    `${docker} --ipv6 --subnet=2001:db8::/64 --subnet 192.168.1.0/24 n`,
    { ...ips, ...subnets({ subnet: "2001:db8::/64" }, { subnet: "192.168.1.0/24" }) },
  ],
  [
    `${docker} --ipv4=false --ipv6 --subnet=2001:db8::/64 n`,
    { ...ips, ipam: { ipv4: false, subnets: [{ subnet: "2001:db8::/64" }] } },
  ],
  [`${docker} --ipv6=false --ipv4 --subnet 192.168.1.0/24 n`, plain],
  [`${docker} --subnet 192.168.1.0/31 n`, { ...ips, ...subnets({ subnet: "192.168.1.0/31" }) }],
  [
    `${docker} --subnet 2001:db8::/64 --gateway 2001:db8::1 --aux-address r=2001:db8::2 n`,
    { ...ips, ...subnets({ subnet: "2001:db8::/64", gateway: "2001:db8::1", auxAddresses: { r: "2001:db8::2" } }) },
  ],
  [
    "podman network create --driver ipvlan --subnet 192.168.1.0/24 --gateway 192.168.1.1 n",
    {
      master: { defaultRoute: "ipv4" },
      ...ips,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "192.168.1.0/24", gateway: "192.168.1.1" }]],
        routes: [{ dst: "0.0.0.0/0", gw: "192.168.1.1" }],
      },
    },
  ],
  [
    "podman network create -d ipvlan --interface-name eth0.20 -o mode=l3,mtu=1400 --subnet 10.1.0.0/16 --ip-range 10.1.2.0-10.1.2.9 --subnet fd00::/64 --route 10.9.0.0/16,10.1.0.1,100 n",
    {
      master: "eth0.20",
      mode: "l3",
      mtu: 1400,
      ...ips,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "10.1.0.0/16", rangeStart: "10.1.2.0", rangeEnd: "10.1.2.9" }], [{ subnet: "fd00::/64" }]],
        routes: [{ dst: "10.9.0.0/16", gw: "10.1.0.1", priority: 100 }, { dst: "0.0.0.0/0" }, { dst: "::/0" }],
      },
    },
  ],
  [
    "podman network create --driver=ipvlan --opt parent=eth1 --internal --subnet 192.168.1.0/24 n",
    { master: "eth1", ...ips, ipam: { type: "host-local", ranges: [[{ subnet: "192.168.1.0/24" }]] } },
  ],
  [
    "podman network create -d ipvlan --opt parent=eth1 --ipam-driver dhcp n",
    { master: "eth1", ...ips, ipam: { type: "dhcp" } },
  ],
];

/** What Docker refuses, and the reason in our words. */
const refusals: readonly (readonly [words: string, reason: RegExp])[] = [
  [docker, /the network's name is missing/],
  [`${docker} a b`, /one name is wanted/],
  [`${docker} --subnett 10.0.0.0/8 n`, /unknown flag --subnett; did you mean --subnet\?/],
  [`${docker} -x n`, /unknown flag -x/],
  [`${docker} n --subnet`, /--subnet needs a value/],
  [`${docker} --internal=maybe n`, /--internal=maybe: true or false/],
  ["docker network create --subnet 10.0.0.0/8 n", /its driver is bridge, Docker's default/],
  ["docker network create -d macvlan -o parent=eth0 n", /its driver is macvlan/],
  [`${docker} --subnet 172.16.50.0/22 --gateway 172.16.50.1 n`, /it should be 172\.16\.48\.0\/22/],
  [`${docker} --subnet 10.1.100.0/16 n`, /it should be 10\.1\.0\.0\/16/],
  [
    `${docker} --subnet 10.1.0.0/16 --ip-range 10.1.1.9/24 n`,
    /ip-range 10\.1\.1\.9\/24 .* it should be 10\.1\.1\.0\/24/,
  ],
  [`${docker} --subnet 10.0.0.0 n`, /subnet 10\.0\.0\.0 is no ADDRESS\/LENGTH/],
  [`${docker} --subnet 10.0.0.0/33 n`, /is no ADDRESS\/LENGTH/],
  [`${docker} --gateway 10.0.0.1 n`, /needs a subnet of its own/],
  [`${docker} --ip-range 10.0.0.0/24 n`, /needs a subnet of its own/],
  [`${docker} --subnet 10.0.0.0/24 --gateway 10.0.0.1 --gateway 10.0.0.2 n`, /needs a subnet of its own/],
  [
    `${docker} --subnet 10.0.0.0/24 --subnet 10.0.1.0/24 --gateway 10.0.0.1 --gateway 10.0.0.2 n`,
    /10\.0\.0\.0\/24 has two gateways/,
  ],
  [
    `${docker} --subnet 10.0.0.0/24 --subnet 10.0.1.0/24 --ip-range 10.0.0.0/25 --ip-range 10.0.0.128/25 n`,
    /10\.0\.0\.0\/24 has two ranges/,
  ],
  [`${docker} --subnet 10.0.0.0/24 --gateway 10.0.1.1 n`, /gateway 10\.0\.1\.1 is in no subnet/],
  [`${docker} --subnet 10.0.0.0/24 --ip-range 10.0.1.0/25 n`, /ip-range 10\.0\.1\.0\/25 is in no subnet/],
  [`${docker} --subnet 10.0.0.0/24 --aux-address r=10.0.1.1 n`, /aux-address 10\.0\.1\.1 is in no subnet/],
  [`${docker} --subnet 10.0.0.0/24 --aux-address 10.0.0.7 n`, /NAME=ADDRESS is wanted/],
  [`${docker} --subnet 10.0.0.0/24 --gateway nowhere n`, /gateway nowhere is no address/],
  [`${docker} --subnet 10.0.0.0/16 --subnet 10.0.3.0/24 n`, /10\.0\.0\.0\/16 and 10\.0\.3\.0\/24 overlap/],
  [`${docker} -o ipvlan_mode=l4 n`, /the mode l4 is unknown/],
  [`${docker} -o ipvlan_mode=L2 n`, /the mode L2 is unknown/],
  [`${docker} -o ipvlan_flag=hidden n`, /the flag hidden is unknown/],
  [`${docker} -o parent=lo n`, /lo, the loopback device/],
  [`${docker} -o parent=a/b n`, /parent|master/],
  [`${docker} --ingress n`, /a swarm's own/],
  [`${docker} --scope swarm n`, /the scope swarm/],
  [`${docker} --config-from c n`, /--config-only and --config-from/],
  [`${docker} --config-only n`, /--config-only and --config-from/],
  [`${docker} --ipam-driver null n`, /IPAM driver null/],
  [`${docker} 'a b'`, /its name must begin/],
  [`${docker} --ipv4=false n`, /is false, and there is no IPv6 subnet/],
  ["podman network create -d ipvlan --opt parent=eth0 n", /it has no subnet/],
];

const compose = `
version: "3.8"
name: lab
x-ipvlan: &ipvlan
  driver: ipvlan
  driver_opts: &opts
    parent: eth0
services:
  web:
    image: nginx
    networks:
      lan:
        ipv4_address: 192.168.1.5
networks:
  lan:
    <<: *ipvlan
    ipam:
      config:
        - subnet: 192.168.1.0/24
          gateway: 192.168.1.1
          ip_range: 192.168.1.128/25
          aux_addresses:
            printer: 192.168.1.200
  vlan:
    driver: ipvlan
    name: vlan-$\{VID:-20}
    driver_opts:
      <<: *opts
      parent: eth0.$VID
      ipvlan_mode: 'l3'
    enable_ipv6: true
    ipam:
      driver: default
      config: [{subnet: 10.20.0.0/16}, {subnet: "fd00:20::/64"}]
  hidden: {driver: ipvlan, internal: yes}
  front: {driver: bridge}
  other: {external: true}
`.replaceAll("$\\{", "${");

const inspected = JSON.stringify([
  {
    Name: "db_net",
    Id: "3fbc5e2f9a1c",
    Scope: "local",
    Driver: "ipvlan",
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: "default",
      Options: {},
      Config: [
        { Subnet: "192.168.1.0/24", Gateway: "192.168.1.1", IPRange: "", AuxiliaryAddresses: { nas: "192.168.1.9" } },
      ],
    },
    Internal: false,
    Containers: { ab12: { Name: "web", IPv4Address: "192.168.1.2/24" } },
    Options: { ipvlan_mode: "l2", parent: "eth0" },
    Labels: {},
  },
  { Name: "bridge", Driver: "bridge", IPAM: { Config: [] } },
  { Name: "isolated3", Driver: "ipvlan", Internal: true, Options: { parent: "di-3fbc5e2f9a1" }, IPAM: { Config: [] } },
]);

const netavark = JSON.stringify({
  name: "lan",
  id: "17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121",
  driver: "ipvlan",
  network_interface: "eth0",
  subnets: [
    {
      subnet: "192.168.1.0/24",
      gateway: "192.168.1.1",
      lease_range: { start_ip: "192.168.1.100", end_ip: "192.168.1.150" },
    },
  ],
  ipv6_enabled: false,
  internal: false,
  dns_enabled: false,
  options: { mode: "l2", mtu: "1400" },
  ipam_options: { driver: "host-local" },
});

const reference = {
  cniVersion: "0.4.0",
  name: "pods",
  disableCheck: true,
  plugins: [
    {
      type: "ipvlan",
      mode: "l3",
      ipam: { type: "host-local", ranges: [[{ subnet: "10.1.0.0/16" }]], routes: [{ dst: "0.0.0.0/0" }] },
    },
    { type: "tuning", sysctl: { "net.core.somaxconn": "500" } },
  ],
};

const example = (name: string): string => readFileSync(at(`conf-examples/${name}.conflist`), "utf8");

function temporary(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "ipvlan-cni-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

for (const { name, path } of executables) {
  t.test(`${name}: Docker's page, as it stands in a shell's history, gives the examples to the letter`, async (t) => {
    const answer = cli(path, ["convert", "-"], { stdin: dockerPage.map(([words]) => words).join("\n") });
    t.equal(answer.stdout, dockerPage.map(([, file]) => example(file)).join(""));
    t.strictSame([answer.stderr, answer.code], ["", 0]);
  });

  t.test(`${name}: every other form of the words that is about`, async (t) => {
    const answer = cli(path, ["convert", "-"], { stdin: forms.map(([words]) => words).join("\n") });
    t.equal(answer.code, 0);
    const lists = documents(answer.stdout);
    t.equal(lists.length, forms.length);
    forms.forEach(([words, entry], index) => {
      const wanted = { cniVersion: "1.0.0", name: "n", plugins: [{ type: "ipvlan", ...entry }] };
      t.strictSame(lists[index], wanted, words);
    });
  });

  t.test(`${name}: what Docker would refuse is refused, with the reason and no list`, async (t) => {
    const answer = cli(path, ["convert", "-"], { stdin: refusals.map(([words]) => words).join("\n") });
    t.equal(answer.code, 2);
    t.equal(answer.stdout, "");
    const lines = answer.stderr.trimEnd().split("\n");
    t.equal(lines.length, refusals.length, answer.stderr);
    refusals.forEach(([words, reason], index) => {
      t.match(lines[index], reason, words);
    });
  });

  t.test(`${name}: words as arguments; flags of ours before them`, async (t) => {
    const words = "docker network create -d ipvlan --subnet=192.168.10.0/24 isolated1".split(" ");
    t.equal(cli(path, ["convert", ...words]).stdout, example("06-isolated1"));
    const [list] = documents(cli(path, ["convert", "--cni-version", "1.1.0", ...words]).stdout);
    t.equal(list.cniVersion, "1.1.0");
    const back = documents(cli(path, ["convert", "--to", "reference", ...words, "-o", "parent=eth0"]).stdout)[0];
    t.strictSame(back.plugins[0].ipam, {
      type: "host-local",
      ranges: [[{ subnet: "192.168.10.0/24", gateway: "192.168.10.1" }]],
      routes: [{ dst: "0.0.0.0/0" }],
    });
  });

  t.test(`${name}: what is left out of a network is said`, async (t) => {
    const said = (words: string) => cli(path, ["convert", "-"], { stdin: words }).stderr;
    t.match(
      said(`${docker} -o com.docker.network.driver.mtu=1400 n`),
      /driver\.mtu means nothing .* write "mtu": 1400/,
    );
    t.match(said(`${docker} -o macvlan_mode=bridge n`), /macvlan_mode means nothing/);
    t.match(said(`${docker} --internal -o parent=eth0 n`), /the parent eth0 is left out/);
    t.match(said(`${docker} --ipv6 n`), /an IPv6 subnet by itself; here one must be named/);
    t.match(said(`${docker} --label a=b --attachable n`), /--attachable .*\n.*labels/);
    t.match(said(`${docker} n\n${docker} n`), /network n is there twice/);
  });

  t.test(`${name}: a Compose file's ipvlan networks, with anchors, merges and variables`, async (t) => {
    const answer = cli(path, ["convert", "-"], { stdin: compose, environment: { VID: "30" } });
    t.equal(answer.code, 0);
    t.strictSame(documents(answer.stdout), [
      {
        cniVersion: "1.0.0",
        name: "lab_lan",
        plugins: [
          {
            type: "ipvlan",
            master: "eth0",
            ...ips,
            ...subnets({
              subnet: "192.168.1.0/24",
              gateway: "192.168.1.1",
              ipRange: "192.168.1.128/25",
              auxAddresses: { printer: "192.168.1.200" },
            }),
          },
        ],
      },
      {
        cniVersion: "1.0.0",
        name: "vlan-30",
        plugins: [
          {
            type: "ipvlan",
            master: "eth0.30",
            mode: "l3",
            ...ips,
            ...subnets({ subnet: "10.20.0.0/16" }, { subnet: "fd00:20::/64" }),
          },
        ],
      },
      { cniVersion: "1.0.0", name: "lab_hidden", plugins: [{ type: "ipvlan", internal: true }] },
    ]);
    for (const remark of [
      /front is left out.*bridge/,
      /other is external/,
      /service web has the address 192\.168\.1\.5/,
    ]) {
      t.match(answer.stderr, remark);
    }
    const broken = cli(path, ["convert", "-"], { stdin: "networks:\n  a: [1\n  b: 2\n" });
    t.strictSame([broken.code, broken.stdout], [2, ""]);
    t.match(broken.stderr, /^ipvlan: standard input:3:3: no YAML: /);
  });

  t.test(`${name}: docker network inspect, podman network inspect, and one of several networks`, async (t) => {
    const answer = cli(path, ["convert", "-"], { stdin: inspected });
    t.strictSame(documents(answer.stdout), [
      {
        cniVersion: "1.0.0",
        name: "db_net",
        plugins: [
          {
            type: "ipvlan",
            master: "eth0",
            mode: "l2",
            ...ips,
            ...subnets({ subnet: "192.168.1.0/24", gateway: "192.168.1.1", auxAddresses: { nas: "192.168.1.9" } }),
          },
        ],
      },
      { cniVersion: "1.0.0", name: "isolated3", plugins: [{ type: "ipvlan", internal: true }] },
    ]);
    t.match(answer.stderr, /1 containers of today/);
    t.match(answer.stderr, /network bridge is left out/);
    const one = cli(path, ["convert", "-", "--network", "isolated3"], { stdin: inspected });
    t.strictSame(
      documents(one.stdout).map((list) => list.name),
      ["isolated3"],
    );
    t.equal(cli(path, ["convert", "-", "--network", "nobody"], { stdin: inspected }).code, 2);
    const [lan] = documents(cli(path, ["convert", "-"], { stdin: netavark }).stdout);
    t.strictSame(lan.plugins[0], {
      type: "ipvlan",
      master: "eth0",
      mode: "l2",
      mtu: 1400,
      ...ips,
      ipam: {
        type: "host-local",
        ranges: [
          [
            {
              subnet: "192.168.1.0/24",
              rangeStart: "192.168.1.100",
              rangeEnd: "192.168.1.150",
              gateway: "192.168.1.1",
            },
          ],
        ],
        routes: [{ dst: "0.0.0.0/0", gw: "192.168.1.1" }],
      },
    });
  });

  t.test(`${name}: a list of the reference plugin, and back`, async (t) => {
    const answer = cli(path, ["convert", "-"], { stdin: JSON.stringify(reference) });
    t.equal(answer.code, 0);
    const [list] = documents(answer.stdout);
    const [{ type, ...rest }, tuning] = reference.plugins as [{ type: string }, object];
    t.strictSame(list, {
      cniVersion: "0.4.0",
      name: "pods",
      disableCheck: true,
      plugins: [{ type, master: { defaultRoute: "ipv4" }, ...rest }, tuning],
    });
    t.match(answer.stderr, /default route's link/);
    const back = cli(path, ["convert", "--to", "reference", "-"], { stdin: answer.stdout });
    t.strictSame(documents(back.stdout)[0], reference);
  });

  t.test(`${name}: --to reference: what it has no counterpart for is said, or refused`, async (t) => {
    const to = (file: string) => cli(path, ["convert", "--to", "reference", at(`conf-examples/${file}.conflist`)]);
    const vlan = to("09-ipvlan20");
    t.strictSame(documents(vlan.stdout)[0].plugins[0], {
      type: "ipvlan",
      master: "eth0.20",
      ...ips,
      ipam: {
        type: "host-local",
        ranges: [[{ subnet: "192.168.20.0/24", gateway: "192.168.20.1" }]],
        routes: [{ dst: "0.0.0.0/0" }],
      },
    });
    t.match(vlan.stderr, /ip link add link eth0 name eth0\.20 up type vlan id 20/);
    t.match(to("06-isolated1").stderr, /ip link add di-isolated1 up type dummy/);
    for (const [file, why] of [
      ["02-private", /knows no flag/],
      ["08-isolated3", /no default pool/],
    ] as const) {
      const refused = to(file);
      t.strictSame([refused.code, refused.stdout], [2, ""]);
      t.match(refused.stderr, why);
    }
    const dual = documents(to("18-ipvlan140").stdout)[0].plugins[0].ipam;
    t.strictSame(dual.ranges, [
      [
        { subnet: "192.168.140.0/24", gateway: "192.168.140.1" },
        { subnet: "192.168.142.0/24", gateway: "192.168.142.1" },
      ],
      [{ subnet: "2001:db8:abc9::/64", gateway: "2001:db8:abc9::22" }],
    ]);
  });

  t.test(`${name}: --output writes a file for each network, that others may read, and replaces none`, async (t) => {
    const folder = temporary(t);
    const target = join(folder, "net.d");
    const file = join(folder, "compose.yaml");
    writeFileSync(file, compose);
    const words = ["convert", "--output", target, file];
    const answer = cli(path, words, { environment: { VID: "30" } });
    t.equal(answer.code, 0, answer.stderr);
    t.strictSame(readdirSync(target).sort(), ["10-lab_hidden.conflist", "10-lab_lan.conflist", "10-vlan-30.conflist"]);
    t.equal(statSync(join(target, "10-lab_lan.conflist")).mode & 0o777, 0o644);
    t.equal(cli(path, ["validate", "--no-host", target]).code, 0);
    const again = cli(path, words, { environment: { VID: "30" } });
    t.equal(again.code, 2);
    t.match(again.stderr, /10-lab_lan\.conflist exists already/);
  });

  t.test(`${name}: what is none of these is said to be so`, async (t) => {
    for (const [stdin, why] of [
      ["", /nothing that is understood/],
      ["hello world", /nothing that is understood/],
      ["docker run --net=db_net alpine", /nothing that is understood/],
      ['{"a": 1}', /JSON of none of Docker, Podman, Compose or CNI/],
      ["services: {}", /no ipvlan network is in standard input/],
    ] as const) {
      const answer = cli(path, ["convert", "-"], { stdin });
      t.strictSame([answer.code, answer.stdout], [2, ""], JSON.stringify(stdin));
      t.match(answer.stderr, why, JSON.stringify(stdin));
    }
    t.match(cli(path, ["convert"]).stderr, /what is to be converted/);
    t.match(cli(path, ["convert", "/nowhere"]).stderr, /\/nowhere does not exist/);
  });
}
