// What the store's entries are in the API: an object each, of the resource that build/kubernetes/chart/crds/ defines. Names of objects have
// rules that keys have not, so a name is made of the key and a hash of it; the key itself stands in the object.
import { createHash } from "node:crypto";
import { type Entry, Refused } from "../claim-store.ts";

export const group = "ipvlan-cni.io";
const version = "v1";
const kind = "IpvlanClaim";
export const resource = `/apis/${group}/${version}/ipvlanclaims`;

export interface ClaimObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
  readonly spec: { readonly key: string; readonly value: string };
  readonly status?: { readonly used?: number };
}

/** The Node object of a node. */
export interface Owner {
  readonly name: string;
  readonly uid: string;
}

/** @param owner with whose end Kubernetes removes the object */
export function objectOf(key: string, value: string, owner: Owner | undefined): ClaimObject {
  const [collection = "", pool, member = ""] = key.split("/");
  const { node, name } = peopleIn(value);
  return {
    apiVersion: `${group}/${version}`,
    kind,
    metadata: {
      name: nameOf(key),
      labels: labelsOf(key),
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: owner.name, uid: owner.uid }] }),
    },
    spec: {
      key,
      value,
      // For people: columns of kubectl get.
      ...(collection === "nodes" ? { node: pool } : { pool }),
      ...(collection === "blocks" ? { block: member.replace(/-(\d+)$/, "/$1") } : {}),
      ...(collection === "addresses" ? { address: member } : {}),
      ...(collection === "names" ? { name: decodeURIComponent(member) } : {}),
      ...(name === undefined ? {} : { name }),
      ...(node === undefined ? {} : { node }),
    },
  };
}

/** @throws Refused where the object is not what its name says: nobody but this program makes them */
export function entryOf({ metadata, spec }: ClaimObject): Entry {
  const { key, value } = spec;
  if (typeof key !== "string" || typeof value !== "string" || nameOf(key) !== metadata.name) {
    throw new Refused(
      `the object ${kind} ${metadata.name} was not made by ipvlan-node: kubectl delete ipvlanclaim ${metadata.name}`,
    );
  }
  // The spec cannot be changed: what has the same uid has the same content.
  return { key, value, version: metadata.uid ?? "" };
}

/** An object's name by its key: DNS characters of it, and what tells it from others (RFC 1123; at most 253 characters). */
export function nameOf(key: string): string {
  const readable = key
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .replace(/[-.]*\.[-.]*/g, ".");
  return `${readable.slice(0, 200).replace(/^[-.]+|[-.]+$/g, "")}-${shortHash(key)}`;
}

/** By which the objects of a prefix of keys are found: of `blocks/`, or of `blocks/POOL/`. */
export function selectorOf(prefix: string): string {
  const labels = labelsOf(prefix);
  const [, pool] = prefix.split("/");
  return pool === "" || pool === undefined
    ? `${group}/collection=${labels[`${group}/collection`]}`
    : `${group}/of=${labels[`${group}/of`]}`;
}

function labelsOf(key: string): Record<string, string> {
  const [collection = "", pool = ""] = key.split("/");
  return { [`${group}/collection`]: collection, [`${group}/of`]: shortHash(`${collection}/${pool}`) };
}

const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** Whose the entry is, as far as it says. */
function peopleIn(value: string): { node?: string; name?: string } {
  try {
    const { node, name } = JSON.parse(value) as { node?: unknown; name?: unknown };
    return { ...(typeof node === "string" ? { node } : {}), ...(typeof name === "string" ? { name } : {}) };
  } catch {
    return {};
  }
}
