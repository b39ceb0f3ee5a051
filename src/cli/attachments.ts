import { formatPrefix } from "../ip/address.ts";
import { closeContainer } from "../link/container.ts";
import { openContainerLink } from "../link/container-link.ts";
import { type Attachment, attachmentsOfNetwork, knownNetworks, recordedAt } from "../link/records.ts";
import { allAddresses } from "../netlink/address.ts";
import type { Link } from "../netlink/link.ts";
import { homeNamespace, namespaceIdentity } from "../system/namespace.ts";

/** An attachment as it is recorded, and what there is of it. */
export interface SeenAttachment {
  readonly attachment: Attachment;
  /** Its interface is there. */
  readonly isAlive: boolean;
  /** The interface; undefined where it is gone. */
  readonly link: Link | undefined;
  /** That the interface has, with the lengths of their subnets; link-local ones left out. */
  readonly addresses: readonly string[];
  /** When it was attached, in milliseconds since 1970. */
  readonly since: number | undefined;
}

export interface AttachmentFilter {
  readonly network?: string | undefined;
  readonly parent?: string | undefined;
  /** The beginning of a container's id is enough. */
  readonly container?: string | undefined;
}

/** Every attachment of this host that is recorded, by network, container and interface. */
export function seeAttachments(filter: AttachmentFilter = {}): readonly SeenAttachment[] {
  const networks = filter.network === undefined ? knownNetworks().sort() : [filter.network];
  return networks.flatMap((network) =>
    attachmentsOfNetwork(network, thisHost())
      .filter(({ parentName }) => filter.parent === undefined || parentName === filter.parent)
      .filter(({ containerId }) => filter.container === undefined || containerId.startsWith(filter.container))
      .sort((a, b) => order(a.containerId, b.containerId) || order(a.ifname, b.ifname))
      .map(see),
  );
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function see(attachment: Attachment): SeenAttachment {
  const recorded = recordedAt(attachment);
  const found = look(attachment);
  return {
    attachment,
    isAlive: found !== undefined,
    link: found?.link,
    addresses: found?.addresses ?? [],
    since: recorded === undefined ? undefined : Number(recorded / 1_000_000n),
  };
}

/** undefined where the interface is gone */
function look(attachment: Attachment): Pick<SeenAttachment, "link" | "addresses"> | undefined {
  const found = openContainerLink(attachment, "");
  if (found === undefined) return undefined;
  const { container, link } = found;
  try {
    const addresses = allAddresses(container.socket)
      .filter(({ index, prefix: { address } }) => index === link.index && !isLinkLocal(address))
      .map(({ prefix }) => formatPrefix(prefix));
    return { link, addresses };
  } finally {
    closeContainer(container);
  }
}

/** Identity of the namespace that this program runs in: of several hosts that share /run each has its own attachments. */
export const thisHost = (): string => namespaceIdentity(homeNamespace());

/** fe80::/10 */
export const isLinkLocal = ({ family, value }: { family: number; value: bigint }): boolean =>
  family === 6 && value >> 118n === 0x3fan;

/** Characters of a container's id that tell it from others on a host, as crictl shows it. */
const shortId = 13;

/** The pod's name, or the container's id, without the part of it that nobody reads. */
export function shownContainer({ containerId, pod }: Attachment): string {
  return pod ?? (/^[0-9a-f]{32,}$/.test(containerId) ? containerId.slice(0, shortId) : containerId);
}
