import { describe, expect, test } from "vitest";
import * as z from "zod";
import {
  conflict,
  isProblem,
  notFound,
  type Problem,
  type Result,
  unavailable,
} from "../../../../../contract/problems.ts";
import type { Change, Kind, ResourceKey, Stamp, Versioned } from "../../../../../workers/gateway/resources/kind.ts";
import { VersionedResource } from "../../../../../workers/gateway/resources/versioned-resource.ts";

const LampBody = z.strictObject({
  colour: z.enum(["red", "green"]).optional(),
  watts: z.int().max(100).optional(),
  paused: z.boolean().optional(),
});
type LampBody = z.output<typeof LampBody>;

interface Lamp extends Versioned {
  colour: string;
  watts: number;
}

const KEY: ResourceKey = { namespace: "n", name: "lamp" };

/** A kind whose database and shards do as a test says. */
class Lamps implements Kind<Lamp, LampBody, Lamp> {
  readonly what = "lamp";
  readonly body = LampBody;
  readonly pushStep = 2;
  readonly rows = new Map<string, Lamp>();
  /** What the shards have heard, in order. */
  readonly pushed: Lamp[][] = [];
  readonly spreads: Lamp[] = [];
  reads = 0;
  /** Happens after the n-th read, from 1. */
  afterRead: (read: number) => void = () => undefined;
  writeFails: "before" | "after" | null = null;
  shardsAreAway = false;

  notFound(name: string): Problem {
    return notFound.schedule(name);
  }

  async stored({ name }: ResourceKey): Promise<Result<Lamp | null>> {
    const row = this.rows.get(name) ?? null;
    this.reads += 1;
    this.afterRead(this.reads);
    return row;
  }

  async list(): Promise<Lamp[]> {
    return [...this.rows.values()];
  }

  changedSince(since: number) {
    return async ({ after, limit }: { after: ResourceKey | null; limit: number }) =>
      [...this.rows.values()]
        .filter(({ name, updatedAt }) => updatedAt >= since && (after === null || name > after.name))
        .slice(0, limit);
  }

  async write({ next }: Change<Lamp>): Promise<Result<boolean>> {
    if (this.writeFails === "before") return unavailable.database();
    if ((this.rows.get(next.name)?.version ?? 0) !== next.version - 1) return false;
    this.rows.set(next.name, next);
    return this.writeFails === "after" ? unavailable.database() : true;
  }

  bodyOf({ colour, watts, paused }: Lamp) {
    return { colour, watts, paused };
  }

  keeping(body: LampBody, { paused }: Lamp): LampBody {
    return { paused, ...body };
  }

  settings({ colour = "red", watts = 40, paused = false }: LampBody, stamp: Stamp): Lamp {
    return { ...stamp, deleted: false, colour, watts, paused };
  }

  async check({ next }: Change<Lamp>): Promise<Problem | null> {
    if (next.colour !== "green" || next.watts <= 50) return null;
    return conflict.of("invalid-state", "Green is dim.", [{ pointer: "/watts", detail: "must be 50 at most" }]);
  }

  remnant(lamp: Lamp): Lamp {
    return { ...lamp, watts: 0 };
  }

  async push(lamps: Lamp[]): Promise<Result<void>> {
    if (this.shardsAreAway) return unavailable.part();
    this.pushed.push(lamps);
  }

  async spread(lamp: Lamp): Promise<void> {
    this.spreads.push(lamp);
  }

  async views(lamps: Lamp[]): Promise<Lamp[]> {
    return lamps;
  }
}

function rig() {
  const kind = new Lamps();
  const pauses: number[] = [];
  const resource = new VersionedResource(kind, {
    pause: async (ms) => void pauses.push(ms),
    random: () => 0.5,
  });
  /** Somebody else's write, of the next version. */
  const other = (over: Partial<Lamp> = {}, name = KEY.name) => {
    const before = kind.rows.get(name);
    const stamp = { ...KEY, name, createdAt: 1, updatedAt: 1, deleted: false, paused: false, colour: "red", watts: 40 };
    kind.rows.set(name, { ...stamp, ...before, version: (before?.version ?? 0) + 1, ...over });
  };
  return { kind, pauses, resource, other };
}

const unconditional = { ifMatch: null, now: 1000 };

