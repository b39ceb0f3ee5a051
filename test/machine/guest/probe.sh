# Can this kernel run the tests? Run in fresh network and mount namespaces with the root folder of the base layer; the
# last line on stderr says what is missing.

layer=$1
if ! command -v ip >/dev/null; then
  PATH=$PATH:$layer/usr/bin
  export LD_LIBRARY_PATH="$(echo "$layer"/usr/lib/*-linux-gnu):$layer/usr/lib"
fi

need() {
  what=$1
  shift
  "$@" >/dev/null || { echo "this kernel has no $what" >&2 && exit 1; }
}

need dummy ip link add dummy0 type dummy
need 8021q ip link add link dummy0 name vlan0 type vlan id 10
need ipvlan ip link add link dummy0 name ipvlan0 type ipvlan mode l2
ip link delete ipvlan0
need "L3S mode of ipvlan" ip link add link dummy0 name ipvlan0 type ipvlan mode l3s
need veth ip link add veth0 type veth peer name veth1
need bridge ip link add bridge0 type bridge

# What guest/local.sh builds on.
mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work
need overlay mount -t overlay -o lowerdir=/usr,upperdir=/mnt/upper,workdir=/mnt/work overlay /usr
