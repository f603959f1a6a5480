import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeJobId } from "../../../domain/job-id.ts";
import { formatLease, parseLease } from "../../../domain/lease.ts";

const jobId = makeJobId(1_800_000_000_000, 5, new Uint8Array(8).fill(9));
const lease = { jobId, attempt: 12, nonce: "0123456789abcdef" };
const text = formatLease(lease);

describe("a lease", () => {
  test("reads `lease_<job>_<attempt>_<nonce>`", () => {
    expect(text).toBe(`lease_${jobId.slice(4)}_12_0123456789abcdef`);
  });

  test("parses to what it was made of", () => {
    const nonce = fc
      .array(fc.constantFrom(..."0123456789abcdef"), { minLength: 16, maxLength: 16 })
      .map((digits) => digits.join(""));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.integer({ min: 1, max: 999_999_999 }),
        nonce,
        (at, random, attempt, digits) => {
          const made = { jobId: makeJobId(at, 4095, random), attempt, nonce: digits };
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
    [text.replace("_12_", "_0_"), "attempt 0"],
    [text.replace("_12_", "_012_"), "an attempt with a zero before"],
    [text.replace("_12_", "_-1_"), "a negative attempt"],
    [text.replace("_12_", "_1e3_"), "an attempt in another notation"],
    [text.replace("_12_", "_1234567890_"), "an attempt that never was"],
    [text.slice(0, -1), "a short nonce"],
    [`${text}0`, "a long nonce"],
    [text.replace("abcdef", "abcdeg"), "a nonce that is not hex"],
    [text.replace(jobId.slice(4), `8${jobId.slice(5)}`), "a job id of more than 128 bits"],
  ])("%j is none: %s", (wrong) => {
    expect(parseLease(wrong)).toBeNull();
  });
});
