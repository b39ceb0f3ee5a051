# Words for machines with container runtimes, put behind those of ../../kernel/lib/prelude.sh.

# node NAME: makes a host that has folders of its own for the runtimes' state and configuration, too
node() {
  host "$1"
  mkdir -p /etc/cni /etc/containers /opt/cni /run/containerd /run/containers /run/libpod /run/lock /run/crun /var/lib/containerd /var/lib/containers
  on "$1" sh -c '
    for folder in /etc/cni /opt/cni /run/containerd /run/containers /run/libpod /var/lib/containerd /var/lib/containers; do
      mount -t tmpfs tmpfs "$folder"
    done
    mkdir -p /etc/cni/net.d /opt/cni/bin'
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
  # A layer that is not compressed has one digest for both.
  _config=$(blob "$_folder" application/vnd.oci.image.config.v1+json <<JSON
{
  "architecture": "amd64",
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
  cat > "$_folder/oci/index.json" <<JSON
{
  "schemaVersion": 2,
  "manifests": [${_manifest%\}}, "annotations": { "io.containerd.image.name": "$_name", "org.opencontainers.image.ref.name": "$_name" } }]
}
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

# containerd_on HOST: starts containerd there and waits until it answers
containerd_on() {
  cat > "/tmp/lab/containerd.$1.toml" <<'TOML'
version = 2
disabled_plugins = [
  "io.containerd.internal.v1.opt",
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
  on "$1" setsid containerd --config "/tmp/lab/containerd.$1.toml" >> "/tmp/lab/containerd.$1.log" 2>&1 &
  echo $! > "/tmp/lab/containerd.$1.pid"
  until on "$1" ctr version > /dev/null 2>&1; do
    kill -0 "$(cat "/tmp/lab/containerd.$1.pid")" || { cat "/tmp/lab/containerd.$1.log" >&2; return 1; }
    sleep 0.1
  done
}

# pods HOST VERB...: see pods.ts
pods() {
  _on=$1
  shift
  on "$_on" "$node_program" "$pods_program" /run/containerd/containerd.sock "$@"
}
