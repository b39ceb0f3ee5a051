# Words for the network of the tests of reach, put behind those of ../../lib/prelude.sh.
#
#        h1 eth0 ──┐                  ┌── eth0 lan     a machine of the LAN, 192.168.50.20, fd50::20
#        h2 eth0 ──┤── switch (br0) ──┤
#                                     └── eth0 gw      the router, 192.168.50.1, fd50::1
#
# h1 and h2 have the plugin: 192.168.50.11 and .12, fd50::11 and ::12. Pods: p1 to p4 for h1, q1 and q2 for h2, lo of each up.
# As much as can be goes into batches: the start of a program is what costs.

lan() {
  host h1
  host h2
  {
    for _name in sw lan gw p1 p2 p3 p4 q1 q2; do echo "netns add $_name"; done
    for _name in h1 h2 lan gw; do echo "link add eth0 netns $_name type veth peer name $_name netns sw"; done
  } | ip -batch -
  {
    echo "link add br0 type bridge mcast_snooping 0"
    for _name in h1 h2 lan gw; do echo "link set $_name master br0 up"; done
    echo "link set br0 up"
  } | ip -n sw -batch -
  machine h1 11
  machine h2 12
  machine lan 20
  machine gw 1
  for _name in p1 p2 p3 p4 q1 q2; do ip -n "$_name" link set lo up; done
  # IPv6 keeps to itself what is not meant for it: no duplicate address detection, no router solicitations.
  for _name in h1 h2 lan gw; do
    inside "$_name" ping -nq -c 1 -w 5 192.168.50.1 > /dev/null &
  done
  wait
}

# machine NAME NUMBER: addresses and the default route
machine() {
  {
    echo "link set lo up"
    echo "link set eth0 up"
    echo "addr add 192.168.50.$2/24 dev eth0"
    echo "addr add fd50::$2/64 dev eth0 nodad"
    [ "$2" = 1 ] || echo "route add default via 192.168.50.1"
    [ "$2" = 1 ] || echo "route add default via fd50::1"
  } | ip -n "$1" -batch -
}

# serve NAMESPACE...: answers there until the end of the test, see traffic.pl
serve() {
  for _name; do
    nsenter --net="/run/netns/$_name" -- perl "$traffic" serve > "/tmp/lab/serve.$_name" 2>&1 < /dev/null &
  done
  for _name; do
    _tries=0
    until grep -q ready "/tmp/lab/serve.$_name"; do
      _tries=$((_tries + 1))
      [ "$_tries" -lt 200 ] || { cat "/tmp/lab/serve.$_name" >&2; return 1; }
      sleep 0.05
    done
  done
}

# ask NAMESPACE SECONDS TARGET...: see traffic.pl
ask() {
  _name=$1
  shift
  nsenter --net="/run/netns/$_name" -- perl "$traffic" ask "$@" < /dev/null
}
