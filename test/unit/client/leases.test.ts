import { expect, test } from "vitest";
import { Dure, type ProgressUpdate } from "../../../client/src/index.ts";
import { fakeServer } from "../../rigs/client-fakes.ts";

const EXTENDED = { body: { leaseExpiresAt: "2026-12-01T00:00:00Z", cancelled: false } };

test.each<[[leaseSeconds: number | undefined, update?: ProgressUpdate], unknown]>([
  [[30], { leaseSeconds: 30 }],
  [[undefined, { percent: 5 }], { progress: { percent: 5 } }],
  [[60, { message: "m", checkpoint: [1] }], { leaseSeconds: 60, progress: { message: "m" }, checkpoint: [1] }],
  [[60, { checkpoint: null }], { leaseSeconds: 60, checkpoint: null }],
])("extend(lease, ...%j) sends %j", async (args, body) => {
  const { fetch, seen } = fakeServer(() => EXTENDED);
  const dure = new Dure({ url: "http://dure", key: "k", fetch });
  await dure.leases.extend("lease_x", ...args);
  expect(seen[0]?.path).toBe("/v1/leases/extend");
  expect(seen[0]?.body).toEqual({ lease: "lease_x", ...Object(body) });
});
