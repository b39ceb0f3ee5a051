import { parseValidAttachments } from "../cni/gc.ts";
import { requireCommand } from "../cni/versions.ts";
import { parseForRemoval } from "../config/removal.ts";
import { PluginError } from "../errors.ts";
import { openForRemoval } from "../ipam/open.ts";
import { removeContainerLink } from "../link/container-link.ts";
import { releaseParent, removeAbandonedParents } from "../link/parent/release.ts";
import { type Attachment, attachmentsOfNetwork, findAttachment } from "../link/records.ts";
import { openNetlink } from "../netlink/socket.ts";
import { removeAbandonedHostAccess } from "../reach/gc.ts";
import { removeHostAccess } from "../reach/remove.ts";
import { homeNamespace, namespaceIdentity } from "../system/namespace.ts";
import { explain } from "./explain.ts";
import type { Invocation } from "./invocation.ts";
import { tellCluster } from "./tell-cluster.ts";

/**
 * Takes away all that this network holds for attachments that the runtime does not list as valid: interfaces, records,
 * reservations; and parents of ours that no attachment of any network uses any more. "If an error is encountered, a plugin
 * should continue; removing as many resources as possible, and report the errors" (SPEC.md, section 2, GC).
 */
export function gc(invocation: Invocation): void {
  const { environment, variables, stdin, warn } = invocation;
  const config = parseForRemoval(stdin, environment);
  requireCommand("GC", config.cniVersion);
  const listed = parseValidAttachments(stdin);
  // The specification lets GC remove what is not in the set that the runtime expects, and host-local of the reference (1.10.0) takes
  // no list for an empty one: libcni sends none for a runtime that expects no attachment, and deletes those it knows before.
  if (listed === undefined)
    warn(`GC without cni.dev/valid-attachments: all that network ${config.name} holds is taken away`);
  const valid = listed ?? [];

  const host = openNetlink();
  const keyOf = ({ containerId, ifname }: Pick<Attachment, "containerId" | "ifname">) => `${containerId} ${ifname}`;
  const validKeys = new Set(valid.map(keyOf));
  const isValid = (attachment: Attachment) => validKeys.has(keyOf(attachment));
  const errors: unknown[] = [];
  const attempt = (work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      errors.push(explain(error));
      return false;
    }
  };
  const ipam = openForRemoval({ config, containerId: "", ifname: "", stdin, environment: variables });
  if (ipam.releasesOverLink) attempt(() => ipam.gc(valid));
  const own = attachmentsOfNetwork(config.name, namespaceIdentity(homeNamespace()));
  const kept = own.filter((attachment) => {
    if (isValid(attachment)) return false;
    return !attempt(() => {
      if (attachment.hostAccess !== undefined) removeHostAccess(host, attachment, attachment);
      removeContainerLink(attachment);
      releaseParent({ host: () => host, warn }, attachment);
    });
  });
  // A valid attachment without a record: the records were lost, and nothing says which parents are in use.
  const complete = valid.every(
    ({ containerId, ifname }) => findAttachment({ network: config.name, containerId, ifname }) !== undefined,
  );
  if (config.hostAccess) attempt(() => removeAbandonedHostAccess(host, config.name, valid));
  if (complete) attempt(() => removeAbandonedParents(host, warn));
  if (!ipam.releasesOverLink) attempt(() => ipam.gc([...valid, ...kept]));
  // Blocks that nothing is held in go back, and names whose containers have gone.
  if ("inCluster" in config.ipam) tellCluster(invocation);
  if (errors.length > 0) throw together(errors);
}

/** The first error with the messages of all. A mistake of our own stays what it is. */
function together(errors: readonly unknown[]): unknown {
  const [first] = errors;
  const known = errors.filter((error) => error instanceof PluginError);
  if (!(first instanceof PluginError) || known.length < 2) return first;
  return new PluginError(first.code, known.map(({ message }) => message).join("; "), first.details);
}
