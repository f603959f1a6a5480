import { describe, expect, test } from "vitest";
import type { Result } from "../../../../../contract/problems.ts";
import { EMPTY_VECTOR, merged, seqIn, type VersionVector } from "../../../../../domain/version-vector.ts";
import { Signer } from "../../../../../workers/gateway/access/signing.ts";
import { Bookmarks } from "../../../../../workers/gateway/sessions/bookmark.ts";
import { masterKeys, OTHER_MASTER_KEY } from "../../../../rigs/master-key.ts";

const signer = new Signer(masterKeys());
const NOW = 1_800_000_000_000;

const SEEN: VersionVector = {
  d1: "00000001-0000",
  shards: { "shard-0": 7, "shard-3": 1_800_000_000_000_123 },
  rest: 0,
};

/** As another isolate reads it. */
function read(header: string | undefined, namespace = "acme"): Promise<Result<VersionVector>> {
  return new Bookmarks(signer).read(namespace, header, NOW);
}

function write(seen: VersionVector, namespace = "acme"): Promise<string> {
  return new Bookmarks(signer).write(namespace, seen, NOW);
}

describe("bookmarks", () => {
  test("are read back as what was seen", async () => {
    expect(await read(await write(SEEN))).toEqual(SEEN);
    expect(await read(await write(EMPTY_VECTOR))).toEqual(EMPTY_VECTOR);
    expect(await read(undefined)).toEqual(EMPTY_VECTOR);
  });

  test("of several calls together stand for all of them", async () => {
    const other: VersionVector = { d1: "00000002-0000", shards: { "shard-0": 9, "shard-1": 1 }, rest: 0 };
    const header = `${await write(SEEN)}, ${await write(other)}`;
    expect(await read(header)).toEqual(merged(SEEN, other));
    const many = Array.from({ length: 17 }, () => header).join(",");
    expect(await read(many)).toMatchObject({ code: "invalid-request" });
  });

  test("are the same text for the same knowledge, and signed once", async () => {
    let signed = 0;
    const counting = new (class extends Signer {
      override sign(purpose: string, value: unknown): Promise<string> {
        signed += 1;
        return super.sign(purpose, value);
      }
    })(masterKeys());
    const bookmarks = new Bookmarks(counting);
    const first = await bookmarks.write("acme", SEEN, NOW);
    expect(await bookmarks.write("acme", { ...SEEN }, NOW + 1)).toBe(first);
    expect(await bookmarks.read("acme", first, NOW + 2)).toEqual(SEEN);
    expect(signed).toBe(1);
    expect(await bookmarks.write("other", SEEN, NOW)).not.toBe(first);
  });

  test.each<[string, () => Promise<string>]>([
    ["text", async () => "abc"],
    ["nothing", async () => ""],
    ["one with a character changed", async () => `A${(await write(SEEN)).slice(1)}`],
    ["another namespace's", () => write(SEEN, "other")],
    ["of another version", () => signer.sign("bookmark:2:acme", { v: 2, what: "ever" })],
    ["a cursor", () => signer.sign("cursor", { v: 1, list: "jobs", before: "job_x" })],
    ["one under another key", () => new Bookmarks(new Signer(masterKeys(OTHER_MASTER_KEY))).write("acme", SEEN, NOW)],
    ["a good one and a bad one", async () => `${await write(SEEN)},abc`],
  ])("that are %s are refused with 400", async (_, make) => {
    const refused = { code: "invalid-request", extras: { errors: [{ pointer: "/dure-bookmark" }] } };
    expect(await read(await make())).toMatchObject(refused);
  });

  test("of very many shards stay within 4096 characters, and are never less", async () => {
    const shards = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`shard-${i}`, 1_800_000_000_000_000 + i]));
    const token = await write({ d1: "0000007b-0000b26e-00001538-0c3e87bb37b3db5cc52eedb93cd3b96b", shards, rest: 0 });
    expect(token.length).toBeLessThanOrEqual(4096);
    const seen = (await read(token)) as VersionVector;
    for (const [name, seq] of Object.entries(shards)) expect(seqIn(seen, name)).toBeGreaterThanOrEqual(seq);
    expect(seqIn(seen, "shard-499")).toBe(1_800_000_000_000_499);
  });
});