describe("a write", () => {
  test("is told to the shards before it is answered, and to this isolate after them", async () => {
    const { kind, resource } = rig();
    const answered = await resource.put(KEY, { watts: 20 }, unconditional);
    const lamp = {
      ...KEY,
      version: 1,
      createdAt: 1000,
      updatedAt: 1000,
      deleted: false,
      colour: "red",
      watts: 20,
      paused: false,
    };
    expect(answered).toEqual({ view: lamp, status: 201, etag: '"1"' });
    expect([kind.pushed, kind.spreads]).toEqual([[[lamp]], [lamp]]);
  });

  test("that is lost to another is made again from what the other has written", async () => {
    const { kind, pauses, resource, other } = rig();
    other({ watts: 10 });
    kind.afterRead = (read) => read <= 2 && other({ watts: 60 + read });
    const answered = await resource.patch(KEY, { colour: "red", paused: true }, unconditional);
    expect(answered).toMatchObject({ view: { watts: 62, paused: true, version: 4 }, status: 200 });
    expect([kind.reads, pauses]).toEqual([3, [25, 25]]);
    expect(kind.pushed).toHaveLength(1);
  });

  test("that is lost to another is checked against what the other has written", async () => {
    const { kind, resource, other } = rig();
    other({ watts: 10 });
    kind.afterRead = (read) => read === 1 && other({ watts: 60 });
    const refused = await resource.patch(KEY, { colour: "green" }, unconditional);
    expect(refused).toMatchObject({ code: "invalid-state", extras: { errors: [{ pointer: "" }] } });
    expect(kind.rows.get(KEY.name)).toMatchObject({ colour: "red", version: 2 });
  });

  test.each([
    ["put", (resource: Resource) => resource.put(KEY, {}, { ifMatch: '"1"', now: 1 })],
    ["patch", (resource: Resource) => resource.patch(KEY, {}, { ifMatch: '"1"', now: 1 })],
    ["remove", (resource: Resource) => resource.remove(KEY, { ifMatch: '"1"', now: 1 })],
  ])("that is lost to another is not made again over a version that the caller has not seen: %s", async (_, write) => {
    const { kind, resource, other } = rig();
    other();
    kind.afterRead = (read) => read === 1 && other({ watts: 99 });
    expect(await write(resource)).toMatchObject({
      code: "version-mismatch",
      detail: expect.stringMatching(/version 2/),
    });
    expect(kind.rows.get(KEY.name)).toMatchObject({ watts: 99, version: 2, deleted: false });
    expect(kind.pushed).toEqual([]);
  });

  test("of one that is deleted meanwhile finds nothing to patch, and a PUT makes it anew", async () => {
    const { kind, resource, other } = rig();
    other({ paused: true, watts: 7 });
    kind.afterRead = (read) => read === 1 && other({ deleted: true });
    expect(await resource.patch(KEY, { watts: 5 }, unconditional)).toMatchObject({ code: "schedule-not-found" });
    expect(await resource.put(KEY, {}, unconditional)).toMatchObject({
      view: { version: 3, createdAt: 1000, paused: false, watts: 40 },
      status: 201,
    });
  });

  test("that never gets through is given up", async () => {
    const { kind, pauses, resource, other } = rig();
    other();
    kind.afterRead = () => other();
    expect(await resource.put(KEY, {}, unconditional)).toMatchObject({
      code: "unavailable",
      detail: "The lamp is being changed by others.",
    });
    expect([pauses.length, kind.pushed]).toEqual([30, []]);
  });

  test("whose database fails is 503, and nothing is told", async () => {
    const { kind, resource } = rig();
    kind.writeFails = "before";
    expect(await resource.put(KEY, {}, unconditional)).toMatchObject({ code: "unavailable" });
    expect([kind.rows.size, kind.reads, kind.pushed, kind.spreads]).toEqual([0, 1, [], []]);
  });

  test("that was written though the database failed is told by the next push of what has changed", async () => {
    const { kind, resource } = rig();
    kind.writeFails = "after";
    expect(await resource.put(KEY, { watts: 3 }, unconditional)).toMatchObject({ code: "unavailable" });
    expect(kind.pushed).toEqual([]);
    kind.writeFails = null;
    expect(await resource.repush(1000)).toBeNull();
    expect(kind.pushed).toMatchObject([[{ watts: 3, version: 1 }]]);
    expect(await resource.put(KEY, { watts: 4 }, unconditional)).toMatchObject({ view: { version: 2 }, status: 200 });
  });

  test("that the shards do not hear of is 503, is not told to this isolate, and is told by the next push", async () => {
    const { kind, resource } = rig();
    kind.shardsAreAway = true;
    expect(await resource.put(KEY, {}, unconditional)).toMatchObject({ code: "unavailable" });
    expect([kind.rows.get(KEY.name)?.version, kind.spreads]).toEqual([1, []]);
    expect(await resource.repush(0)).toMatchObject({ code: "unavailable" });
    kind.shardsAreAway = false;
    expect(await resource.repush(0)).toBeNull();
    expect(kind.pushed).toMatchObject([[{ version: 1 }]]);
  });
});

type Resource = ReturnType<typeof rig>["resource"];

