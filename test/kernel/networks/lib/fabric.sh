# Words for the network that the examples of conf-examples/ are plugged into, put behind those of ../../lib/prelude.sh.
#
#        h1 eth0 ──┐         ┌── eth0 h2          hosts with the plugin, 192.168.1.250 and .251
#               p1 │  switch │ p2
#                  └── sw ───┘
#                      │ p0
#                      └── eth0 r                 router, 192.168.1.1, with an address in each VLAN
#
# The switch is a bridge with VLAN filtering; each port carries VLAN 1 untagged and the others tagged. The router forwards
# nothing until `route on`. Containers: c1 to c4 for h1, d1 and d2 for h2.
# As much as can be goes into batches: the start of a program is what costs.

vlans="10 20 30 40 114 118 139 140"

fabric() {
  host h1
  host h2
  {
    echo "netns add sw"
    echo "netns add r"
    for _name in c1 c2 c3 c4 d1 d2; do echo "netns add $_name"; done
    echo "link add eth0 netns h1 type veth peer name p1 netns sw"
    echo "link add eth0 netns h2 type veth peer name p2 netns sw"
    echo "link add eth0 netns r type veth peer name p0 netns sw"
  } | ip -batch -
  ip -n sw -batch - <<END
link add br0 type bridge vlan_filtering 1 mcast_snooping 0
link set p0 master br0 up
link set p1 master br0 up
link set p2 master br0 up
link set br0 up
END
  for _port in p0 p1 p2; do
    for _vid in $vlans; do echo "vlan add dev $_port vid $_vid"; done
  done | bridge -n sw -batch -
  {
    echo "link set lo up"
    echo "link set eth0 up"
    for _vid in $vlans; do
      echo "link add link eth0 name eth0.$_vid up type vlan id $_vid"
    done
    cat <<END
addr add 192.168.1.1/24 dev eth0
addr add 172.16.80.1/24 dev eth0.10
addr add 192.168.20.1/24 dev eth0.20
addr add 172.16.50.1/22 dev eth0.20
addr add 192.168.30.1/24 dev eth0.30
addr add 10.1.100.1/16 dev eth0.30
addr add 192.168.40.1/24 dev eth0.40
addr add 192.168.114.254/24 dev eth0.114
addr add 192.168.118.1/24 dev eth0.118
addr add 2001:db8:abc2::22/64 dev eth0.139 nodad
addr add 192.168.140.1/24 dev eth0.140
addr add 192.168.142.1/24 dev eth0.140
addr add 2001:db8:abc9::22/64 dev eth0.140 nodad
END
  } | ip -n r -batch -
  printf '%s\n' "link set eth0 up" "addr add 192.168.1.250/24 dev eth0" "route add default via 192.168.1.1" |
    ip -n h1 -batch -
  printf '%s\n' "link set eth0 up" "addr add 192.168.1.251/24 dev eth0" "route add default via 192.168.1.1" |
    ip -n h2 -batch -
  # The kernel tells the carrier of new links up to a second late.
  for _name in h1 h2; do inside "$_name" ping -nq -c 1 -w 5 192.168.1.1 > /dev/null & done
  wait
}

# route on|off: whether the router forwards
route() {
  _value=0
  [ "$1" = off ] || _value=1
  inside r sh -c "echo $_value > /proc/sys/net/ipv4/ip_forward; echo $_value > /proc/sys/net/ipv6/conf/all/forwarding"
}

# reach: lines "FROM TO yes|no" on standard input, what is expected; all at once. Prints what is.
# A ping that should arrive has five seconds; one that should not, two tries.
reach() {
  _count=0
  while read -r _from _to _expected; do
    _count=$((_count + 1))
    _tries="-c 1 -w 5"
    [ "$_expected" = yes ] || _tries="-c 2 -i 0.2 -W 0.3"
    (
      _answer=no
      # shellcheck disable=SC2086
      nsenter --net="/run/netns/$_from" -- ping -nq $_tries "$_to" > /dev/null 2>&1 && _answer=yes
      echo "$_from $_to $_answer" > "/tmp/lab/reach.$_count"
    ) &
    _pids="${_pids-} $!"
  done
  # Not all: a capture never ends.
  # shellcheck disable=SC2086
  wait $_pids
  _pids=
  _number=0
  while [ "$_number" -lt "$_count" ]; do
    _number=$((_number + 1))
    spill "/tmp/lab/reach.$_number"
  done
}

# look CONTAINER...: link, addresses and routes of eth0 there
look() {
  for _name; do
    echo "@ $_name"
    ip -n "$_name" -o -d link show eth0
    printf '%s\n' "addr show eth0" "route show table all" | ip -n "$_name" -o -batch -
  done
}
