import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GatewayRig, requestOf } from "../../../../../rigs/gateway-rig.ts";

/** workerd's stream of bytes, which Node has under another name. */
beforeEach(() => vi.stubGlobal("IdentityTransformStream", TransformStream));
afterEach(() => vi.unstubAllGlobals());

async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) {
    await pause(20);
    collect();
  }
}

/** A claim that waits: its request, as long as anything holds it, and the body of its answer, which is under way. */
async function waitingClaim(rig: GatewayRig): Promise<{ request: WeakRef<Request>; body: Response["body"] }> {
  const request = requestOf("POST", "/v1/queues/q/claim", { max: 1, wait: 30 });
  const { status, body } = await rig.send(request);
  expect(status).toBe(200);
  return { request: new WeakRef(request), body };
}

test("thousands of claims may wait, and none holds its request for as long", async () => {
  const rig = new GatewayRig({ target: { type: "pull" } });
  const { request, body } = await waitingClaim(rig);
  await collectGarbage();
  expect(request.deref()).toBeUndefined();
  await body?.cancel();
});
