#!/bin/sh
# Installs the CNI plugin ipvlan, or takes it away again.
#
#   install.sh [--bin FOLDER] [--root FOLDER] [--from FOLDER]
#   install.sh --uninstall [--force] [--bin FOLDER] [--root FOLDER]
#
#   --bin    where the runtime looks for plugins; /opt/cni/bin (Debian's own packages look in /usr/lib/cni)
#   --root   the file system to install into, such as a node's as a container sees it; --bin is a path in it
#   --from   where the executables are; the folder of this script
#   --force  with --uninstall: although there are containers that this plugin has attached
#
# Of several executables (ipvlan-linux-x64, -x64-baseline, -x64-musl and so on) it takes the first that is made for this
# processor and C library, and that answers here. The plugin is complete and has answered before it takes its place, by
# a rename: one that runs meanwhile goes on, and a runtime always finds a whole one. Another plugin of that name, such as
# the reference's, is kept as ipvlan.reference, and comes back with --uninstall.
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
    --help) usage 0 ;;
    *) usage 2 ;;
  esac
  shift
done
case $bin in
  /*) ;;
  *) fail "--bin $bin is no absolute path" ;;
esac
target=$root$bin/ipvlan
kept=$root$bin/ipvlan.reference

# is_ours FILE: whether it is this plugin of any version: all have the mark in them that they put on links
is_ours() { [ -f "$1" ] && grep -q 'made by ipvlan-cni' "$1"; }

# answers PATH: whether the executable at that path in the root, run there, tells what it can do; $said is what it said
answers() {
  if [ -n "$root" ]; then set -- chroot "$root" "$1"; fi
  # A shell of its own, which tells of a signal on its stderr.
  said=$(echo '{ "cniVersion": "1.0.0" }' | CNI_COMMAND=VERSION sh -c '"$@"' sh "$@" 2>&1) || return 1
  case $said in
    *'"supportedVersions"'*) ;;
    *) return 1 ;;
  esac
}

# suits NAME: whether the machine can be one that the executable of that name is made for
suits() {
  case $1 in
    ipvlan | ipvlan-linux-"$arch" | ipvlan-linux-"$arch"-*) ;;
    *) return 1 ;;
  esac
  # Bun's own for x64 uses AVX2, without which it may fail only later.
  [ "$1" != ipvlan-linux-x64 ] || grep -qw avx2 /proc/cpuinfo
}

# about FILE: the plugin's name and version
about() {
  if [ -n "$root" ]; then set -- chroot "$root" "${1#"$root"}"; fi
  env -u CNI_COMMAND "$@" 2>&1 | sed -n 's/^CNI plugin //p'
}

install_plugin() {
  case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no executable for $(uname -m)" ;;
  esac
  # The runtimes inside the executables look into it when they start.
  [ -z "$root" ] || [ -e "$root/proc/self" ] || fail "$root has no /proc, which the plugin needs: mount it"
  mkdir -p "$root$bin"
  # Beside its place, so that the rename stays in one file system; hidden, so that nobody takes it for a plugin.
  new=$root$bin/.ipvlan.new.$$
  trap 'rm -f "$new"' EXIT
  trap 'exit 130' INT TERM HUP
  tried=
  for name in ipvlan "ipvlan-linux-$arch" "ipvlan-linux-$arch-baseline" "ipvlan-linux-$arch-musl"; do
    [ -f "$from/$name" ] || continue
    suits "$name" || continue
    tried="$tried $name"
    rm -f "$new"
    cp "$from/$name" "$new"
    chmod 755 "$new"
    if answers "${new#"$root"}"; then
      put_in_place
      return
    fi
  done
  [ -n "$tried" ] || fail "there is no executable for $arch in $from"
  fail "does not run on this machine (for another processor or C library? those for musl need libstdc++):$tried: $said"
}

put_in_place() {
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

uninstall_plugin() {
  if ! is_ours "$target"; then
    say "$target is not this plugin: nothing to do"
    return
  fi
  if [ -z "$force" ] && [ -n "$(find "$root/run/ipvlan-cni/networks" -type f 2> /dev/null | head -n 1)" ]; then
    fail "there are containers that this plugin has attached, and their removal needs it: remove them first, or --force"
  fi
  if [ -e "$kept" ]; then
    mv -f "$kept" "$target"
    say "$target is the plugin again that was there before"
  else
    rm -f "$target"
    say "$target is gone"
  fi
}

"${action}_plugin"
