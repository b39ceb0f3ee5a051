# sandbox.sh PROJECT IP COMMAND...: runs a command in a root of its own, which is memory but for programs and the project, both
# read-only: whatever a call writes is seen there. In it are a host with the link up0, and a container's namespace /run/netns/a.
# Under `unshare --mount --net --pid --fork --kill-child --mount-proc`: when the command ends, nothing of it is left.
set -eu
project=$1
ip=$2
shift 2
new=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$new"
mkdir -p "$new$project" "$new/proc" "$new/dev"
for folder in /usr /bin /sbin /lib /lib32 /lib64 /libx32; do
  if [ -L "$folder" ]; then
    cp -P "$folder" "$new$folder"
  elif [ -d "$folder" ]; then
    mkdir -p "$new$folder"
    mount --bind "$folder" "$new$folder"
    mount -o remount,bind,ro "$new$folder"
  fi
done
mount --bind "$project" "$new$project"
mount -o remount,bind,ro "$new$project"
mount --rbind /proc "$new/proc"
mount --rbind /dev "$new/dev"

mkdir -p "$new/fuzz/bin" "$new/fuzz/work" "$new/run/netns" "$new/etc/cron.d" "$new/var/lib/cni" "$new/tmp"
: > "$new/run/netns/a"
unshare --net="$new/run/netns/a" true
nsenter --net="$new/run/netns/a" sleep 1000000 &
echo $! > "$new/fuzz/container"
$ip -batch - <<'END'
link set lo up
link add up0 address 02:00:00:00:00:01 type veth peer name peer0
link set up0 up
link set peer0 up
addr add 192.168.77.1/24 dev up0
route add default via 192.168.77.254 dev up0
END
cat > "$new/fuzz/bin/echo-ipam" <<'END'
#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
answer=$(cat /fuzz/answer 2>&-)
printf %s "$answer"
case $answer in *'"code"'*) exit 1 ;; esac
END
chmod +x "$new/fuzz/bin/echo-ipam"
# From where it is not in the project.
[ -z "${FUZZ_CALLER:-}" ] || cp "$FUZZ_CALLER" "$new/fuzz-caller"
[ -z "${FUZZ_CALLER:-}" ] || chmod +x "$new/fuzz-caller"
exec chroot "$new" env --chdir=/fuzz/work "$@"
