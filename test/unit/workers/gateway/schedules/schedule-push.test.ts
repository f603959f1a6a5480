import { describe, expect, test } from "vitest";
import type { Result } from "../../../../../contract/problems.ts";
import type { SchedulePush, ShardApi } from "../../../../../contract/rpc.ts";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { assignedSlot, type ScheduleSettings } from "../../../../../domain/schedule.ts";
import { initialMap, ownerOf, type SlotMap } from "../../../../../domain/slots.ts";
import { pushSchedules } from "../../../../../workers/gateway/schedules/schedule-push.ts";
import { ShardsRig } from "../../../../rigs/gateway-parts.ts";
import { RigCore } from "../../../../rigs/rig-core.ts";
import { scheduleOf } from "../../../../rigs/schedule-harness.ts";
import { CALL, MINUTE, START, settingsOf } from "../../../../rigs/shard-harness.ts";
import { openSql } from "../../../../simulation/node-sqlite.ts";

/** Real shards behind the gateway's client, on one clock. */
class Cluster {
  readonly map = initialMap(4);
  readonly cores = new Map<string, RigCore>();
  /** What was said, in order: the shard, and whether it was told to run. */
  readonly said: string[] = [];
  readonly down = new Set<string>();
  queue: QueueSettings = settingsOf({ partitions: 64 });
  /** What the gateway believes at first. */
  believed: SlotMap;
  readonly rig = new ShardsRig({ shard: (id) => this.#shard(id), map: () => this.believed, startAt: START });

  constructor(believed?: SlotMap) {
    this.believed = believed ?? this.map;
    for (const { id } of this.map.shards) {
      const core = new RigCore(id, {
        sql: openSql(),
        now: () => this.rig.now,
        random: () => 0.5,
        setAlarm: () => undefined,
        ring: () => undefined,
      });
      core.adopt(this.map);
      this.cores.set(id, core);
    }
  }

  #shard(id: string): Partial<ShardApi> {
    const configureSchedules = async (request: { schedules: SchedulePush[] }) => {
      if (this.down.has(id)) throw new Error(`${id} is down`);
      for (const { own } of request.schedules) this.said.push(`${id} ${own === null ? "stop" : "run"}`);
      const core = this.#core(id);
      return core.reply(core.configureSchedules({ ...CALL, ...request }));
    };
    return { configureSchedules };
  }

  #core(id: string): RigCore {
    const core = this.cores.get(id);
    if (core === undefined) throw new Error(`no shard ${id}`);
    return core;
  }

  async tell(settings: ScheduleSettings): Promise<Result<void>> {
    return pushSchedules(
      this.rig.client,
      async () => new Map([[`${this.queue.namespace}/${this.queue.name}`, this.queue]]),
      [settings],
    );
  }

  async push(settings: ScheduleSettings): Promise<void> {
    expect(await this.tell(settings)).toBeUndefined();
  }

  ownerOf(settings: ScheduleSettings): string {
    return ownerOf(this.map, assignedSlot(settings, this.queue).slot);
  }

  pass(ms: number): void {
    for (const end = this.rig.now + ms; this.rig.now < end; ) {
      this.rig.now = Math.min(end, this.rig.now + MINUTE);
      for (const core of this.cores.values()) core.alarm();
    }
  }

  running(): string[] {
    const ask = { ...CALL, namespace: "default", names: ["nightly"] };
    return [...this.cores].filter(([, core]) => core.scheduleStates(ask).some(({ runs }) => runs)).map(([id]) => id);
  }

  /** Instants that made a job anywhere, in minutes after the start. */
  fired(): number[] {
    const ask = { ...CALL, namespace: "default", name: "nightly", before: null, limit: 100 };
    const fires = [...this.cores.values()].flatMap((core) => core.fires(ask));
    return fires.map(({ scheduledAt }) => (scheduledAt - START) / MINUTE).sort((a, b) => a - b);
  }
}

