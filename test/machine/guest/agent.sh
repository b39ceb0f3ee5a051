# Runs scripts for the host. Lines come in on stdin and go out on stdout; scripts and what they print are files in the
# shared folder, so that nothing here has to count bytes.
#
#   hello NONCE     a new client: ends what former clients left running, answers "hello NONCE"
#   run ID          runs ID.sh, answers "done ID CODE" when it ended and what it printed is in ID.out and ID.err; one of
#                   these is left out if there is nothing in it
#   stream ID       the same, but writes these two from the start
#   kill ID         ends that script, which then answers as above
#
# Lines are read by the shell itself and a run starts one program, since under emulation that is what takes time. The
# shared folder is slow for many small writes, so a script's output goes to memory first.

share=/run/ipvlan-test
memory=/run/ipvlan-agent
cd / || exit 1
mkdir -p $memory
# Opened for both, a fifo never reports its end: reading from it with a timeout is a sleep that needs no process.
mkfifo $memory/never
exec 8<>$memory/never
jobs_of_client=

# end ID HANDLER: the script is in a session of its own, below the handler that waits for it.
end() {
  [ -e "$memory/$1.ended" ] && return
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
    run | stream)
      printed=$memory
      [ "$verb" = run ] || printed=$share
      (
        # In the background, because the shell would report a signal that ends it among what the script printed.
        setsid /bin/sh "$share/$id.sh" </dev/null >"$printed/$id.out" 2>"$printed/$id.err" 8>&- &
        wait $!
        code=$?
        : >"$memory/$id.ended"
        if [ "$verb" = run ]; then
          set --
          [ ! -s "$memory/$id.out" ] || set -- "$memory/$id.out"
          [ ! -s "$memory/$id.err" ] || set -- "$@" "$memory/$id.err"
          [ $# = 0 ] || cp "$@" "$share"
          for file in "$@"; do
            : >"$file"
          done
        fi
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
