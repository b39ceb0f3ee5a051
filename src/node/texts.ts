// What requests say in words, read.
import { type Address, type Prefix, parseAddress, parsePrefix } from "../ip/address.ts";
import { Refused } from "./claim-store.ts";

/** @throws Refused */
export function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Refused(`${JSON.stringify(text)} is no address`);
  return address;
}

/** @throws Refused */
export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Refused(`${JSON.stringify(text)} is no ADDRESS/LENGTH`);
  return prefix;
}
