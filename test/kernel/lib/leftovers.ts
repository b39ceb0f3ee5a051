/**
 * Script that lists what the plugin has on a host: links of its own, records, reservations. host-local's lock file and notes of its
 * last address stay by design. It starts few programs, since it ends most tests.
 */
export function leftovers(host: string): string {
  return `on ${host} sh -c '
    ip -o link show | while read -r line; do
      case $line in *"made by ipvlan-cni"*) echo "$line" ;; esac
    done
    for file in /run/ipvlan-cni/*/* /var/lib/cni/networks/*/* /var/lib/cni/networks/*/.*.tmp; do
      [ -e "$file" ] || continue
      case $file in
        /var/lib/cni/networks/*/last_reserved_ip.* | /var/lib/cni/networks/*/lock) ;;
        *) echo "$file" ;;
      esac
    done
  '`;
}
