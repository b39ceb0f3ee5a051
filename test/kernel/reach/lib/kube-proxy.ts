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
        ["tcp", "udp"].map(
          (protocol) =>
            `${family} daddr ${service[at]} ${protocol} dport 80 dnat to ${at === 0 ? backend[0] : `[${backend[1]}]`}:80`,
        ),
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
