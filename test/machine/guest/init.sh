#!/bin/busybox sh
# First process of the virtual machine, run from the initramfs by busybox's shell (whose own commands come before any
# program). Lays the guest's root together, moves into it and becomes the parent of the agent.
#
# The host hands over two folders: "root", its whole file system, read-only, and "share", one that both can write, which
# also holds the settings of this boot.

/bin/busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do
  insmod "$module"
done

options=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o "ro,$options,cache=loose" root /host
# Not cached: what the host writes there must be seen at once.
mount -t 9p -o "$options,cache=none" share /share
# Sets: repository, hostname, and the number of layers, which are shares of their own.
. /share/settings.sh

# A file system in memory takes what the guest writes; under it the packages, under them the host's root.
mount -t tmpfs -o mode=755 tmpfs /over
mkdir /over/work
# Programs that are started all the time, so that they need not come through a share.
mv /memory /over/upper
lower=
number=0
while [ $number -lt "$layers" ]; do
  mkdir "/layers/$number"
  mount -t 9p -o "ro,$options,cache=loose" "layer$number" "/layers/$number"
  lower="$lower/layers/$number:"
  number=$((number + 1))
done
mount -t overlay -o "lowerdir=$lower/host,upperdir=/over/upper,workdir=/over/work" overlay /new

# The state of the host does not show: these begin empty.
for folder in tmp run var/lib; do
  mkdir -p "/new/$folder"
  mount -t tmpfs tmpfs "/new/$folder"
done
# Except for what is installed, which is part of the programs.
if [ -d /host/var/lib/dpkg ]; then
  mkdir /new/var/lib/dpkg
  mount --bind /host/var/lib/dpkg /new/var/lib/dpkg
fi
chmod 1777 /new/tmp
chmod 755 /new/run /new/var/lib
case $repository in
  /tmp/* | /run/* | /var/lib/*)
    # Bound to a short name, since its own may hold the characters that separate overlay's options.
    mkdir -p "/new$repository" /layers/repository /over/repository-upper /over/repository-work
    mount --bind "/host$repository" /layers/repository
    mount -t overlay -o "lowerdir=/layers/repository,upperdir=/over/repository-upper,workdir=/over/repository-work" \
      overlay "/new$repository"
    ;;
esac

mkdir /new/run/ipvlan-test
mount --move /share /new/run/ipvlan-test
mount --move /sys /new/sys
mount --move /dev /new/dev
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
mount -t tmpfs tmpfs /new/dev/shm
# The last one: busybox's shell finds its own commands by way of /proc.
mount --move /proc /new/proc

exec /bin/busybox switch_root /new /usr/bin/busybox sh /run/ipvlan-test/guest/start.sh
