import { type Address, formatAddress } from "../ip/address.ts";
import { listFolder, makeFolder, overwriteFile, readSmall, removeFile } from "../system/files.ts";

/**
 * Addresses that somebody on the network of a parent was found to have: /run/ipvlan-cni/conflicts/PARENT/ADDRESS, with the
 * time in seconds since 1970 and the MAC. They are not asked for, and not given, for a while.
 */
const root = "/run/ipvlan-cni/conflicts";
const SECONDS = 600;

const now = (): number => Math.floor(Date.now() / 1000);

/** @returns the MAC of who was found to have the address not long ago; undefined where nobody was */
export function knownHolder(parent: string, address: Address): string | undefined {
  const [, time, mac] =
    /^(\d+) ([\da-f:]*)$/.exec(readSmall(`${root}/${parent}/${formatAddress(address)}`) ?? "") ?? [];
  const age = now() - Number(time);
  return time !== undefined && age >= 0 && age < SECONDS ? mac : undefined;
}

/** Remembers who has an address, and forgets what is old. */
export function rememberHolder(parent: string, address: string, mac: string): void {
  const folder = `${root}/${parent}`;
  makeFolder(folder);
  overwriteFile(`${folder}/${address}`, `${now()} ${mac}`);
  for (const name of listFolder(folder)) if (!isRemembered(`${folder}/${name}`)) removeFile(`${folder}/${name}`);
}

function isRemembered(file: string): boolean {
  return now() - Number((readSmall(file) ?? "").split(" ")[0]) < SECONDS;
}

/** How many addresses others were found to have not long ago, by parent. */
export function rememberedConflicts(): ReadonlyMap<string, number> {
  const countIn = (folder: string) => listFolder(folder).filter((name) => isRemembered(`${folder}/${name}`)).length;
  return new Map(listFolder(root).map((parent) => [parent, countIn(`${root}/${parent}`)]));
}
