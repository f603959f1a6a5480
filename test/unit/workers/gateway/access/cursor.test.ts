import { describe, expect, test } from "vitest";
import { EMPTY_VECTOR } from "../../../../../domain/version-vector.ts";
import { makeCursor, openCursor } from "../../../../../workers/gateway/access/cursor.ts";
import { Signer } from "../../../../../workers/gateway/access/signing.ts";
import { Bookmarks } from "../../../../../workers/gateway/sessions/bookmark.ts";
import { masterKeys } from "../../../../rigs/master-key.ts";

const signer = new Signer(masterKeys());

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
