#!/bin/busybox sh
# First process of the arm64 machine, which has nothing but busybox, modules, the plugin and a script: runs that and goes. The
# console is what the host sees.

/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
for module in /modules/*.ko; do
  insmod "$module"
done
# Addresses are used at once.
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad
mkdir -p /run/netns /var/lib /tmp
ip link set lo up
# After its carriage returns, the host looks for these.
sh /script.sh 2>&1
echo "script ended with $?"
poweroff -f
