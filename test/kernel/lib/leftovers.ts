/**
 * Script that lists what the plugin has on a host: links of its own, records, reservations. Lock files stay by design, as do
 * host-local's notes of its last address.
 */
export function leftovers(host: string): string {
  return `on ${host} sh -c '
    ip -o link show | grep "made by ipvlan-cni" || true
    find /run/ipvlan-cni -mindepth 2 -not -path "/run/ipvlan-cni/locks*" 2>/dev/null || true
    find /var/lib/cni/networks -type f 2>/dev/null | grep -vE "/(last_reserved_ip\\.[0-9]+|lock)$|/\\.ipvlan-cni/" || true
  '`;
}
