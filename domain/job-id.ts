import { SLOTS } from "./slots.ts";

/**
 * A job id is a TypeID (`job_` + Crockford base32 of a UUIDv7, RFC 9562) whose 12-bit `rand_a` field holds
 * the slot. So any id finds its shard with no look-up, and ids sort by the time they were made.
 *
 * The 26 characters are 2 zero bits and 128 bits: ten characters of milliseconds, then 80 bits:
 * version (4), slot (12), variant (2), randomness (62).
 */
const PREFIX = "job_";
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
/** What each character of the alphabet stands for, by its code. */
const VALUES = Uint8Array.from({ length: 128 }, (_, code) => Math.max(0, ALPHABET.indexOf(String.fromCharCode(code))));
const SHAPE = /^job_[0-7][0-9a-hjkmnp-tv-z]{25}$/;
const TIME_CHARACTERS = 10;

/** How many bytes of chance `makeJobId` takes. It uses 62 of their bits. */
export const JOB_ID_RANDOM_BYTES = 8;

/**
 * The id of a job made at `at` (epoch ms, taken to the nearest that 48 bits hold) in `slot` (0 to 4,095). `random`
 * holds `JOB_ID_RANDOM_BYTES` bytes; the same arguments give the same id, so that an id can be derived from what the
 * job is.
 */
export function makeJobId(at: number, slot: number, random: Uint8Array): string {
  const byte = (i: number) => random[i] ?? 0;
  const high = fortyBits([0x70 | (slot >> 8), slot & 0xff, 0x80 | (byte(0) & 0x3f), byte(1), byte(2)]);
  const low = fortyBits([byte(3), byte(4), byte(5), byte(6), byte(7)]);
  return PREFIX + encode(clamp(at), TIME_CHARACTERS) + encode(high, 8) + encode(low, 8);
}

/**
 * The smallest id that a job made at `at` (epoch ms) can have: ids compare as texts by the time they were made, and
 * this bounds a list by time.
 */
export function firstJobIdAt(at: number): string {
  return PREFIX + encode(clamp(at), TIME_CHARACTERS) + encode(0, 16);
}

/**
 * The slot and the time (epoch ms) inside a job id, or null when `id` is none. It says nothing of whether there is such
 * a job.
 */
export function parseJobId(id: string): { slot: number; at: number } | null {
  const slot = findSlot(id);
  return slot === null ? null : { slot, at: decode(id, PREFIX.length, TIME_CHARACTERS) };
}

/** The slot inside a job id, or null when `id` is none: what every call of a shard asks, and so without the time. */
export function findSlot(id: string): number | null {
  if (!SHAPE.test(id)) return null;
  const middle = decode(id, PREFIX.length + TIME_CHARACTERS, 4); // version 4, slot 12, variant 2, two of randomness
  return middle >> 16 === 7 && ((middle >> 2) & 3) === 2 ? (middle >> 4) % SLOTS : null;
}

/** The slot inside a job id. Throws when `id` is not one: for ids of rows, which were looked at when they came. */
export function slotOfJob(id: string): number {
  const slot = findSlot(id);
  if (slot === null) throw new Error(`${id} is not a job id`);
  return slot;
}

function clamp(at: number): number {
  return Math.min(Math.max(0, Math.floor(at)), 2 ** 48 - 1);
}

/** Five bytes as one number, which a double holds exactly. */
function fortyBits([a, b, c, d, e]: [number, number, number, number, number]): number {
  return a * 2 ** 32 + ((b << 24) >>> 0) + (c << 16) + (d << 8) + e;
}

function encode(value: number, characters: number): string {
  let text = "";
  for (let i = 0; i < characters; i++) {
    text = ALPHABET.charAt(value % 32) + text;
    value = Math.floor(value / 32);
  }
  return text;
}

function decode(id: string, start: number, characters: number): number {
  let value = 0;
  for (let i = start; i < start + characters; i++) value = value * 32 + (VALUES[id.charCodeAt(i)] ?? 0);
  return value;
}
