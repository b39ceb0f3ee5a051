# Runs scripts for the host. Lines come in on stdin and go out on stdout; scripts and what they print are files in the
# shared folder, so that nothing here has to count bytes.
#
#   hello NONCE     a new client: ends what former clients left running, answers "hello NONCE"
#   run ID          runs ID.sh into ID.out and ID.err, answers "done ID CODE" when it ends
#   kill ID         ends that script, which then answers as above
#
# Lines are read by the shell itself and a run costs one fork and one program, since every process start is dear under
# emulation.

share=/run/ipvlan-test
cd / || exit 1
mkdir -p /run/ipvlan-agent
# Opened for both, a fifo never reports its end: reading from it with a timeout is a sleep that needs no process.
mkfifo /run/ipvlan-agent/never
exec 8<>/run/ipvlan-agent/never
jobs_of_client=

# end ID HANDLER: the script is in a session of its own, below the handler that waits for it.
end() {
  [ -e "/run/ipvlan-agent/$1" ] && return
  script=
  # No newline ends that file, so the result of read says nothing.
  read -r script _ 2>/dev/null <"/proc/$2/task/$2/children"
  [ -n "$script" ] || return
  kill -9 -- "-$script" 2>/dev/null || kill -9 "$script" 2>/dev/null
}

while :; do
  if ! read -r verb id; then
    # A virtio port without a client is at its end until one comes; a pipe stays so.
    [ -p /dev/stdin ] && exit 0
    read -r -t 0.05 _ <&8
    continue
  fi
  case $verb in
    hello)
      for job in $jobs_of_client; do
        end "${job%:*}" "${job#*:}"
      done
      jobs_of_client=
      echo "hello $id"
      ;;
    run)
      (
        # In the background, because the shell would report a signal that ends it among what the script printed.
        setsid /bin/sh "$share/$id.sh" </dev/null >"$share/$id.out" 2>"$share/$id.err" 8>&- &
        wait $!
        code=$?
        : >"/run/ipvlan-agent/$id"
        echo "done $id $code"
      ) &
      jobs_of_client="$jobs_of_client $id:$!"
      ;;
    kill)
      for job in $jobs_of_client; do
        [ "${job%:*}" = "$id" ] && end "$id" "${job#*:}"
      done
      ;;
  esac
  # Lets the shell take up the handlers that ended.
  jobs >/dev/null
done
