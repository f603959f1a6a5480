import { describe, expect, test } from "vitest";
import { BatchBody } from "../../../../contract/batch.ts";
import { REQUESTS } from "../../../../contract/components.ts";
import { readJson } from "../../../../contract/read-json.ts";
import { textMembersOf } from "../../../../contract/text-members.ts";
import { canonicalText } from "../../../../domain/json/canonical.ts";
import { mergePatchText } from "../../../../domain/merge-patch.ts";
import { lane } from "../../../lane.ts";
import { LARGE_BROKEN, LARGE_TEXTS } from "../../../rigs/large-texts.ts";
import { workOf } from "../../../rigs/work-counter.ts";

/** The second is four times the first, and so may the work be, with a little more for sorting, and for arrays that grow by leaps. */
const SIZES = [12 * 1024, 48 * 1024] as const;
const MOST = 6;

const SUBMIT = textMembersOf(REQUESTS.SubmitRequest);
const BATCH = textMembersOf(BatchBody);

/** V8 loses counts once in a thousand times, of the smaller text too: what looks like too much is counted again. */
const TRIES = 3;

function expectLinear(work: (bytes: number) => () => void): void {
  const growth = () => {
    const [small, large] = SIZES.map((bytes) => {
      const call = work(bytes);
      call();
      return workOf(call);
    });
    return (large ?? 0) / (small ?? 1);
  };
  let least = growth();
  for (let tries = 1; least >= MOST && tries < TRIES; tries++) least = Math.min(least, growth());
  expect(least).toBeLessThan(MOST);
}

/** To count takes a second a text: each comes in one run out of so many, in a campaign always. */
const PARTS = 3;
const WHOLE = lane.turn(Object.entries(LARGE_TEXTS), PARTS);
const ALL = lane.turn(Object.entries({ ...LARGE_TEXTS, ...LARGE_BROKEN }), PARTS);

describe("the work for a text grows with its length alone", () => {
  test.each(ALL)("to read a body that has it as payload: %s", (_, text) => {
    expectLinear((bytes) => {
      const body = `{"payload":${text(bytes)}}`;
      return () => readJson(body, SUBMIT);
    });
  });

  test.each(ALL)("to read a body that has it elsewhere: %s", (_, text) => {
    expectLinear((bytes) => {
      const body = `{"payload":0,"tags":${text(bytes)}}`;
      return () => readJson(body, SUBMIT);
    });
  });

  test.each(WHOLE)("to write it as it is compared: %s", (_, text) => {
    expectLinear((bytes) => {
      const whole = text(bytes);
      return () => canonicalText(whole);
    });
  });

  test.each(WHOLE)("to lay a patch over it, and it over another: %s", (_, text) => {
    expectLinear((bytes) => {
      const whole = text(bytes);
      return () => {
        mergePatchText(whole, '{"a":{"a":1},"b":null}', Number.POSITIVE_INFINITY);
        mergePatchText('{"a":{"a":1}}', whole, Number.POSITIVE_INFINITY);
      };
    });
  });

  test("to read a batch of small jobs", () => {
    expectLinear((bytes) => {
      const body = `{"jobs":[${'{"payload":{"a":"b"},"queue":"a"},'.repeat(bytes / 64)}0]}`;
      return () => readJson(body, BATCH);
    });
  });
});
