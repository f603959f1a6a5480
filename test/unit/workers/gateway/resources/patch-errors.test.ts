import { expect, test } from "vitest";
import { conflict, notFound } from "../../../../../contract/problems.ts";
import { intoPatch } from "../../../../../workers/gateway/resources/patch-errors.ts";

const patch = { timeout: null, target: { type: "http" }, "a/b": 1, list: [{ x: 1 }], __proto: 1 };
/** What the patch was laid over had a path, and no URL. */
const body = { ...patch, target: { type: "http", path: "/" } };

test.each([
  ["/timeout", "/timeout", "is wrong"],
  ["/target/type", "/target/type", "is wrong"],
  ["/target/url", "/target/url", "is wrong"],
  ["/target/path", "/target", "path: is wrong"],
  ["/target/spawn/queues", "/target", "spawn.queues: is wrong"],
  ["/rate/limit", "", "rate.limit: is wrong"],
  ["/a~1b", "/a~1b", "is wrong"],
  ["/list/0/x", "/list/0/x", "is wrong"],
  ["/list/1", "/list", "1: is wrong"],
  ["/timeout/of/what", "/timeout", "of.what: is wrong"],
  ["/constructor/name", "", "constructor.name: is wrong"],
  ["", "", "is wrong"],
])("a fault at %j is pointed to at %j of the patch", (pointer, nearest, detail) => {
  const problem = conflict.of("invalid-state", "It is wrong.", [{ pointer, detail: "is wrong" }]);
  expect(intoPatch(patch, problem, body)).toMatchObject({
    code: "invalid-state",
    detail: "It is wrong.",
    extras: { errors: [{ pointer: nearest, detail }] },
  });
});

test.each([
  ["/rate/limit", "", "limit is missing.", "rate.limit is missing."],
  ["/target/url", "/target/url", "url is missing.", "url is missing."],
  ["/timeout", "/timeout", "timeout is missing.", "timeout is missing."],
  ["/list/1", "/list", "list[1] is wrong.", "list[1] is wrong."],
  ["/job/tags/1", "", "tags[1] is wrong.", "job.tags[1] is wrong."],
  ["/rate/limit", "", "`limit` is no member of rate.", "`limit` is no member of rate."],
])("a sentence about %s at %j of the patch says the name once: %s", (pointer, place, detail, sentence) => {
  const problem = conflict.of("invalid-state", "It is wrong.", [{ pointer, detail }]);
  expect(intoPatch(patch, problem, body)).toMatchObject({ extras: { errors: [{ pointer: place, detail: sentence }] } });
});

test("a problem that names no place stays as it is", () => {
  const problem = notFound.queue("q");
  expect(intoPatch(patch, problem, body)).toBe(problem);
});
