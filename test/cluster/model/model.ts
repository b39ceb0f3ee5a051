// The rules of src/node/exchange.ts and src/ipam/cluster as a machine of small steps, of which every state is visited: nodes claim, use,
// give back, are killed in the middle, go off and come back; removals that were asked for take effect whenever the store's member goes
// on; an operator releases nodes that are off. Bits of a number are blocks.

/** What of the rules is left out, to see that the search would find it. */
export interface Rules {
  /** After a boot nothing is given before the store was asked. */
  readonly verifies: boolean;
  /** A node that was off makes its claims anew. */
  readonly renews: boolean;
  /** A node removes what it finds as its own and does not know of, instead of taking it up. */
  readonly drops: boolean;
  /** What is given back is struck from the node's list before. */
  readonly strikes: boolean;
  /** A claim is made only where nobody has one. */
  readonly compares: boolean;
  /** Nodes are released only while they are off. */
  readonly waits: boolean;
}

export const allRules: Rules = {
  verifies: true,
  renews: true,
  drops: true,
  strikes: true,
  compares: true,
  waits: true,
};

export interface Size {
  readonly nodes: number;
  readonly blocks: number;
  /** How often nodes may be killed in a contact, go off, and be released, in all. */
  readonly faults: number;
}

/** `booted`: on, and the store was not asked yet. */
const Phase = { off: 0, booted: 1, up: 2 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

const Step = { none: 0, give: 1, renew: 2, claim: 3, drop: 4, answer: 5 } as const;
type Step = (typeof Step)[keyof typeof Step];

interface NodeState {
  phase: Phase;
  /** On its disk: the blocks that it gives from. */
  list: number;
  /** Blocks of which a container has an address. */
  held: number;
  step: Step;
  known: number;
  /** Blocks that this step has still to do. */
  todo: number;
  /** It has asked for the removal of the lowest block of `todo`, and waits. */
  asks: boolean;
}

interface State {
  /** 0: nobody's; else the node's number from 1. */
  owners: number[];
  /** Removals that were asked for of the blocks as they are now. */
  pending: number;
  nodes: NodeState[];
  faults: number;
}

const keyOf = ({ owners, pending, nodes, faults }: State): string => {
  let key = String.fromCharCode(...owners, pending, faults);
  for (const { phase, list, held, step, known, todo, asks } of nodes) {
    key += String.fromCharCode(phase | (step << 2) | (asks ? 32 : 0), list | (held << 4), known | (todo << 4));
  }
  return key;
};

const copy = ({ owners, pending, nodes, faults }: State): State => ({
  owners: [...owners],
  pending,
  nodes: nodes.map((node) => ({ ...node })),
  faults,
});

/** A block that two nodes' containers have an address of; undefined where there is none. */
function doubled({ nodes }: State): number | undefined {
  let seen = 0;
  for (const { held } of nodes) {
    if ((seen & held) !== 0) return seen & held;
    seen |= held;
  }
  return undefined;
}

/** Every state that one step leads to, with the step's name. */
function* successors(state: State, rules: Rules, { blocks, faults }: Size): Generator<[string, State], void> {
  const change = (what: string, work: (next: State) => void): [string, State] => {
    const next = copy(state);
    work(next);
    return [what, next];
  };
  const free = (next: State, block: number): void => {
    next.owners[block] = 0;
    next.pending &= ~(1 << block);
  };
  const own = (next: State, block: number, i: number): void => {
    next.owners[block] = i + 1;
    next.pending &= ~(1 << block);
  };
  for (let block = 0; block < blocks; block++) {
    if (state.pending & (1 << block)) yield change(`the removal of ${block} takes effect`, (next) => free(next, block));
  }
  const canFail = state.faults < faults;
  for (const [i, node] of state.nodes.entries()) {
    const me = i + 1;
    const edit = (what: string, work: (mine: NodeState, next: State) => void): [string, State] =>
      change(`node ${me} ${what}`, (next) => work(next.nodes[i] as NodeState, next));
    const isMine = (block: number): boolean => state.owners[block] === me;
    if (node.phase === Phase.off) {
      yield edit("boots", (mine) => {
        mine.phase = rules.verifies ? Phase.booted : Phase.up;
      });
    } else if (canFail) {
      yield edit("goes off", (mine, next) => {
        Object.assign(mine, { phase: Phase.off, held: 0, step: Step.none, known: 0, todo: 0, asks: false });
        next.faults++;
      });
    }
    if (canFail && (node.phase === Phase.off || !rules.waits) && state.owners.includes(me)) {
      yield edit("is released", (_, next) => {
        for (let block = 0; block < blocks; block++) if (isMine(block)) next.pending |= 1 << block;
        next.faults++;
      });
    }
    if (node.phase === Phase.off) continue;
    if (node.step !== Step.none && canFail) {
      yield edit("has its contact killed", (mine, next) => {
        Object.assign(mine, { step: Step.none, known: 0, todo: 0, asks: false });
        next.faults++;
      });
    }
    for (let block = 0; block < blocks; block++) {
      const bit = 1 << block;
      if (node.phase === Phase.up && node.list & bit && !(node.held & bit)) {
        yield edit(`gives an address of ${block}`, (mine) => {
          mine.held |= bit;
        });
      }
      if (node.held & bit) {
        yield edit(`takes back the address of ${block}`, (mine) => {
          mine.held &= ~bit;
        });
      }
    }
    yield* contact(node, i);

    function* contact(
      { step, list, held, known, todo, asks, phase }: NodeState,
      index: number,
    ): Generator<[string, State], void> {
      const lowest = todo & -todo;
      const block = 31 - Math.clz32(lowest);
      const afterGive = (mine: NodeState): void => {
        mine.step = Step.renew;
        mine.todo = phase === Phase.booted && rules.renews ? mine.known & ~mine.held : 0;
      };
      const list3 = (mine: NodeState, next: State): void => {
        let present = 0;
        for (let one = 0; one < blocks; one++) if (next.owners[one] === me) present |= 1 << one;
        mine.step = Step.drop;
        mine.todo = rules.drops ? present & ~mine.known : 0;
        mine.known = rules.drops ? present & mine.known : present;
      };
      switch (step) {
        case Step.none: {
          // It gives back nothing, or one block that is empty.
          for (const struck of [0, ...Array.from({ length: blocks }, (_, one) => 1 << one)]) {
            if (struck !== 0 && (!(list & struck) || held & struck)) continue;
            yield edit(struck === 0 ? "asks the store" : `gives back ${31 - Math.clz32(struck)}`, (mine) => {
              if (rules.strikes) mine.list &= ~struck;
              mine.known = mine.list & ~struck;
              mine.step = Step.give;
              mine.todo = struck;
            });
          }
          return;
        }
        case Step.give:
        case Step.renew:
        case Step.drop:
          if (todo === 0) {
            yield edit("goes on", (mine, next) => {
              if (step === Step.give) afterGive(mine);
              else if (step === Step.renew) mine.step = Step.claim;
              else mine.step = Step.answer;
              void next;
            });
          } else if (!asks) {
            yield edit(`asks to remove ${block}`, (mine, next) => {
              if (next.owners[block] === me) next.pending |= lowest;
              mine.asks = true;
              mine.known &= ~lowest;
            });
          } else if (!(state.pending & lowest)) {
            yield edit(`has removed ${block}`, (mine, next) => {
              mine.asks = false;
              mine.todo &= ~lowest;
              if (step === Step.renew && next.owners[block] === 0) {
                own(next, block, index);
                mine.known |= lowest;
              }
            });
          }
          return;
        case Step.claim:
          yield edit("claims nothing", (mine, next) => list3(mine, next));
          for (let one = 0; one < blocks; one++) {
            const isFree = state.owners[one] === 0;
            if (!isFree && (rules.compares || isMine(one))) continue;
            yield edit(`claims ${one}`, (mine, next) => {
              own(next, one, index);
              mine.known |= 1 << one;
              list3(mine, next);
            });
          }
          return;
        case Step.answer:
          yield edit("has its answer", (mine) => {
            mine.list = known;
            mine.phase = Phase.up;
            Object.assign(mine, { step: Step.none, known: 0, todo: 0, asks: false });
          });
      }
    }
  }
}

export interface Found {
  readonly states: number;
  /** The steps to a block that two nodes use; undefined where none leads there. */
  readonly trace: readonly string[] | undefined;
}

/** Visits all states, the nearest ones first. */
export function search(size: Size, rules: Rules = allRules): Found {
  const first: State = {
    owners: Array.from({ length: size.blocks }, () => 0),
    pending: 0,
    nodes: Array.from({ length: size.nodes }, () => ({
      phase: Phase.booted,
      list: 0,
      held: 0,
      step: Step.none,
      known: 0,
      todo: 0,
      asks: false,
    })),
    faults: 0,
  };
  const seen = new Set([keyOf(first)]);
  let front: { state: State; path: Path | undefined }[] = [{ state: first, path: undefined }];
  while (front.length > 0) {
    const next: typeof front = [];
    for (const { state, path } of front) {
      for (const [what, successor] of successors(state, rules, size)) {
        const key = canonical(successor, size);
        if (seen.has(key)) continue;
        seen.add(key);
        const own: Path = { what, before: path };
        if (doubled(successor) !== undefined) return { states: seen.size, trace: stepsOf(own) };
        next.push({ state: successor, path: own });
      }
    }
    front = next;
  }
  return { states: seen.size, trace: undefined };
}

interface Path {
  readonly what: string;
  readonly before: Path | undefined;
}

function stepsOf(path: Path): string[] {
  const steps: string[] = [];
  for (let at: Path | undefined = path; at !== undefined; at = at.before) steps.unshift(at.what);
  return steps;
}

/** Nodes are alike: of states that differ by their numbers one is visited. */
function canonical(state: State, { nodes }: Size): string {
  let least: string | undefined;
  for (const order of permutations(nodes)) {
    const renumbered: State = {
      owners: state.owners.map((owner) => (owner === 0 ? 0 : order.indexOf(owner - 1) + 1)),
      pending: state.pending,
      nodes: order.map((i) => state.nodes[i] as NodeState),
      faults: state.faults,
    };
    const key = keyOf(renumbered);
    if (least === undefined || key < least) least = key;
  }
  return least as string;
}

const known = new Map<number, number[][]>();
function permutations(count: number): number[][] {
  const made = known.get(count);
  if (made !== undefined) return made;
  let all: number[][] = [[]];
  for (let i = 0; i < count; i++)
    all = all.flatMap((one) => Array.from({ length: i + 1 }, (_, at) => one.toSpliced(at, 0, i)));
  known.set(count, all);
  return all;
}
