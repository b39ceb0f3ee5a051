#!/bin/sh
# Installs the CNI plugin ipvlan, or takes it away again.
#
#   install.sh [--bin FOLDER] [--root FOLDER] [--from FOLDER]
#   install.sh --uninstall [--force] [--purge] [--bin FOLDER] [--root FOLDER]
#
#   --bin    where the runtime looks for plugins; /opt/cni/bin (Debian's own packages look in /usr/lib/cni)
#   --root   the file system to install into, such as a node's as a container sees it; --bin is a path in it
#   --from   where the executables are; the folder of this script
#   --force  with --uninstall: although there are containers that this plugin has attached
#   --purge  with --uninstall: what it has remembered goes as well; addresses that are reserved stay
#
# The plugin is complete and has answered before it takes its place, by a rename: one that runs meanwhile goes on, and a
# runtime always finds a whole one. Another plugin of that name, such as the reference's, is kept as ipvlan.reference, and
# comes back with --uninstall. Beside it comes ipvlan-node, the program that asks the store of a cluster's pool: it needs glibc and libstdc++, and where
# it does not run the plugin is installed without it.
set -eu

say() { echo "install.sh: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

usage() {
  sed -n '/^#!/d; /^#/!q; s/^# \{0,1\}//p' "$0" >&2
  exit "$1"
}

bin=/opt/cni/bin
root=
from=$(dirname "$0")
action=install
force=
purge=
while [ $# -gt 0 ]; do
  case $1 in
    --bin | --root | --from)
      [ $# -gt 1 ] || fail "$1 needs a folder"
      case $1 in
        --bin) bin=$2 ;;
        --root) root=${2%/} ;;
        --from) from=$2 ;;
      esac
      shift
      ;;
    --uninstall) action=uninstall ;;
    --force) force=1 ;;
    --purge) purge=1 ;;
    --help) usage 0 ;;
    *) usage 2 ;;
  esac
  shift
done
case $bin in
  /*) ;;
  *) fail "--bin $bin is no absolute path" ;;
esac
if [ -n "$force$purge" ] && [ $action = install ]; then
  fail "--force and --purge go with --uninstall"
fi
target=$root$bin/ipvlan
kept=$root$bin/ipvlan.reference
node=$root$bin/ipvlan-node

# What the plugin leaves below $root. These functions are those of the Debian package's scripts, too.

# attached: the containers that the plugin has attached, as lines NETWORK/CONTAINER:INTERFACE
attached() {
  (cd "$root/run/ipvlan-cni/networks" 2> /dev/null && find . -type f | sed 's|^\./||' | sort) || true
}

# some: of the lines on standard input the first three in one line
some() {
  awk 'NR <= 3 { text = text (NR > 1 ? ", " : "") $0 } END { print text (NR > 3 ? " and " NR - 3 " more" : "") }'
}

# forget: removes what the plugin has remembered, but for reserved addresses
forget() {
  rm -rf "$root/run/ipvlan-cni" "$root/var/lib/cni/networks/.ipvlan-cni"
}

# tell_what_stays HOW: what is on disk still, and HOW it is removed
tell_what_stays() {
  for folder in /run/ipvlan-cni /var/lib/cni/networks/.ipvlan-cni; do
    [ ! -d "$root$folder" ] || say "what it has remembered stays in $root$folder: $1"
  done
  for folder in "$root"/var/lib/cni/networks/*/; do
    # host-local's files: an address as the name.
    reserved=$(find "$folder" -maxdepth 1 -type f -name '[0-9a-f]*[.:]*' 2> /dev/null | grep -c .) || continue
    say "$reserved addresses stay reserved in $folder, maybe by other plugins: rm -r it once no container has one of them"
  done
}

# End of what the plugin leaves.

# is_ours FILE: whether it is this plugin of any version: all have the mark in them that they put on links
is_ours() { [ -f "$1" ] && grep -q 'made by ipvlan-cni' "$1"; }

# answers FILE: whether the executable tells what it can do; $said is what it said
answers() {
  # A shell of its own, which tells of a signal on its stderr.
  # shellcheck disable=SC2016
  said=$(echo '{ "cniVersion": "1.0.0" }' | CNI_COMMAND=VERSION sh -c '"$1"' sh "$1" 2>&1) || return 1
  case $said in
    *'"supportedVersions"'*) ;;
    *) return 1 ;;
  esac
}

# about FILE: the plugin's name and version
about() {
  env -u CNI_COMMAND "$1" 2>&1 | sed -n 's/^CNI plugin //p'
}

install_plugin() {
  [ -f "$from/ipvlan" ] || fail "there is no executable $from/ipvlan"
  mkdir -p "$root$bin"
  # Beside its place, so that the rename stays in one file system; hidden, so that nobody takes it for a plugin.
  new=$root$bin/.ipvlan.new.$$
  trap 'rm -f "$new"' EXIT
  trap 'exit 130' INT TERM HUP
  rm -f "$new"
  cp "$from/ipvlan" "$new"
  chmod 755 "$new"
  answers "$new" || fail "$from/ipvlan does not run on this machine, which is $(uname -m): $said"
  if [ -f "$target" ] && ! [ -L "$target" ] && cmp -s "$new" "$target"; then
    say "$target is $(about "$target") already"
    return
  fi
  if { [ -e "$target" ] || [ -L "$target" ]; } && ! is_ours "$target"; then
    # A second name first: at no time is there no plugin.
    ln -f "$target" "$kept"
    say "the plugin that was there is $kept"
  fi
  mv -f "$new" "$target"
  say "$target is $(about "$target")"
}

install_node() {
  [ -f "$from/ipvlan-node" ] || return 0
  if [ -f "$node" ] && ! [ -L "$node" ] && cmp -s "$from/ipvlan-node" "$node"; then return; fi
  new_node=$root$bin/.ipvlan-node.new.$$
  trap 'rm -f "$new" "$new_node"' EXIT
  rm -f "$new_node"
  cp "$from/ipvlan-node" "$new_node"
  chmod 755 "$new_node"
  # shellcheck disable=SC2016
  said=$(sh -c '"$1" version' sh "$new_node" 2>&1) || true
  case $said in
    'ipvlan-node '*)
      mv -f "$new_node" "$node"
      say "$node is for networks with ipam.cluster"
      ;;
    *)
      # An older one would be another version than the plugin.
      rm -f "$new_node" "$node"
      say "warning: ipvlan-node, which networks with ipam.cluster need, does not run on this machine, and is left out: $said"
      ;;
  esac
}

# containerd of every version calls it for every pod, and fails without it; some packages of runtimes bring it, some do not.
look_for_loopback() {
  [ -e "$root$bin/loopback" ] || say "there is no plugin loopback in $bin: containerd needs it, from containernetworking/plugins (CRI-O and Podman do not)"
}

uninstall_plugin() {
  attachments=$(attached)
  if [ -n "$attachments" ] && [ -z "$force" ]; then
    fail "this plugin has attached $(echo "$attachments" | some), and their removal needs it: remove them first, or --force"
  fi
  if ! is_ours "$target"; then
    say "$target is not this plugin: it stays"
  elif [ -e "$kept" ]; then
    rm -f "$node"
    mv -f "$kept" "$target"
    say "$target is the plugin again that was there before"
  else
    rm -f "$target" "$node"
    say "$target is gone"
  fi
  [ -z "$purge" ] || forget
  tell_what_stays "--uninstall --purge removes it"
}

"${action}_plugin"
if [ "$action" = install ]; then
  install_node
  look_for_loopback
fi
