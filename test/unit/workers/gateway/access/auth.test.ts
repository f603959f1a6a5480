import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { bearerToken, scopesOf } from "../../../../../workers/gateway/access/auth.ts";
import { BadKeys } from "../../../../../workers/gateway/access/rate-limit.ts";
import { AuthRig, bareToken, ROOM, ROOT_KEYS, START } from "../../../../rigs/auth-rig.ts";

const SECOND = 1000;
const MINUTE = 60_000;

afterEach(() => {
  vi.useRealTimers();
});

test.each<[string | undefined, string | null]>([
  [undefined, null],
  ["", null],
  ["Bearer abc", "abc"],
  ["bearer  abc ", "abc"],
  ["Basic abc", null],
  ["Bearer", null],
  ["Bearer a b", null],
])("the bearer token of %j is %j", (header, token) => {
  expect(bearerToken(header)).toBe(token);
});

test("the scope admin implies the others, apart from metrics", () => {
  expect([...scopesOf(["admin"])]).toEqual(["submit", "read", "work", "invoke", "admin"]);
  expect([...scopesOf(["metrics", "read"])]).toEqual(["read", "metrics"]);
});

describe("the root key", () => {
  test("is the one that is set, and the one before while that is set; D1 is not asked", async () => {
    const rig = new AuthRig();
    expect(await rig.who(ROOT_KEYS.current)).toBe("root");
    expect(await rig.who(ROOT_KEYS.previous)).toBe("root-previous");
    expect(await rig.who(`${ROOT_KEYS.current}x`)).toBeNull();
    expect(rig.lookUps).toBe(0);
  });
});

describe("garbage", () => {
  test("with a wrong seal costs no look-up, and takes nothing of anybody's budget", async () => {
    const rig = new AuthRig();
    const { token } = await rig.key();
    const taken = { take: () => false, giveBack: () => undefined };
    for (const end of ["0", "1", "f"]) {
      const forged = token.slice(0, -1) + end;
      if (forged !== token) expect(await rig.who(forged, taken)).toBeNull();
    }
    expect(rig.lookUps).toBe(0);
  });

  test("without a seal is counted by address before it is looked up: the 101st is refused without", async () => {
    const rig = new AuthRig();
    const badKeys = new BadKeys({ limit: async () => ({ success: true }) });
    const told: unknown[] = [];
    for (let i = 0; i < 120; i++) {
      const who = await rig.who(bareToken(i), badKeys.lookUps("203.0.113.9", rig.now));
      if (who === null) await badKeys.count("203.0.113.9", rig.now);
      told.push(who);
    }
    expect(told).toEqual([...Array(100).fill(null), ...Array(20).fill(429)]);
    expect(rig.lookUps).toBe(100);
    const elsewhere = badKeys.lookUps("203.0.113.10", rig.now);
    expect(await rig.who(bareToken(1000), elsewhere)).toBeNull();
  });

  test("of many requests at once is counted while it is looked up", async () => {
    const rig = new AuthRig();
    const budget = new BadKeys({ limit: async () => ({ success: true }) }).lookUps("203.0.113.9", rig.now);
    rig.database = "hangs";
    // No look-up is given up before all have come, however long that takes.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let refused = 0;
    const asked = Array.from({ length: 300 }, async (_, i) => {
      if ((await rig.who(bareToken(i), budget)) === 429) refused++;
    });
    while (refused < 200) await turn();
    expect(rig.lookUps).toBe(100);
    await vi.advanceTimersByTimeAsync(3 * SECOND);
    await Promise.all(asked);
    rig.database = "up";
    expect(await rig.who(bareToken(301), budget)).toBeNull();
  });

  test("is refused again for five seconds without a look-up", async () => {
    const rig = new AuthRig();
    for (let i = 0; i < 10; i++) expect(await rig.who(bareToken(1))).toBeNull();
    expect(rig.lookUps).toBe(1);
    rig.now += 5 * SECOND;
    await rig.who(bareToken(1));
    expect(rig.lookUps).toBe(2);
  });

  test("however much of it comes, pushes no good key out", async () => {
    const rig = new AuthRig();
    const { id, token } = await rig.key({ bare: true });
    await rig.who(token);
    for (let i = 0; i < 2 * ROOM; i++) await rig.who(bareToken(i));
    rig.database = "down";
    rig.now += 10 * SECOND;
    expect(await rig.who(token)).toBe(id);
  });
});

test("a key without a seal that was good before is looked up when its address has no look-up left", async () => {
  const rig = new AuthRig();
  const { id, token } = await rig.key({ bare: true });
  const spent = { take: () => false, giveBack: () => undefined };
  expect(await rig.who(token, spent)).toBe(429);
  expect(await rig.who(token)).toBe(id);
  rig.now += 5 * SECOND;
  expect(await rig.who(token, spent)).toBe(id);
});

