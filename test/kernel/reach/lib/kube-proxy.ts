/** Services, each with its backend: an address of both families. */
export type Backends = readonly (readonly [service: readonly string[], backend: readonly string[]])[];

/**
 * The rules of kube-proxy in nf_tables' words: in prerouting and output, with the backends' addresses.
 * @param masquerade what it does with --masquerade-all
 */
export function kubeProxy(backends: Backends, masquerade: boolean): string {
  const families = [
    ["ip", 0],
    ["ip6", 1],
  ] as const;
  return families
    .map(([family, at]) => {
      const rules = backends.flatMap(([service, backend]) =>
        ["tcp dport 80", "udp dport 80", "tcp dport 81"].map((port) => {
          const to = at === 0 ? backend[0] : `[${backend[1]}]`;
          return `${family} daddr ${service[at]} ${port} dnat to ${to}:${port.split(" ")[2]}`;
        }),
      );
      return `table ${family} kube-proxy {
        chain services {
          ${rules.join("\n")}
        }
        chain prerouting { type nat hook prerouting priority dstnat;
          jump services
        }
        chain output { type nat hook output priority -100;
          jump services
        }
        chain postrouting { type nat hook postrouting priority srcnat;
          ${masquerade ? "ct status dnat masquerade" : ""}
        }
      }`;
    })
    .join("\n");
}
