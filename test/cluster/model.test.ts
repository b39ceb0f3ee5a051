// Every state of the rules by which nodes share blocks, in sizes that take seconds: one holder a block, and each rule is needed. npm run
// model visits those of three nodes and three blocks.
import t from "tap";
import { allRules, type Rules, search } from "./model/model.ts";

t.setTimeout(0);

for (const size of [
  { nodes: 2, blocks: 2, faults: 2 },
  { nodes: 3, blocks: 1, faults: 3 },
  { nodes: 3, blocks: 2, faults: 1 },
]) {
  t.test(`${size.nodes} nodes, ${size.blocks} blocks, ${size.faults} faults: never two holders`, async (t) => {
    const { states, trace } = search(size);
    t.strictSame(trace ?? [], [], "no way leads there");
    t.ok(states > 10_000, `${states} states`);
  });
}

t.test("without any one of the rules two nodes come to use one block", async (t) => {
  for (const rule of Object.keys(allRules) as (keyof Rules)[]) {
    const { trace } = search({ nodes: 2, blocks: 1, faults: 3 }, { ...allRules, [rule]: false });
    t.ok(trace !== undefined && trace.length > 5, `${rule}: ${trace?.length} steps`);
  }
});
