# Second half of the start, in the guest's own root: of the virtual machine after init.sh, of the namespaces after
# local.sh. Then it stays as the first process and takes up the orphans, so that a process that ended is also gone.

. /run/ipvlan-test/settings.sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=linux
hostname "$hostname"
echo "$hostname" >/etc/hostname
ip link set lo up
rm -rf /etc/cni
# Their packages' scripts would have made these.
grep -q '^tcpdump:' /etc/passwd || echo 'tcpdump:x:108:113::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
grep -q '^tcpdump:' /etc/group || echo 'tcpdump:x:113:' >>/etc/group
if [ -n "$modules" ]; then
  /usr/sbin/modprobe -a $modules
fi

if [ "$channel" = port ]; then
  # The driver finds its ports by and by.
  while port=$(echo /dev/vport*p1) && [ ! -e "$port" ]; do
    usleep 10000
  done
  # A port can be opened only once.
  exec 0<>"$port" 1>&0
fi
# A background process's stdin is /dev/null, but not its other descriptors.
exec 3<&0
busybox sh /run/ipvlan-test/guest/agent.sh <&3 3<&- &
# wait takes up every child that ends, not only this one. Without the agent the machine is of no use: leaving here is
# the panic that tells the host so.
wait $!
