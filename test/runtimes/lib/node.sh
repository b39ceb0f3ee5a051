# Words for nodes with container runtimes, put behind those of ../../kernel/lib/prelude.sh.
#
#   n1 eth0 ──┐            ┌── eth0 n2      nodes with the plugin and a runtime: 192.168.1.250 and .251,
#          p1 │   wire     │ p2             2001:db8:1::250 and ::251
#             └──  br0  ───┘                a switch with the router's addresses: 192.168.1.1, and in VLAN 20
#                                           192.168.20.1 and 2001:db8:20::1

# nodes NAME...: makes nodes and the wire between them
nodes() {
  container wire
  ip -n wire -batch - <<'BATCH'
link add br0 type bridge mcast_snooping 0
link set br0 up
addr add 192.168.1.1/24 dev br0
link add link br0 name br0.20 up type vlan id 20
addr add 192.168.20.1/24 dev br0.20
addr add 2001:db8:20::1/64 dev br0.20 nodad
BATCH
  _number=0
  for _node; do
    _number=$((_number + 1))
    node "$_node"
    cable "$_node" eth0 wire "p$_number"
    ip -n wire link set "p$_number" master br0
    ip -n "$_node" addr add "192.168.1.$((249 + _number))/24" dev eth0
    ip -n "$_node" addr add "2001:db8:1::$((249 + _number))/64" dev eth0 nodad
    ip -n "$_node" route add default via 192.168.1.1
  done
}

# node NAME: makes a host that has folders of its own for the runtimes' state and configuration, too
node() {
  host "$1"
  _folders="/etc/cni /opt/cni /run/containerd /run/containers /run/libpod /var/lib/containerd /var/lib/containers"
  # shellcheck disable=SC2086
  mkdir -p $_folders
  # shellcheck disable=SC2016,SC2086
  on "$1" sh -c '
    for folder; do mount -t tmpfs tmpfs "$folder"; done
    mkdir -p /etc/cni/net.d /opt/cni/bin
  ' sh $_folders
}

# image ARCHIVE NAME COMMAND...: an OCI archive of an image that is busybox alone
image() {
  _archive=$1
  _name=$2
  shift 2
  _command=$(printf '"%s",' "$@")
  _folder=$(mktemp -d)
  mkdir -p "$_folder/root/bin" "$_folder/oci/blobs/sha256"
  cp "$(command -v busybox)" "$_folder/root/bin/busybox"
  for _applet in cat echo hostname ip ping sh sleep; do ln -s busybox "$_folder/root/bin/$_applet"; done
  tar -C "$_folder/root" -cf "$_folder/layer" .
  _layer=$(blob "$_folder" application/vnd.oci.image.layer.v1.tar < "$_folder/layer")
  # A layer that is not compressed has the same digest before and after.
  _config=$(blob "$_folder" application/vnd.oci.image.config.v1+json <<JSON
{
  "architecture": "$(dpkg --print-architecture)",
  "os": "linux",
  "config": { "Cmd": [${_command%,}], "Env": ["PATH=/bin"] },
  "rootfs": { "type": "layers", "diff_ids": [$(echo "$_layer" | grep -o '"sha256:[^"]*"')] }
}
JSON
  )
  _manifest=$(blob "$_folder" application/vnd.oci.image.manifest.v1+json <<JSON
{
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "config": $_config,
  "layers": [$_layer]
}
JSON
  )
  _names="\"io.containerd.image.name\": \"$_name\", \"org.opencontainers.image.ref.name\": \"$_name\""
  cat > "$_folder/oci/index.json" <<JSON
{ "schemaVersion": 2, "manifests": [${_manifest%\}}, "annotations": { $_names } }] }
JSON
  echo '{ "imageLayoutVersion": "1.0.0" }' > "$_folder/oci/oci-layout"
  tar -C "$_folder/oci" -cf "$_archive" .
  rm -r "$_folder"
}

# blob FOLDER TYPE: keeps standard input, prints its descriptor
blob() {
  cat > "$1/blob"
  _digest=$(sha256sum < "$1/blob" | cut -d' ' -f1)
  printf '{ "mediaType": "%s", "digest": "sha256:%s", "size": %s }' "$2" "$_digest" "$(stat -c %s "$1/blob")"
  mv "$1/blob" "$1/oci/blobs/sha256/$_digest"
}

# containerd_on NODE: starts containerd there and waits until it answers
containerd_on() {
  cat > "/tmp/lab/containerd.$1.toml" <<'TOML'
version = 2
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
TOML
  # shellcheck disable=SC2016
  on "$1" sh -c 'echo $$ > /run/containerd/pid; exec containerd --config "$1"' sh "/tmp/lab/containerd.$1.toml" \
    >> "/tmp/lab/containerd.$1.log" 2>&1 &
  _child=$!
  until on "$1" ctr version > /dev/null 2>&1; do
    kill -0 "$_child" || { cat "/tmp/lab/containerd.$1.log" >&2; return 1; }
    sleep 0.2
  done
}

# kill_containerd NODE: without a chance to put anything in order
kill_containerd() {
  _pid=$(on "$1" cat /run/containerd/pid)
  kill -9 "$_pid"
  while kill -0 "$_pid" 2> /dev/null; do sleep 0.1; done
}

# start_pods NODE PROGRAM SCRIPT: see pods.ts
start_pods() {
  mkfifo "/tmp/lab/pods.$1.ask" "/tmp/lab/pods.$1.answer"
  # Open for both at both ends, neither ever comes to its end.
  on "$1" "$2" --disable-warning=ExperimentalWarning "$3" /run/containerd/containerd.sock \
    <> "/tmp/lab/pods.$1.ask" 1<> "/tmp/lab/pods.$1.answer" 2> "/tmp/lab/pods.$1.log" &
}

# pods NODE COMMAND: prints the answer
pods() {
  printf '%s\n' "$2" > "/tmp/lab/pods.$1.ask"
  IFS= read -r _answer < "/tmp/lab/pods.$1.answer"
  printf '%s\n' "$_answer"
}

# podman_on NODE ARGUMENT...: Podman with its CNI backend
podman_on() {
  _on=$1
  shift
  [ -e /tmp/lab/containers.conf ] || {
    cat > /tmp/lab/containers.conf <<'TOML'
[engine]
# There is no systemd.
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
TOML
    cat > /tmp/lab/storage.conf <<'TOML'
[storage]
driver = "vfs"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
TOML
  }
  CONTAINERS_CONF=/tmp/lab/containers.conf CONTAINERS_STORAGE_CONF=/tmp/lab/storage.conf on "$_on" podman "$@"
}

# remains NODE: what a runtime and a plugin can leave there: links, namespaces, reservations, records
remains() {
  # shellcheck disable=SC2016
  on "$1" sh -c '
    ip -o link show | cut -d: -f2
    for namespace in /run/netns/*; do echo "$namespace"; done
    lsns --type net --noheadings --output NS | sort
    find /run/ipvlan-cni -mindepth 2 -not -path "/run/ipvlan-cni/locks*"
    find /var/lib/cni -type f | grep -vE "/(last_reserved_ip\.[0-9]+|lock)$|/\.ipvlan-cni/|/cache/" || true
  '
}
