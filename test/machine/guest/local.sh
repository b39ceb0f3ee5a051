# Turns fresh namespaces on the host's own kernel into what init.sh makes of the virtual machine. Run by busybox's shell
# as their first process, with the host's path of the shared folder. What fails here shows in the console's log.

set -e
. "$1/settings.sh"
mount --make-rprivate /
# Everything that this needs besides: by relative paths from here, since overlay's options end at ":" and ",".
mkdir -p "$1/private"
mount -t tmpfs tmpfs "$1/private"
cd "$1/private"
mkdir share repository dpkg layers upper work
mount --bind "$1" share
mount --rbind "$repository" repository
[ ! -d /var/lib/dpkg ] || mount --bind -o ro /var/lib/dpkg dpkg
number=0
eval "set -- $layers"
for layer in "$@"; do
  mkdir "layers/$number"
  mount --bind "$layer" "layers/$number"
  number=$((number + 1))
done

# over FOLDER LOWER: lays FOLDER anew, from LOWER and with changes that go to memory.
number=0
over() {
  number=$((number + 1))
  mkdir "upper/$number" "work/$number"
  mount -t overlay -o "lowerdir=$2,upperdir=upper/$number,workdir=work/$number" overlay "$1"
}

for folder in /*; do
  case $folder in
    /proc | /sys | /dev | /run | /tmp | /lost+found) continue ;;
  esac
  if [ -h "$folder" ] || [ ! -d "$folder" ]; then
    continue
  fi
  lower=
  for layer in layers/*; do
    [ ! -d "$layer$folder" ] || lower="$lower$layer$folder:"
  done
  over "$folder" "$lower$folder" || [ "$folder" != /usr ]
done

# The state of the host does not show: these begin empty.
for folder in /tmp /run /var/lib /dev/shm; do
  mount -t tmpfs tmpfs "$folder"
done
# Except for what is installed, which is part of the programs.
mkdir /var/lib/dpkg
mount --bind dpkg /var/lib/dpkg
chmod 1777 /tmp /dev/shm
chmod 755 /run /var/lib
# The checkout may have been in any of them.
mkdir -p "$repository"
over "$repository" repository

mkdir /run/ipvlan-test
mount --bind share /run/ipvlan-test
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
set +e
cd /
exec /usr/bin/busybox sh /run/ipvlan-test/guest/start.sh