describe("a condition", () => {
  test("comes behind there being nothing, but where a PUT would make it", async () => {
    const { resource } = rig();
    const stale = { ifMatch: '"3"', now: 1 };
    expect(await resource.patch(KEY, {}, stale)).toMatchObject({ code: "schedule-not-found" });
    expect(await resource.remove(KEY, stale)).toMatchObject({ code: "schedule-not-found" });
    expect(await resource.put(KEY, {}, stale)).toMatchObject({ code: "version-mismatch" });
  });

  test("comes before what the body is refused for", async () => {
    const { resource, other } = rig();
    other();
    const stale = { ifMatch: '"3"', now: 1 };
    const body = { colour: "green", watts: 80 } as const;
    expect(await resource.put(KEY, body, stale)).toMatchObject({ code: "version-mismatch" });
    expect(await resource.put(KEY, body, unconditional)).toMatchObject({ code: "invalid-state" });
  });
});

describe("a deletion", () => {
  test("leaves what the kind leaves of it, under a version of its own", async () => {
    const { kind, resource, other } = rig();
    other({ watts: 30 });
    expect(await resource.remove(KEY, { ifMatch: '"1"', now: 5 })).toEqual({ view: null, status: 204 });
    expect(kind.rows.get(KEY.name)).toMatchObject({ deleted: true, watts: 0, version: 2, createdAt: 1, updatedAt: 5 });
    expect(kind.pushed).toMatchObject([[{ deleted: true, version: 2 }]]);
    expect(await resource.find(KEY)).toMatchObject({ code: "schedule-not-found" });
    expect(await resource.remove(KEY, unconditional)).toMatchObject({ code: "schedule-not-found" });
  });
});

describe("a pause", () => {
  test("is written once, and told every time", async () => {
    const { kind, resource, other } = rig();
    other();
    for (const paused of [true, true, false]) {
      expect(await resource.setPaused(KEY, paused, 9)).toMatchObject({ view: { paused } });
    }
    expect(kind.pushed.flat().map(({ version, paused }) => [version, paused])).toEqual([
      [2, true],
      [2, true],
      [3, false],
    ]);
  });

  test("of nothing is a 404", async () => {
    expect(await rig().resource.setPaused(KEY, true, 9)).toMatchObject({ code: "schedule-not-found" });
  });
});

test("what exists unwritten begins with its first change", async () => {
  const { kind, resource, other } = rig();
  other({ version: 0, createdAt: 0 });
  expect(await resource.setPaused(KEY, true, 77)).toMatchObject({ view: { version: 1, createdAt: 77 } });
  expect(await resource.patch(KEY, { watts: 1 }, { ifMatch: '"1"', now: 99 })).toMatchObject({
    view: { version: 2, createdAt: 77, updatedAt: 99 },
  });
  expect(kind.rows.size).toBe(1);
});

test("a name that cannot be one is looked for nowhere", async () => {
  const { kind, resource } = rig();
  const key = { ...KEY, name: "No Name" };
  expect(await resource.put(key, {}, unconditional)).toMatchObject({ code: "invalid-request" });
  for (const refused of [
    resource.get(key),
    resource.patch(key, {}, unconditional),
    resource.remove(key, unconditional),
  ]) {
    expect(await refused).toMatchObject({ code: "schedule-not-found" });
  }
  expect(kind.reads).toBe(0);
});

describe("a push of what has changed", () => {
  function five() {
    const made = rig();
    for (const [i, name] of ["a", "b", "c", "d", "e"].entries()) {
      made.other({ name, updatedAt: i, deleted: name === "c" }, name);
    }
    return made;
  }
  const names = (kind: Lamps) => kind.pushed.map((lamps) => lamps.map(({ name }) => name).join(""));

  test("goes through all of it in bounded steps, deletions too", async () => {
    const { kind, resource } = five();
    expect(isProblem(await resource.repush(1))).toBe(false);
    expect(names(kind)).toEqual(["bc", "de"]);
  });

  test("ends when its time is over, and goes on from there", async () => {
    const { kind, resource } = five();
    let steps = 0;
    const reached = await resource.repush(0, { from: null, goOn: () => ++steps < 3 });
    expect(names(kind)).toEqual(["ab", "cd"]);
    if (isProblem(reached) || reached === null) throw new Error("it says where it has come to");
    expect(reached.name).toBe("d");
    expect(await resource.repush(0, { from: reached, goOn: () => true })).toBeNull();
    expect(names(kind)).toEqual(["ab", "cd", "e"]);
  });

  test("that may make no page stays where it was", async () => {
    const { kind, resource } = five();
    const from = { namespace: "n", name: "b" };
    expect(await resource.repush(0, { from, goOn: () => false })).toEqual(from);
    expect(names(kind)).toEqual([]);
  });

  test("of nothing tells nobody", async () => {
    const { kind, resource } = five();
    await resource.repush(100);
    expect(kind.pushed).toEqual([]);
  });
});
