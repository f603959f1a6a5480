import { Session } from "node:inspector";

/** Calls of the engine's that go over elements or characters: what is counted of each is how many. */
type Lengths = (
  self: { length: number },
  args: { length?: number }[],
  result: { length?: number },
) => number | undefined;

const bySelf: Lengths = (self) => self.length;
const byFirst: Lengths = (_, [first]) => first?.length;
const byResult: Lengths = (_, __, result) => result.length;

const TYPED = Object.getPrototypeOf(Uint8Array.prototype) as object;
const NATIVE: [owner: object, name: string, lengths: Lengths][] = [
  [Array.prototype, "concat", byResult],
  [Array.prototype, "join", bySelf],
  [Array.prototype, "slice", byResult],
  [Array.prototype, "sort", bySelf],
  [Array.prototype, "splice", byResult],
  [Array.prototype, "toSorted", bySelf],
  [TYPED, "fill", bySelf],
  [TYPED, "set", byFirst],
  [TYPED, "slice", byResult],
  [TYPED, "sort", bySelf],
  [JSON, "parse", byFirst],
  [JSON, "stringify", byResult],
  [TextEncoder.prototype, "encode", byResult],
  [TextDecoder.prototype, "decode", byResult],
];

/** From the moment on at which this file is loaded: what was compiled before would be counted by the call alone, and not by its blocks. */
const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

/** The project's code that is counted. */
const COUNTED = /\/(domain|contract)\//;

/**
 * How much work a call is, which is the same on every machine: how often each block of rules and contract ran, by V8's precise coverage,
 * and over how many elements and characters the engine went for it. Searches by regular expressions are not seen. What is asked for has
 * not run before this file is loaded.
 */
export function workOf(call: () => void): number {
  blocksRun();
  const native = new NativeWork();
  try {
    call();
  } finally {
    native.end();
  }
  const blocks = blocksRun();
  if (blocks === 0) throw new Error("nothing of the project ran");
  return blocks + native.elements;
}

/** How many there were since it was last asked. */
function blocksRun(): number {
  let blocks = 0;
  session.post("Profiler.takePreciseCoverage", (_, { result }) => {
    for (const { functions } of result.filter(({ url }) => COUNTED.test(url))) {
      for (const { count } of functions.flatMap(({ ranges }) => ranges)) blocks += count;
    }
  });
  return blocks;
}

/** Counts from its beginning to its end. */
class NativeWork {
  elements = 0;
  readonly #restore: (() => void)[] = [];

  constructor() {
    for (const [owner, name, lengths] of NATIVE) {
      const known = Object.getOwnPropertyDescriptor(owner, name) as PropertyDescriptor;
      const called = known.value as (...args: unknown[]) => object;
      const count = (self: unknown, args: unknown[], result: unknown) => {
        this.elements += lengths(Object(self), args as [], Object(result)) ?? 0;
      };
      const counted = function (this: unknown, ...args: unknown[]) {
        const result = called.apply(this, args);
        count(this, args, result);
        return result;
      };
      Object.defineProperty(owner, name, { ...known, value: counted });
      this.#restore.push(() => Object.defineProperty(owner, name, known));
    }
  }

  end(): void {
    for (const restore of this.#restore) restore();
  }
}
