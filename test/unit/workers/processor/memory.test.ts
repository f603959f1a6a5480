import { describe, expect, test } from "vitest";
import { Memory } from "../../../../workers/processor/memory.ts";
import { runWorkLoop } from "../../../../workers/processor/work-loop.ts";
import { item, ScriptedShard } from "../../../rigs/scripted-shard.ts";

const MIB = 1024 * 1024;

describe("the memory of an isolate", () => {
  test("is given to claims as long as there is some, and comes back", () => {
    const memory = new Memory(30 * MIB);
    const reserve = (over = {}) => memory.reserve({ little: false, atLeastSome: false, ...over });
    expect([reserve(), reserve(), reserve()]).toEqual([26 * MIB, 4 * MIB, 0]);
    expect(reserve({ atLeastSome: true })).toBe(2 * MIB);
    memory.giveBack(28 * MIB);
    memory.hold(MIB);
    expect(memory.used).toBe(6 * MIB);
    expect(reserve({ little: true })).toBe(2 * MIB);
    expect(reserve()).toBe(22 * MIB);
  });

  test("two loops in one isolate claim no more together than there is, and all of it is free when they end", async () => {
    const memory = new Memory(8 * MIB);
    const payload = "x".repeat(MIB);
    const shards = [new ScriptedShard(), new ScriptedShard()] as const;
    const other = new ScriptedShard(shards[0].clock);
    let most = 0;
    const loops = [shards[0], other].map((shard) => {
      shard.backlog = Array.from({ length: 10 }, (_, i) => item(i, { payload }));
      shard.runMs = () => 100;
      const ports = shard.ports();
      const work: typeof ports.work = (request) => {
        most = Math.max(most, memory.used);
        expect(request.room.handler === 0 || (request.bytes ?? 0) >= MIB).toBe(true);
        return ports.work(request);
      };
      return runWorkLoop({ ...ports, work }, shard.options({ memory }));
    });
    await shards[0].until(Promise.all(loops).then(() => undefined));
    expect(memory.used).toBe(0);
    expect(most).toBeGreaterThan(0);
    expect([shards[0].reported.size, other.reported.size]).toEqual([10, 10]);
  });

  test("with nothing left a loop with jobs in hand takes no more, and says so to the shard", async () => {
    const memory = new Memory(4 * MIB);
    const shard = new ScriptedShard();
    shard.backlog = [item(1, { payload: "x".repeat(2 * MIB) }), item(2)];
    shard.runMs = ({ id }) => (id === "job-1" ? 500 : 10);
    await shard.until(runWorkLoop(shard.ports(), shard.options({ memory })));
    expect(shard.calls.map(({ request }) => request.room.handler > 0)).toEqual([true, false, true]);
    expect(memory.used).toBe(0);
  });
});
