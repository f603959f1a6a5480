import { afterEach, expect, test } from "vitest";
import type { SubmitRequest } from "../../contract/rpc.ts";
import { CALL, Harness, HOUR, SECOND, START } from "../rigs/shard-harness.ts";
import { probe } from "./checks.ts";
import { Clock } from "./clock.ts";
import { type Fault, Faults } from "./faults.ts";
import { NONE } from "./mutant.ts";
import { Random } from "./random.ts";
import { type Execution, ShardHost } from "./shard-host.ts";
import { Simulation } from "./simulation.ts";

/** What a host makes of faults, in a world in which nothing happens but what a test says. */

/** Faults that come when they are asked for, and then no more. */
class Chosen extends Faults {
  readonly next = new Set<Fault>();

  override hit(kind: Fault): boolean {
    return this.next.delete(kind);
  }

  override get active(): boolean {
    return true;
  }
}

const faults = new Chosen(new Random(1));
const jobs = new Harness({ target: { type: "pull" } });
let threw: string[] = [];
let sim: Simulation | null = null;
let host: ShardHost | null = null;

afterEach(() => {
  faults.next.clear();
  threw = [];
  if (sim === null) host?.close();
  else sim.close();
  host = null;
  sim = null;
});

function makeHost(clock = new Clock(START)): ShardHost {
  host = new ShardHost("shard-0", {
    clock,
    faults,
    random: new Random(1),
    mutant: NONE,
    shards: 1,
    queues: [jobs.queue],
    send: () => undefined,
    trace: () => undefined,
    deliver: () => undefined,
    committed: () => undefined,
    crashed: () => undefined,
    threw: (_, name, error) => threw.push(`${name} ${String(error)}`),
  });
  return host;
}

function submit(to: ShardHost, delayMs: number): Execution<unknown> {
  const request: SubmitRequest = { ...CALL, queues: [jobs.queue], jobs: [jobs.job({ delayMs })], atomic: false };
  return to.execute("submit", request, (core) => core.submit(structuredClone(request)));
}

test("what a process throws after its death is no fault of the code, and what it throws while it lives is", () => {
  const live = makeHost();
  expect(submit(live, HOUR).type).toBe("done");
  const throwsAnother = (core: { engine: { sql: { all(query: string): unknown } } }) => {
    for (let i = 0; i < 100; i++) {
      try {
        core.engine.sql.all("SELECT 1");
      } catch {
        break;
      }
    }
    throw new Error("another");
  };
  faults.next.add("shard.crash-mid");
  expect(live.execute("purge", null, throwsAnother)).toEqual({ type: "crashed", committed: false });
  expect(threw).toEqual([]);
  expect(live.execute("purge", null, throwsAnother)).toEqual({ type: "crashed", committed: false });
  expect(threw).toEqual(["purge Error: another"]);
});

test("an object that has started anew may be late with a job over which its predecessor threw, and with no other", async () => {
  const clock = new Clock(START);
  const live = makeHost(clock);
  submit(live, SECOND);
  faults.next.add("job.throws");
  live.execute("stats", null, () => undefined);
  expect(live.wasPlanted.size).toBe(1);
  await clock.run(START + 61 * SECOND);
  const world = new Simulation(1, NONE);
  sim = world;
  for (const other of world.hosts.values()) other.close();
  world.hosts.clear();
  world.hosts.set(live.name, live);
  const found = () => {
    world.violations.list.length = 0;
    probe(world);
    return world.violations.list.map(({ detail }) => detail).filter((detail) => detail.includes("deadline-has-alarm"));
  };
  faults.next.add("shard.crash-after");
  live.execute("stats", null, () => undefined);
  await clock.run(START + 62 * SECOND);
  expect(live.overdue(60 * SECOND)).toHaveLength(1);
  expect(found()).toEqual([]);
  live.wasPlanted.clear();
  expect(found()).toHaveLength(1);
});