function keyed(orderingKey: string, over: Partial<ScheduleSettings> = {}): ScheduleSettings {
  return scheduleOf({ job: { ...scheduleOf().job, orderingKey }, catchUpWindowMs: 10 * MINUTE, ...over });
}

/** Two ordering keys whose places are on different shards. */
function apart(cluster: Cluster): [string, string] {
  const first = cluster.ownerOf(keyed("k0"));
  const other = Array.from({ length: 100 }, (_, n) => `k${n}`).find((key) => cluster.ownerOf(keyed(key)) !== first);
  return ["k0", other ?? "none"];
}

describe("a push", () => {
  test("stops a schedule everywhere else before it starts it at its owner", async () => {
    const cluster = new Cluster();
    await cluster.push(keyed("k0"));
    const owner = cluster.ownerOf(keyed("k0"));
    expect(cluster.said.at(-1)).toBe(`${owner} run`);
    expect(cluster.said.slice(0, -1).sort()).toEqual(
      cluster.map.shards.filter(({ id }) => id !== owner).map(({ id }) => `${id} stop`),
    );
    expect(cluster.running()).toEqual([owner]);
  });

  test("that moves it hands over how far it is", async () => {
    const cluster = new Cluster();
    const [here, there] = apart(cluster);
    await cluster.push(keyed(here));
    cluster.pass(3 * MINUTE);
    // An instant comes due, and before the old owner's alarm the schedule moves.
    cluster.rig.now += MINUTE;
    await cluster.push(keyed(there, { version: 2, updatedAt: cluster.rig.now }));
    cluster.pass(2 * MINUTE);
    expect(cluster.fired()).toEqual([1, 2, 3, 4, 5, 6]);
    await cluster.push(keyed(here, { version: 3, updatedAt: cluster.rig.now }));
    cluster.pass(2 * MINUTE);
    expect(cluster.fired()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(cluster.running()).toEqual([cluster.ownerOf(keyed(here))]);
  });

  test("does not start it while a former owner may still run it", async () => {
    const cluster = new Cluster();
    const [here, there] = apart(cluster);
    await cluster.push(keyed(here));
    cluster.down.add(cluster.ownerOf(keyed(here)));
    expect(await cluster.tell(keyed(there, { version: 2 }))).toMatchObject({ code: "unavailable" });
    expect(cluster.running()).toEqual([cluster.ownerOf(keyed(here))]);
    cluster.pass(2 * MINUTE);
    cluster.down.clear();
    await cluster.push(keyed(there, { version: 2 }));
    cluster.pass(2 * MINUTE);
    expect(cluster.fired()).toEqual([1, 2, 3, 4]);
  });

  test("that comes late changes nothing, whichever half of it is late", async () => {
    const cluster = new Cluster();
    const [here, there] = apart(cluster);
    await cluster.push(keyed(there, { version: 2 }));
    await cluster.push(keyed(here, { version: 1 }));
    expect(cluster.running()).toEqual([cluster.ownerOf(keyed(there))]);
  });

  test("planned by an old map is planned again by the new one", async () => {
    const map = initialMap(4);
    const turned = { epoch: 0, shards: map.shards.map(({ id }, i) => ({ id, slots: map.shards[3 - i]?.slots ?? [] })) };
    const cluster = new Cluster(turned);
    await cluster.rig.client.map();
    cluster.believed = map;
    await cluster.push(keyed("k0"));
    expect(cluster.running()).toEqual([cluster.ownerOf(keyed("k0"))]);
  });

  test("of a deleted schedule stops it everywhere", async () => {
    const cluster = new Cluster();
    await cluster.push(keyed("k0"));
    await cluster.push(keyed("k0", { version: 2, deleted: true }));
    expect(cluster.running()).toEqual([]);
    expect(cluster.said.slice(-4).every((word) => word.endsWith("stop"))).toBe(true);
  });
});
