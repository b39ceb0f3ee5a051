import { type ClaimStore, Refused, Unreachable } from "../claim-store.ts";
import { type KubernetesApi, type Method, messageOf, type Reply } from "./api.ts";
import { type ClaimObject, entryOf, nameOf, type Owner, objectOf, resource, selectorOf } from "./claim-object.ts";

/** So many objects in an answer. */
const PAGE = 500;

/**
 * Claims as objects of the Kubernetes API. Of two who create one the API lets one through; what is read without naming a version is
 * as new as the last write (Kubernetes' documentation, "API Concepts").
 *
 * @param node whose claims belong to its Node object: Kubernetes removes them with it. Undefined for hosts outside of the cluster
 * @param timeoutMs for all that is asked, in milliseconds
 */
export function openKubernetes(api: KubernetesApi, node: string | undefined, timeoutMs: number): ClaimStore {
  const end = Date.now() + timeoutMs;
  let owner: Promise<Owner | undefined> | undefined;
  /** What objects say of their use, as they were listed. */
  const usedThen = new Map<string, number | undefined>();

  async function ask(method: Method, path: string, expected: readonly number[], body?: object): Promise<Reply> {
    const reply = await api.ask(method, path, end, body);
    if (reply.status < 300 || expected.includes(reply.status)) return reply;
    throw new Refused(`the API of Kubernetes answers ${method} ${path.split("?")[0]} with ${messageOf(reply)}`);
  }

  async function get(key: string): Promise<ReturnType<typeof entryOf> | undefined> {
    const reply = await ask("GET", `${resource}/${nameOf(key)}`, [404]);
    if (reply.status !== 404) return entryOf(reply.body as unknown as ClaimObject);
    if (isOfObject(reply)) return undefined;
    throw new Refused("the API of Kubernetes does not know ipvlanclaims: apply the chart's CRD");
  }

  async function ownerOf(key: string, value: string): Promise<Owner | undefined> {
    if (node === undefined || !belongsTo(key, value, node)) return undefined;
    owner ??= ask("GET", `/api/v1/nodes/${node}`, [404]).then(({ status, body }) => {
      const { uid } = (body as { metadata?: { uid?: string } }).metadata ?? {};
      if (status === 404 || uid === undefined)
        throw new Refused(`Kubernetes has no Node ${node}: its claims would be nobody's`);
      return { name: node, uid };
    });
    return owner;
  }

  return {
    async create(key, value) {
      const object = objectOf(key, value, await ownerOf(key, value));
      for (;;) {
        const reply = await ask("POST", resource, [404, 409], object);
        if (reply.status === 404)
          throw new Refused("the API of Kubernetes does not know ipvlanclaims: apply the chart's CRD");
        if (reply.status !== 409) return undefined;
        const there = await get(key);
        // The first answer was lost: values are different each time they are made, so this one is ours.
        if (there !== undefined) return there.value === value ? undefined : there;
        if (Date.now() > end)
          throw new Unreachable(`the API of Kubernetes said neither that ${key} was made nor what it is`);
      }
    },
    get,
    async list(prefix) {
      const query = new URLSearchParams({ labelSelector: selectorOf(prefix), limit: String(PAGE) });
      const entries = [];
      for (;;) {
        const reply = await ask("GET", `${resource}?${query}`, [404, 410]);
        if (reply.status === 404)
          throw new Refused("the API of Kubernetes does not know ipvlanclaims: apply the chart's CRD");
        // The rest of so old a list is not kept: from the beginning.
        if (reply.status === 410) entries.length = 0;
        const { items = [], metadata } = reply.body as { items?: ClaimObject[]; metadata?: { continue?: string } };
        if (reply.status !== 410) entries.push(...items.map(entryOf));
        for (const { spec, status } of items) usedThen.set(spec.key, status?.used);
        const next = reply.status === 410 ? undefined : metadata?.continue;
        query.delete("continue");
        if (next) query.set("continue", next);
        else if (reply.status !== 410) break;
      }
      const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
      return entries.filter(({ key }) => key.startsWith(prefix)).sort(byKey);
    },
    async remove({ key, version: uid }) {
      const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } };
      const { status } = await ask("DELETE", `${resource}/${nameOf(key)}`, [404, 409], body);
      return status < 300;
    },
    async noteUse(key, used) {
      if (usedThen.get(key) === used) return;
      await ask("PATCH", `${resource}/${nameOf(key)}/status`, [404], { status: { used } });
    },
  };
}

/** Of an object that is not there the API names it; of a resource that it does not know, it does not. */
const isOfObject = ({ body }: Reply): boolean => (body as { details?: { name?: string } }).details?.name !== undefined;

/** Whether the entry is of no use when the node is no more. */
function belongsTo(key: string, value: string, node: string): boolean {
  if (key.startsWith(`nodes/${node}/`)) return true;
  try {
    return (JSON.parse(value) as { node?: unknown }).node === node;
  } catch {
    return false;
  }
}
