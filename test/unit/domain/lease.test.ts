import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeJobId } from "../../../domain/job-id.ts";
import { formatLease, isSameTag, parseLease } from "../../../domain/lease.ts";

const jobId = makeJobId(1_800_000_000_000, 5, new Uint8Array(8).fill(9));
const TAG = "0123456789abcdef0123456789abcdef";
const lease = { jobId, delivery: 12, tag: TAG };
const text = formatLease(lease);

describe("a lease", () => {
  test("reads `lease_<job>_<attempt>_<tag>`", () => {
    expect(text).toBe(`lease_${jobId.slice(4)}_12_${TAG}`);
  });

  test("parses to what it was made of", () => {
    const tag = fc
      .array(fc.constantFrom(..."0123456789abcdef"), { minLength: 32, maxLength: 32 })
      .map((digits) => digits.join(""));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.integer({ min: 1, max: 999_999_999 }),
        tag,
        (at, random, delivery, digits) => {
          const made = { jobId: makeJobId(at, 4095, random), delivery, tag: digits };
          expect(parseLease(formatLease(made))).toEqual(made);
        },
      ),
    );
  });

  test.each([
    ["", "empty"],
    [jobId, "a job id"],
    [text.slice("lease_".length), "no prefix"],
    [text.toUpperCase(), "upper case"],
    [`${text}\n`, "a newline after"],
    [` ${text}`, "a space before"],
    [text.replace("_12_", "_0_"), "delivery 0"],
    [text.replace("_12_", "_012_"), "a delivery with a zero before"],
    [text.replace("_12_", "_-1_"), "a negative delivery"],
    [text.replace("_12_", "_1e3_"), "a delivery in another notation"],
    [text.replace("_12_", "_1234567890_"), "a delivery that never was"],
    [text.slice(0, -1), "a short tag"],
    [`${text}0`, "a long tag"],
    [text.replace("abcdef", "abcdeg"), "a tag that is not hex"],
    [text.replace(jobId.slice(4), `8${jobId.slice(5)}`), "a job id of more than 128 bits"],
  ])("%j is none: %s", (wrong) => {
    expect(parseLease(wrong)).toBeNull();
  });

  test("of before there were tags, which has the 16 digits of a nonce, is still read", () => {
    const old = { jobId, delivery: 3, tag: TAG.slice(16) };
    expect(parseLease(formatLease(old))).toEqual(old);
  });
});

test("tags are the same when every digit is", () => {
  expect(isSameTag(TAG, TAG)).toBe(true);
  for (let i = 0; i < TAG.length; i++) {
    expect(isSameTag(TAG, `${TAG.slice(0, i)}x${TAG.slice(i + 1)}`)).toBe(false);
  }
  expect(isSameTag(TAG, TAG.slice(1))).toBe(false);
  expect(isSameTag("", TAG)).toBe(false);
});
