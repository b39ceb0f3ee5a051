/**
 * The networks of Docker's IPvlan page, in its words and order, and the example that each is. Where the page describes an option
 * without a command, or its command has a slip (see conf-examples/README.md), the words are those that it means.
 */
export const dockerPage: readonly (readonly [words: string, example: string])[] = [
  ["docker network create -d ipvlan --subnet=192.168.215.0/24 -o parent=eth0 -o ipvlan_mode=l3s l3s", "01-l3s"],
  [
    "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o parent=eth0 -o ipvlan_flag=private private",
    "02-private",
  ],
  [
    "docker network create -d ipvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 -o parent=eth0 -o ipvlan_flag=vepa vepa",
    "03-vepa",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.1.0/24 \\
--gateway=192.168.1.1 \\
-o ipvlan_mode=l2 \\
-o parent=eth0 db_net`,
    "04-db_net",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.1.0/24 \\
-o parent=eth0 db_net_ipv`,
    "05-db_net_ipv",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.10.0/24 isolated1`,
    "06-isolated1",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.11.0/24 --internal isolated2`,
    "07-isolated2",
  ],
  ["$ docker network create -d ipvlan isolated3", "08-isolated3"],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.20.0/24 \\
--gateway=192.168.20.1 \\
-o parent=eth0.20 ipvlan20`,
    "09-ipvlan20",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.30.0/24 \\
--gateway=192.168.30.1 \\
-o parent=eth0.30 \\
-o ipvlan_mode=l2 ipvlan30`,
    "10-ipvlan30",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.114.0/24 --subnet=192.168.116.0/24 \\
--gateway=192.168.114.254 --gateway=192.168.116.254 \\
-o parent=eth0.114 \\
-o ipvlan_mode=l2 ipvlan114`,
    "11-ipvlan114",
  ],
  [
    "docker network create -d ipvlan --subnet=172.16.80.0/24 --gateway=172.16.80.1 -o parent=eth0.10 vlan10",
    "12-vlan10",
  ],
  [
    "docker network create -d ipvlan --subnet=172.16.48.0/22 --gateway=172.16.50.1 -o parent=eth0.20 vlan20",
    "13-vlan20",
  ],
  ["docker network create -d ipvlan --subnet=10.1.0.0/16 --gateway=10.1.100.1 -o parent=eth0.30 vlan30", "14-vlan30"],
  [
    `docker network create -d ipvlan --subnet=192.168.214.0/24 --subnet=10.1.214.0/24 \\
-o parent=eth0 -o ipvlan_mode=l3 ipnet210_eth0`,
    "15-ipnet210-eth0",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.214.0/24 \\
--subnet=10.1.214.0/24 \\
-o ipvlan_mode=l3 ipnet210`,
    "16-ipnet210",
  ],
  [
    `$ docker network create -d ipvlan \\
--ipv6 --subnet=2001:db8:abc2::/64 --gateway=2001:db8:abc2::22 \\
-o parent=eth0.139 v6ipvlan139`,
    "17-v6ipvlan139",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.140.0/24 --subnet=192.168.142.0/24 \\
--gateway=192.168.140.1 --gateway=192.168.142.1 \\
--subnet=2001:db8:abc9::/64 --gateway=2001:db8:abc9::22 \\
-o parent=eth0.140 \\
-o ipvlan_mode=l2 ipvlan140`,
    "18-ipvlan140",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.110.0/24 \\
--subnet=192.168.112.0/24 \\
--subnet=2001:db8:abc6::/64 \\
-o parent=eth0 \\
-o ipvlan_mode=l3 ipnet110`,
    "19-ipnet110",
  ],
  [
    `docker network create -d ipvlan --subnet=192.168.110.0/24 --subnet=192.168.112.0/24 --subnet=2001:db8:abc6::/64 \\
-o parent=eth0.118 -o ipvlan_mode=l3 ipnet118`,
    "20-ipnet118",
  ],
  [
    `$ docker network create -d ipvlan \\
--subnet=192.168.40.0/24 \\
--gateway=192.168.40.1 \\
-o parent=eth0.40 ipvlan40`,
    "21-ipvlan40",
  ],
  [
    "docker network create -d ipvlan --subnet=192.168.40.0/24 --gateway=192.168.40.1 -o parent=foobar ipvlan40_foobar",
    "22-ipvlan40-foobar",
  ],
];
