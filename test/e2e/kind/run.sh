#!/bin/sh
# Pods over two nodes of a kind cluster whose only network is this plugin's. Needs docker, kind, kubectl and a kernel with
# ipvlan; Docker must be able to have the images kindest/node and busybox:stable (for pods).
#
#   test/e2e/kind/run.sh [--keep]
#
# Makes the cluster ipvlan-cni, installs the manifests of build/kubernetes, whose agent gives each node the plugin and a network in
# mode L3S for the part of the cluster's addresses that Kubernetes gave the node, and sees pods of both nodes reach each
# other over IPv4 and IPv6. Then the pods go and leave nothing, and networks and plugin with the manifests.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
cluster=ipvlan-cni
keep=
[ "${1-}" != --keep ] || keep=1

say() { printf '\n== %s\n' "$*"; }

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

kube() { kubectl --context "kind-$cluster" "$@"; }

# A node is a container of Docker.
on() {
  _node=$1
  shift
  docker exec -i "$_node" "$@"
}

# cidrs_of NODE: the ranges of its pods
cidrs_of() { kube get node "$1" --output 'jsonpath={.spec.podCIDRs[*]}'; }

# addresses_of NODE: its own
addresses_of() { kube get node "$1" --output 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'; }

# via CIDR ADDRESS...: that of the range's family
via() {
  _cidr=$1
  shift
  for _address; do
    case $_cidr,$_address in
      *:*,*:* | *.*,*.*) echo "$_address" && return ;;
    esac
  done
  fail "no address for $_cidr among $*"
}

# give_routes NODE: the ways to the pods of the other nodes
give_routes() {
  for _other in $nodes; do
    [ "$_other" != "$1" ] || continue
    _addresses=$(addresses_of "$_other")
    for _range in $(cidrs_of "$_other"); do
      # shellcheck disable=SC2086
      on "$1" ip route replace "$_range" via "$(via "$_range" $_addresses)"
    done
  done
}

# leftovers NODE: what the plugin has there
leftovers() {
  on "$1" sh -c 'find /run/ipvlan-cni -mindepth 2 -not -path "/run/ipvlan-cni/locks*" 2> /dev/null
    find /var/lib/cni/networks/pods -type f 2> /dev/null | grep -vE "/(last_reserved_ip\.[0-9]+|lock)$" || true'
}

# gone ARGUMENT...: waits until there are no such pods
gone() {
  _tries=60
  while [ -n "$(kube get pods "$@" --output name)" ]; do
    _tries=$((_tries - 1))
    [ "$_tries" -gt 0 ] || fail "still there: $(kube get pods "$@" --output name)"
    sleep 1
  done
}

for program in docker kind kubectl; do
  command -v "$program" > /dev/null || fail "there is no $program on this machine"
done
docker info > /dev/null 2>&1 || fail "there is no Docker daemon"

say "the image"
npm --prefix "$root" run release -- image
docker pull busybox:stable

say "the cluster"
[ -n "$keep" ] || trap 'kind delete cluster --name "$cluster"' EXIT
# Its nodes do not become ready before they have a network: no --wait.
kind create cluster --name "$cluster" --config "$here/cluster.yaml"
kind load image-archive --name "$cluster" "$root"/dist/release/ipvlan-cni-*-image.tar
kind load docker-image --name "$cluster" busybox:stable
nodes=$(kube get nodes --output 'jsonpath={.items[*].metadata.name}')
[ "$(echo "$nodes" | wc -w)" = 2 ] || fail "two nodes are expected: $nodes"

say "the plugin and the network"
kube apply --server-side --filename "$root/build/kubernetes/ipvlan-cni.yaml"
kube --namespace kube-system rollout status daemonset/ipvlan-cni --timeout 120s
for node in $nodes; do give_routes "$node"; done
kube wait --for condition=Ready node --all --timeout 120s

say "pods on both nodes"
kube apply --filename "$here/pods.yaml"
kube rollout status daemonset/probe --timeout 120s
pods=$(kube get pods --selector app.kubernetes.io/name=probe --output 'jsonpath={.items[*].metadata.name}')
[ "$(echo "$pods" | wc -w)" = 2 ] || fail "a pod on each node is expected: $pods"
for pod in $pods; do
  for other in $pods; do
    [ "$other" != "$pod" ] || continue
    for address in $(kube get pod "$other" --output 'jsonpath={.status.podIPs[*].ip}'); do
      kube exec "$pod" -- ping -c 1 -W 5 "$address" || fail "$pod does not reach $other at $address"
    done
  done
done

say "nothing is left of pods that are gone"
kube delete --filename "$here/pods.yaml"
gone --selector app.kubernetes.io/name=probe
# Of those that Kubernetes itself runs on the network, too.
kube --namespace kube-system scale deployment/coredns --replicas 0
kube --namespace local-path-storage scale deployment/local-path-provisioner --replicas 0
gone --namespace kube-system --selector k8s-app=kube-dns
gone --namespace local-path-storage
for node in $nodes; do
  left=$(leftovers "$node")
  [ -z "$left" ] || fail "left on $node: $left"
done

say "and networks and plugin go"
kube delete --filename "$root/build/kubernetes/ipvlan-cni.yaml"
for node in $nodes; do
  for file in /etc/cni/net.d/10-pods.conflist /opt/cni/bin/ipvlan; do
    _tries=60
    while on "$node" test -e "$file"; do
      _tries=$((_tries - 1))
      [ "$_tries" -gt 0 ] || fail "$file is still on $node"
      sleep 1
    done
  done
done

say "all is well"
