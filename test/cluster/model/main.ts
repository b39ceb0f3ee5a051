// npm run model: all states of three nodes and three blocks, and of three nodes and two blocks with two faults. Takes two minutes and 1 GB.
import { search } from "./model.ts";

for (const size of [
  { nodes: 3, blocks: 3, faults: 1 },
  { nodes: 3, blocks: 2, faults: 2 },
]) {
  const { states, trace } = search(size);
  const what = `${size.nodes} nodes, ${size.blocks} blocks, ${size.faults} ${size.faults === 1 ? "fault" : "faults"}`;
  if (trace === undefined) console.log(`${what}: ${states} states, no block has two holders`);
  else {
    console.log(`${what}: two nodes use one block after\n  ${trace.join("\n  ")}`);
    process.exitCode = 1;
  }
}
