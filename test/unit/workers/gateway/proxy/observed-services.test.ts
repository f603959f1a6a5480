import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import type { ServiceObserveReply, ServiceObserveRequest } from "../../../../../contract/rpc/service.ts";
import type { ServiceSettings } from "../../../../../domain/service/settings.ts";
import { ObservedServices } from "../../../../../workers/gateway/proxy/observed-services.ts";
import { serviceReply, serviceSettings } from "../../../../rigs/service-parts.ts";

type Answer = ServiceObserveReply | "away" | "silent";

/** An object of a service that answers so, and D1 with these settings. */
function rig(answer: () => Answer = () => serviceReply(), settings: ServiceSettings | null = serviceSettings()) {
  const asked: ServiceObserveRequest[] = [];
  const calls = { found: 0, configured: 0, objects: 0 };
  const later: Promise<unknown>[] = [];
  const services = new ObservedServices({
    holder: "isolate-1",
    now: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    find: async () => {
      calls.found++;
      return settings;
    },
    object: () => {
      calls.objects++;
      return {
        configure: async () => {
          calls.configured++;
          return null;
        },
        observe: async (request) => {
          asked.push(request);
          const reply = answer();
          if (reply === "away") throw new Error("the object is away");
          return reply === "silent" ? new Promise(() => undefined) : reply;
        },
      };
    },
  });
  const get = () => services.get("default", "mailer", (work) => void later.push(work));
  const got = async () => {
    const [observed] = await Promise.all([get(), vi.advanceTimersByTimeAsync(5_000)]);
    if (isProblem(observed)) throw new Error(observed.code);
    return observed;
  };
  return { services, asked, calls, later, get, got };
}

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => vi.useRealTimers());
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe("a service that this isolate does not know", () => {
  test("is looked up in D1, and its object asked once", async () => {
    const { get, asked, calls } = rig();
    const observed = await get();
    expect(isProblem(observed)).toBe(false);
    expect(calls).toEqual({ found: 1, configured: 0, objects: 1 });
    expect(asked).toEqual([{ v: expect.any(Number), holder: "isolate-1", wants: 1, wantsProbes: 1, reports: [] }]);
  });

  test.each([
    ["that is not there", null],
    ["that was deleted", serviceSettings({ deleted: true })],
  ])("one %s is a 404, and no object is made for its name", async (_what, settings) => {
    const { get, calls } = rig(undefined, settings);
    expect(await get()).toMatchObject({ code: "service-not-found" });
    expect(calls.objects).toBe(0);
  });

  test("an object that has not heard of it is told", async () => {
    const answers: Answer[] = [{ type: "unknown" }, serviceReply()];
    const { got, calls } = rig(() => answers.shift() ?? "away");
    expect((await got()).service.settings.name).toBe("mailer");
    expect(calls.configured).toBe(1);
  });

  test.each(["away", "silent"] as const)(
    "while the object is %s all instances are taken to be well",
    async (answer) => {
      const { got } = rig(() => answer);
      const { service } = await got();
      expect(service.verdict(Date.now()).type).toBe("pass");
      expect(service.choose({ key: null, tried: new Set(), random: () => 0 }, Date.now())).not.toBeNull();
    },
  );

  test("many requests at once ask once", async () => {
    const { get, asked, calls } = rig();
    const all = Promise.all(Array.from({ length: 20 }, get));
    await pass(200);
    expect((await all).some(isProblem)).toBe(false);
    expect([asked.length, calls.found]).toEqual([1, 1]);
  });
});

