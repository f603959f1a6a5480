import { describe, expect, test } from "vitest";
import { EMPTY_VECTOR } from "../../../../domain/version-vector.ts";
import { makeCursor, openCursor } from "../../../../workers/gateway/access/cursor.ts";
import { Signer } from "../../../../workers/gateway/access/signing.ts";
import { Bookmarks } from "../../../../workers/gateway/sessions/bookmark.ts";

const signer = new Signer("dure_root_one");

describe("signed tokens", () => {
  test("open to the value they were made of", async () => {
    const token = await signer.sign("cursor", { a: 1, b: ["두레"] });
    expect(await signer.open("cursor", token)).toEqual({ a: 1, b: ["두레"] });
  });

  test("do not open for another purpose or under another key", async () => {
    const token = await signer.sign("cursor", { a: 1 });
    expect(await signer.open("bookmark", token)).toBeNull();
    expect(await new Signer("dure_root_two").open("cursor", token)).toBeNull();
  });

  test("do not open with any one character changed", async () => {
    const token = await signer.sign("cursor", { a: 1 });
    for (let i = 0; i < token.length; i++) {
      const other = token[i] === "A" ? "B" : "A";
      expect(await signer.open("cursor", token.slice(0, i) + other + token.slice(i + 1))).toBeNull();
    }
  });

  test.each(["", ".", "abc", "abc.def", "!!!.???", "bnVsbA.", "a".repeat(5000)])("%j does not open", async (token) => {
    expect(await signer.open("cursor", token)).toBeNull();
  });
});

describe("cursors", () => {
  test("go on where they stand", async () => {
    expect(await openCursor(signer, "jobs:1", await makeCursor(signer, "jobs:1", "job_x"))).toBe("job_x");
    expect(await openCursor(signer, "jobs:1", undefined)).toBeNull();
  });

  test("of another list are refused with 400", async () => {
    const cursor = await makeCursor(signer, "jobs:1", "job_x");
    expect(await openCursor(signer, "jobs:2", cursor)).toMatchObject({ code: "invalid-request" });
    expect(await openCursor(signer, "jobs:1", "forged")).toMatchObject({ code: "invalid-request" });
  });

  test("a bookmark is not a cursor", async () => {
    const bookmark = await new Bookmarks(signer).write("default", EMPTY_VECTOR, 0);
    expect(await openCursor(signer, "jobs:1", bookmark)).toMatchObject({ code: "invalid-request" });
  });
});
