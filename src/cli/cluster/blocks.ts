import type { StatusReply } from "../../cluster/protocol.ts";
import type { Subnet } from "../../config/network-config.ts";
import { bitsOf, contains, type Family, formatPrefix, type Prefix, parsePrefix } from "../../ip/address.ts";

/** As many blocks are drawn, one character each; of a larger subnet its blocks are counted. */
const most = 2048;
const inLine = 64;
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/**
 * A picture of each subnet: one character a block, a letter for each node and a dot for what is free, and what the letters mean.
 * @param blockSize prefix length of the blocks
 */
export function drawBlocks(
  subnets: readonly Subnet[],
  blockSize: Readonly<Record<Family, number>>,
  { blocks }: StatusReply,
): string[] {
  const claimed = blocks.flatMap(({ block, node }) => {
    const prefix = parsePrefix(block);
    return prefix === undefined ? [] : [{ prefix, node }];
  });
  const nodes = [...new Set(claimed.map(({ node }) => node))].sort();
  const letterOf = (node: string): string => letters[nodes.indexOf(node)] ?? "*";
  const lines = subnets.flatMap(({ subnet }) => {
    const own = claimed.filter(({ prefix }) => contains(subnet, prefix.address));
    const count = countOf(subnet, blockSize);
    const head = `  ${formatPrefix(subnet)}: ${own.length} of ${count} blocks claimed`;
    if (count > BigInt(most)) return [head];
    const row = Array.from({ length: Number(count) }, () => ".");
    for (const { prefix, node } of own) row[indexOf(subnet, prefix, count)] = letterOf(node);
    const text = row.join("");
    return [head, ...(text.match(new RegExp(`.{1,${inLine}}`, "g")) ?? []).map((line) => `    ${line}`)];
  });
  return nodes.length === 0 ? lines : [...lines, `  ${nodes.map((node) => `${letterOf(node)} ${node}`).join(", ")}`];
}

function countOf({ address, length }: Prefix, blockSize: Readonly<Record<Family, number>>): bigint {
  return 1n << BigInt(Math.max(0, blockSize[address.family] - length));
}

function indexOf(subnet: Prefix, block: Prefix, count: bigint): number {
  const size = (1n << BigInt(bitsOf(subnet.address.family) - subnet.length)) / count;
  return Number((block.address.value - subnet.address.value) / size);
}