describe("a service that it knows", () => {
  test("costs no call within a second", async () => {
    const { get, asked } = rig();
    await get();
    await pass(999);
    for (let i = 0; i < 100; i++) await get();
    expect(asked).toHaveLength(1);
  });

  test("from then on is asked for beside the request, by one of many", async () => {
    const { get, asked, later } = rig();
    await get();
    await pass(1_000);
    await Promise.all([get(), get(), get()]);
    expect([asked.length, later.length]).toEqual([2, 1]);
  });

  test("is no older than two seconds when it is used, as long as the object answers", async () => {
    const { get, got } = rig();
    await get();
    await pass(10_000);
    const observed = await get();
    if (isProblem(observed)) throw new Error(observed.code);
    expect(observed.service.ageMs(Date.now())).toBe(0);
    await pass(60_000);
    expect((await got()).service.ageMs(Date.now())).toBeLessThanOrEqual(5_000);
  });

  test.each(["away", "silent"] as const)(
    "is used as it was while the object is %s, after half a second at most",
    async (broken) => {
      let answer: Answer = serviceReply();
      const { get } = rig(() => answer);
      await get();
      answer = broken;
      await pass(60_000);
      const began = Date.now();
      const observed = get();
      await pass(600);
      expect(isProblem(await observed)).toBe(false);
      expect(Date.now() - began).toBe(600);
    },
  );

  test("what did not reach the object is told later", async () => {
    let answer: Answer = serviceReply();
    const { get, asked } = rig(() => answer);
    const observed = await get();
    if (isProblem(observed)) throw new Error(observed.code);
    const attempt = observed.service.begin("https://a.example.com", { ms: 1_000, probe: null }, Date.now());
    attempt.note({ ok: false, ms: null }, Date.now());
    answer = "away";
    await pass(3_000);
    await get();
    answer = serviceReply();
    await pass(3_000);
    await get();
    expect(asked.at(-1)?.reports).toMatchObject([{ url: "https://a.example.com", failed: 1 }]);
  });

  test("is looked for anew when its object knows it no more", async () => {
    let answer: Answer = serviceReply();
    const { get, calls } = rig(() => answer, serviceSettings());
    await get();
    answer = { type: "unknown" };
    await pass(3_000);
    const observed = get();
    await pass(3_000);
    expect(isProblem(await observed)).toBe(false);
    expect(calls.found).toBe(2);
    expect(calls.configured).toBe(1);
  });

  test("tells the object of the last requests too, once they have ended, by one of them", async () => {
    const { services, get, asked, later } = rig();
    const observed = await get();
    if (isProblem(observed)) throw new Error(observed.code);
    const attempt = observed.service.begin("https://a.example.com", { ms: 1_000, probe: null }, Date.now());
    attempt.note({ ok: true, ms: 5 }, Date.now());
    for (let i = 0; i < 10; i++) services.ended(observed, (work) => void later.push(work));
    expect(later).toHaveLength(1);
    await pass(1_100);
    expect(asked).toHaveLength(2);
    expect(asked[1]?.reports).toHaveLength(1);
  });
});

describe("more services than an isolate knows", () => {
  const OTHERS = Array.from({ length: 1_000 }, (_, i) => `other-${i}`);

  async function useOthers({ services }: ReturnType<typeof rig>): Promise<void> {
    for (const name of OTHERS) await services.get("neighbour", name, () => undefined);
  }

  test("the one that was used longest ago goes", async () => {
    const made = rig();
    const mailer = await made.got();
    await made.services.get("default", "unused", () => undefined);
    for (const name of OTHERS) {
      await made.services.get("neighbour", name, () => undefined);
      await made.get();
    }
    expect(made.services.isKnown(mailer)).toBe(true);
    await useOthers(made);
    expect(made.services.isKnown(mailer)).toBe(false);
  });

  test("one with a request under way, or in its line, stays", async () => {
    for (const use of ["attempt", "line"] as const) {
      const made = rig();
      const mailer = await made.got();
      const { service, room } = mailer;
      const [instance] = service.settings.instances;
      const gone = new AbortController();
      const attempt =
        use === "attempt" ? service.begin(instance?.url ?? "", { ms: 60_000, probe: null }, Date.now()) : null;
      if (use === "line") void room.enter({ maxWaiting: 1, patienceMs: 60_000, gone: gone.signal, take: () => null });
      await useOthers(made);
      expect(made.services.isKnown(mailer), use).toBe(true);
      attempt?.end();
      gone.abort();
      await useOthers(made);
      await made.services.get("neighbour", "one more", () => undefined);
      expect(made.services.isKnown(mailer), use).toBe(false);
    }
  });

  test("where each has requests under way the oldest goes", async () => {
    const { services, calls, got } = rig();
    const use = async (name: string) => {
      const observed = await services.get("neighbour", name, () => undefined);
      if (isProblem(observed)) throw new Error(observed.code);
      observed.service.begin("https://a.example", { ms: 60_000, probe: null }, Date.now());
    };
    for (const name of OTHERS) await use(name);
    await got();
    const found = calls.found;
    for (const name of OTHERS.slice(1)) await use(name);
    expect(calls.found).toBe(found);
    await use("other-0");
    expect(calls.found).toBe(found + 1);
  });
});
