import { describe, expect, test } from "vitest";
import { scriptedClient } from "../../rigs/client-fakes.ts";

const operation = (state: string) => ({ status: 200, body: { id: "op_1", state } });

describe("operations", () => {
  test.each([
    [undefined, 1],
    ["key", 2],
  ])("are started, with idempotency key %s: a lost answer is followed by %i calls", async (idempotencyKey, calls) => {
    const { dure, clock, seen } = scriptedClient((_, call) => (call === 1 ? "no-answer" : operation("running")));
    const options = idempotencyKey === undefined ? {} : { idempotencyKey };
    const started = dure.operations.start({ action: "retry" }, options).catch(() => "lost");
    await clock.advance(60_000);
    expect(seen).toHaveLength(calls);
    expect(await started).toEqual(calls === 1 ? "lost" : { id: "op_1", state: "running" });
    expect(seen[0]).toMatchObject({ method: "POST", path: "/v1/operations", body: { action: "retry" } });
    if (idempotencyKey !== undefined) expect(seen[0]?.headers).toMatchObject({ "idempotency-key": idempotencyKey });
  });

  test("are waited for, with looks that grow rarer", async () => {
    const { dure, clock, seen } = scriptedClient((_, call) => operation(call < 6 ? "running" : "done"));
    const waited = dure.operations.wait("op_1");
    await clock.advance(500 + 1000 + 2000 + 4000);
    expect(seen).toHaveLength(5);
    await clock.advance(5000);
    expect(await waited).toEqual({ id: "op_1", state: "done" });
    expect(seen.every(({ path }) => path === "/v1/operations/op_1")).toBe(true);
  });

  test("are told as they are when the wait ends", async () => {
    const { dure, clock } = scriptedClient(() => operation("running"));
    const waited = dure.operations.wait("op_1", { timeoutSeconds: 3 });
    await clock.advance(3000);
    expect(await waited).toMatchObject({ state: "running" });
  });

  test("are listed by page", async () => {
    const { dure, seen } = scriptedClient(() => ({ status: 200, body: { items: [], nextCursor: null } }));
    expect(await dure.operations.list({ limit: 5, cursor: "c" })).toEqual({ items: [], nextCursor: null });
    expect(seen[0]?.path).toBe("/v1/operations?limit=5&cursor=c");
  });
});
