# Words for building networks out of namespaces, put before every script that a kernel test sends to the test machine.
#
# A host is a network namespace with folders of its own for what the plugin keeps (/run/ipvlan-cni, /var/lib/cni), so that
# several hosts fit into one machine. A container is a plain network namespace, at /run/netns/NAME for every host.
#
# Under emulation the start of a program is what costs, so the words do with few.
set -eu

# host NAME: makes a host
host() {
  container "$1"
  mkdir -p /run/hosts /run/ipvlan-cni /var/lib/cni
  if [ ! -e /run/hosts/private ]; then
    mount -t tmpfs tmpfs /run/hosts
    mount --make-private /run/hosts
    : > /run/hosts/private
  fi
  : > "/run/hosts/$1"
  unshare --mount="/run/hosts/$1" --propagation slave sh -c \
    'mount -t tmpfs tmpfs /run/ipvlan-cni; mount -t tmpfs tmpfs /var/lib/cni'
}

# on HOST COMMAND...: runs a command on a host
on() {
  _host=$1
  shift
  nsenter --net="/run/netns/$_host" --mount="/run/hosts/$_host" -- "$@"
}

# container NAME...: makes network namespaces
container() {
  printf 'netns add %s\n' "$@" | ip -batch -
  for _name; do ip -n "$_name" link set lo up; done
}

# in CONTAINER COMMAND...: runs a command in a namespace that is no host
inside() {
  _name=$1
  shift
  nsenter --net="/run/netns/$_name" -- "$@"
}

# cable A IFA B IFB: a veth between two namespaces, both ends up
cable() {
  ip link add "$2" netns "$1" up type veth peer name "$4" netns "$3"
  ip -n "$3" link set "$4" up
}

# reset: takes everything away that the words above made
reset() {
  for _file in /run/netns/*; do
    [ -e "$_file" ] || continue
    for _pid in $(ip netns pids "${_file##*/}"); do kill -9 "$_pid" 2>/dev/null || true; done
    echo "netns del ${_file##*/}"
  done | ip -batch -
  for _file in /run/hosts/*; do
    case $_file in */private | */\*) continue ;; esac
    umount "$_file" 2>/dev/null || true
    rm -f "$_file"
  done
  rm -rf /run/ipvlan-cni /var/lib/cni/networks /tmp/lab
  mkdir -p /tmp/lab
}

# call FOLDER COMMAND...: runs the command with FOLDER/stdin, and prints its exit code, output and errors (see lab.ts).
# No program is started for it: under emulation that is a fifth of what the plugin takes.
call() {
  _folder=$1
  _code=0
  shift
  "$@" > "$_folder/stdout" 2> "$_folder/stderr" < "$_folder/stdin" || _code=$?
  printf '@%s\n' "$_code"
  spill "$_folder/stdout"
  printf '\n@@\n'
  spill "$_folder/stderr"
  printf '\n@@\n'
}

# spill FILE: prints it
spill() {
  while IFS= read -r _line; do printf '%s\n' "$_line"; done < "$1"
  printf '%s' "$_line"
}

# capture NAME NAMESPACE IFACE [FILTER...]: starts to write the packets there, a line each, to /tmp/lab/NAME.packets
capture() {
  _file=/tmp/lab/$1
  _name=$2
  _iface=$3
  shift 3
  : > "$_file.packets"
  nsenter --net="/run/netns/$_name" -- tcpdump --immediate-mode -lnte -i "$_iface" "$@" >> "$_file.packets" 2> "$_file.log" &
  until grep -q "listening on" "$_file.log" 2>/dev/null; do sleep 0.05; done
}

# packets NAME: the packets captured since the last time
packets() {
  sleep 0.2
  spill "/tmp/lab/$1.packets"
  : > "/tmp/lab/$1.packets"
}
