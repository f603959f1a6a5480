import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { TargetBody, TargetView } from "../../../contract/target.ts";
import {
  isPushed,
  kindOf,
  PUSH_TYPES,
  peerOf,
  roomOf,
  TARGET_KINDS,
  type Target,
  type TargetType,
} from "../../../domain/target.ts";

/** One target of each kind. */
const ONE: { [Type in TargetType]: Extract<Target, { type: Type }> } = {
  pull: { type: "pull" },
  consumer: { type: "consumer" },
  handler: { type: "handler", name: "noop" },
  http: { type: "http", url: "https://API.test/hook", headers: {} },
  worker: { type: "worker", binding: "MAILER" },
  queue: { type: "queue", binding: "OUT" },
  service: { type: "service", service: "mailer", path: "/send" },
};

describe("each kind of target", () => {
  test.each(Object.values(ONE))("%o has its words in the contract", (target) => {
    expect(TargetBody.parse(target)).toEqual(target);
    expect(TargetView.parse(target)).toEqual(target);
  });

  test("is in the contract once, and nothing else is", () => {
    const types = (union: z.ZodDiscriminatedUnion) =>
      union.options.map((option) => (option as z.ZodObject<{ type: z.ZodLiteral<string> }>).shape.type.value);
    expect(types(TargetBody).sort()).toEqual(Object.keys(TARGET_KINDS).sort());
    expect(types(TargetView).sort()).toEqual(Object.keys(TARGET_KINDS).sort());
  });

  test.each<[TargetType, string, string | null, string | null]>([
    ["pull", "workers", null, null],
    ["consumer", "consumer", null, null],
    ["handler", "processor", "handler", null],
    ["http", "processor", "http", "host api.test:443"],
    ["worker", "processor", "http", "binding MAILER"],
    ["queue", "processor", "handler", null],
    ["service", "processor", "http", "service acme/mailer"],
  ])("%s is claimed by the %s, takes %s, and is counted under %s", (type, claimedBy, room, peer) => {
    const target = ONE[type];
    expect([kindOf(target)?.claimedBy, kindOf(target)?.room]).toEqual([claimedBy, room]);
    expect(isPushed(target)).toBe(claimedBy === "processor");
    if (isPushed(target)) expect(roomOf(target)).toBe(room);
    expect(peerOf(target, "acme")).toBe(peer);
  });

  test("whose jobs the processor claims is named to shards", () => {
    expect(PUSH_TYPES).toEqual(["handler", "http", "worker", "queue", "service"]);
  });

  test("may outlast an invocation where it reports by itself", () => {
    expect(kindOf(ONE.pull)?.reportsItself(ONE.pull)).toBe(true);
    expect(kindOf(ONE.http)?.reportsItself(ONE.http)).toBe(false);
    const async: Target = { ...ONE.http, async: true };
    expect(kindOf(async)?.reportsItself(async)).toBe(true);
    expect(kindOf(ONE.worker)?.reportsItself(ONE.worker)).toBe(false);
  });
});

test("a target of a later version is nobody's to claim, and holds no connection", () => {
  const later = { type: "toString" } as unknown as Target;
  expect([kindOf(later), isPushed(later), peerOf(later, "acme")]).toEqual([null, false, null]);
});
