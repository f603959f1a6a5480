import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstJobIdAt, JOB_ID_RANDOM_BYTES, makeJobId, parseJobId } from "../../../domain/job-id.ts";
import { SLOTS } from "../../../domain/slots.ts";

const MAX_AT = 2 ** 48 - 1;
const anyAt = fc.integer({ min: 0, max: MAX_AT });
const anySlot = fc.integer({ min: 0, max: SLOTS - 1 });
const anyBytes = fc.uint8Array({ minLength: JOB_ID_RANDOM_BYTES, maxLength: JOB_ID_RANDOM_BYTES });
const bytes = (value: number) => new Uint8Array(JOB_ID_RANDOM_BYTES).fill(value);

/** A second, dumb decoder: the 128 bits of the UUID as one number. */
function uuidOf(id: string): bigint {
  return [...id.slice("job_".length)].reduce(
    (bits, character) => bits * 32n + BigInt("0123456789abcdefghjkmnpqrstvwxyz".indexOf(character)),
    0n,
  );
}

describe("a job id", () => {
  test("tells the slot and the time it was made with", () => {
    fc.assert(
      fc.property(anyAt, anySlot, anyBytes, (at, slot, random) => {
        expect(parseJobId(makeJobId(at, slot, random))).toEqual({ slot, at });
      }),
    );
  });

  test("is a UUIDv7 of RFC 9562 in base32: time, version 7, slot, variant 10, 62 bits of chance", () => {
    fc.assert(
      fc.property(anyAt, anySlot, anyBytes, (at, slot, random) => {
        const uuid = uuidOf(makeJobId(at, slot, random));
        const randomness = random.reduce((bits, byte) => bits * 256n + BigInt(byte), 0n);
        expect(uuid >> 80n).toBe(BigInt(at));
        expect((uuid >> 76n) & 15n).toBe(7n);
        expect((uuid >> 64n) & 4095n).toBe(BigInt(slot));
        expect((uuid >> 62n) & 3n).toBe(2n);
        expect(uuid & (2n ** 62n - 1n)).toBe(randomness & (2n ** 62n - 1n));
      }),
    );
  });

  test("sorts by the time it was made, whatever slot and chance", () => {
    fc.assert(
      fc.property(anyAt, anyAt, anySlot, anySlot, anyBytes, anyBytes, (at, other, slot, otherSlot, random, more) => {
        fc.pre(at < other);
        expect(makeJobId(at, slot, random) < makeJobId(other, otherSlot, more)).toBe(true);
      }),
    );
  });

  test("lies between the bounds of its millisecond and the next", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_AT - 1 }), anySlot, anyBytes, (at, slot, random) => {
        const id = makeJobId(at, slot, random);
        expect(firstJobIdAt(at) <= id && id < firstJobIdAt(at + 1)).toBe(true);
      }),
    );
  });

  test.each([
    ["the epoch", 0, 0],
    ["the last millisecond of 48 bits", MAX_AT, MAX_AT],
    ["a time before the epoch", -1, 0],
    ["a time beyond 48 bits", MAX_AT + 1, MAX_AT],
    ["a fraction of a millisecond", 1.9, 1],
    ["no end of time", Number.POSITIVE_INFINITY, MAX_AT],
  ])("takes %s (%d) as %d", (_name, at, expected) => {
    expect(parseJobId(makeJobId(at, 7, bytes(1)))?.at).toBe(expected);
  });

  test.each([
    ["all chance 0", 0, "job_0000000000e02r000000000000"],
    ["all chance 255", 255, "job_0000000000e02vzzzzzzzzzzzz"],
  ])("of the epoch in slot 5 never changes: %s", (_name, value, expected) => {
    expect(makeJobId(0, 5, bytes(value))).toBe(expected);
  });
});

describe("what is no job id", () => {
  const good = makeJobId(1_800_000_000_000, 4095, bytes(0x5a));
  const versionAt = "job_".length + 10;
  const replaced = (index: number, character: string) => good.slice(0, index) + character + good.slice(index + 1);
  test.each([
    ["", "empty"],
    ["job_", "only the prefix"],
    [good.slice(4), "no prefix"],
    [good.replace("job_", "jobs_"), "another prefix"],
    [good.toUpperCase(), "upper case"],
    [` ${good}`, "a space before"],
    [`${good}\n`, "a newline after"],
    [good.slice(0, -1), "a character short"],
    [`${good}0`, "a character long"],
    [replaced(4, "8"), "more than 128 bits"],
    [replaced(12, "i"), "a letter that base32 leaves out"],
    [replaced(12, "u"), "another one"],
    [replaced(12, "٣"), "a digit that is not ASCII"],
    [replaced(versionAt, "0"), "no version 7"],
    [firstJobIdAt(1_800_000_000_000), "a bound for lists"],
  ])("%j: %s", (id) => {
    expect(parseJobId(id)).toBeNull();
  });

  test("the base of these cases is one", () => {
    expect(parseJobId(good)).toEqual({ slot: 4095, at: 1_800_000_000_000 });
  });

  test("a UUID of another variant", () => {
    // The two variant bits are the third and second last of the fourteenth character.
    const variantAt = "job_".length + 13;
    const index = "0123456789abcdefghjkmnpqrstvwxyz".indexOf(good.charAt(variantAt));
    const other = "0123456789abcdefghjkmnpqrstvwxyz".charAt(index ^ 0b01000);
    expect(parseJobId(replaced(variantAt, other))).toBeNull();
  });
});