test("a good key takes nothing of its address's budget", async () => {
  const rig = new AuthRig();
  const badKeys = new BadKeys({ limit: async () => ({ success: true }) });
  for (let i = 0; i < 150; i++) {
    const { id, token } = await rig.key({ bare: true });
    expect(await rig.who(token, badKeys.lookUps("203.0.113.9", rig.now))).toBe(id);
  }
});

describe("when D1 does not answer", () => {
  /** A key that was good just before D1 went away. */
  async function away(row: Parameters<AuthRig["key"]>[0] = {}) {
    const rig = new AuthRig();
    const { id, token } = await rig.key(row);
    expect(await rig.who(token)).toBe(id);
    rig.database = "down";
    return { rig, id, token };
  }

  test("a key that was good is believed for ten minutes while the Directory knows of no revocation", async () => {
    const { rig, id, token } = await away();
    for (const at of [5 * SECOND, 61 * SECOND, 9 * MINUTE]) {
      rig.now = START + at;
      expect([at, await rig.who(token)]).toEqual([at, id]);
    }
    rig.now = START + 10 * MINUTE + 5 * SECOND;
    expect(await rig.who(token)).toBe(503);
  });

  test("a key that was never seen cannot be judged", async () => {
    const { rig } = await away();
    expect(await rig.who((await rig.key()).token)).toBe(503);
  });

  test.each<[string, (id: string) => string]>([
    ["the key", (id) => id],
    ["the key that made it", () => "a".repeat(20)],
    ["the key that made that one", () => "b".repeat(20)],
  ])("it is refused within five seconds when %s was revoked, and stays so", async (_, named) => {
    const above = { parent: null, ancestors: ["b".repeat(20), "a".repeat(20)] };
    const { rig, id, token } = await away(above);
    rig.revoked = [{ namespace: "default", keyId: named(id) }];
    rig.now += 5 * SECOND;
    expect(await rig.who(token)).toBeNull();
    rig.directory = "down";
    rig.now += 5 * SECOND;
    expect(await rig.who(token)).toBe(503);
  });

  test("revocations of another namespace touch nobody's key", async () => {
    const { rig, id, token } = await away();
    rig.revoked = [{ namespace: "other", keyId: id }];
    rig.now += 5 * SECOND;
    expect(await rig.who(token)).toBe(id);
  });

  test.each<[string, (rig: AuthRig) => void]>([
    ["does not answer either", (rig) => Object.assign(rig, { directory: "down" })],
    ["has forgotten what was revoked since", (rig) => Object.assign(rig, { completeSince: START + SECOND })],
  ])("and the Directory %s, a key is believed for a minute", async (_, happens) => {
    const { rig, id, token } = await away();
    happens(rig);
    for (const at of [5 * SECOND, 56 * SECOND]) {
      rig.now = START + at;
      expect([at, await rig.who(token)]).toEqual([at, id]);
    }
    rig.now = START + MINUTE;
    expect(await rig.who(token)).toBe(503);
  });

  test("but hangs, that is the same after three seconds", async () => {
    const { rig, id, token } = await away();
    rig.database = "hangs";
    rig.now += 5 * SECOND;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let who: unknown = null;
    const asked = rig.who(token).then((answer) => {
      who = answer;
    });
    while (vi.getTimerCount() === 0) await turn();
    await vi.advanceTimersByTimeAsync(2.9 * SECOND);
    expect(who).toBeNull();
    await vi.advanceTimersByTimeAsync(0.1 * SECOND);
    await asked;
    expect(who).toBe(id);
  });

  test("the Directory is asked twice a second at most, however many keys there are", async () => {
    const { rig } = await away();
    rig.database = "up";
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => (await rig.key()).token));
    for (const token of tokens) await rig.who(token);
    rig.database = "down";
    rig.now += 5 * SECOND;
    for (const token of tokens) expect(await rig.who(token)).not.toBe(503);
    expect(rig.heard).toBe(1);
  });

  test("a clock that stepped back prolongs nothing", async () => {
    const { rig, token } = await away();
    rig.directory = "down";
    rig.now = START - 20 * MINUTE;
    expect(await rig.who(token)).toBe(503);
  });
});

test("what was forgotten is looked up again, with all that the key made", async () => {
  const rig = new AuthRig();
  const parent = await rig.key();
  const child = await rig.key({ parent: parent.id, ancestors: [parent.id] });
  for (const { id, token } of [parent, child]) expect(await rig.who(token)).toBe(id);
  expect((await rig.revoke(parent.id)).sort()).toEqual([parent.id, child.id].sort());
  expect(await rig.who(child.token)).toBe(child.id);
  rig.auth.forget({ namespace: "other", keyId: parent.id });
  expect(await rig.who(child.token)).toBe(child.id);
  rig.auth.forget({ namespace: "default", keyId: parent.id });
  for (const { token } of [parent, child]) expect(await rig.who(token)).toBeNull();
});

test("a key that ends while it is known is refused at that time", async () => {
  const rig = new AuthRig();
  const { id, token } = await rig.key({ expiresAt: START + SECOND });
  expect(await rig.who(token)).toBe(id);
  rig.now += SECOND;
  expect(await rig.who(token)).toBeNull();
});
