import { describe, expect, test } from "vitest";
import { traceparentIn, traceparentOf, withSpan } from "../../../domain/trace.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

describe("what is a traceparent", () => {
  test.each<[string, string | null]>([
    [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`],
    [`01-${TRACE}-${SPAN}-00-more`, `00-${TRACE}-${SPAN}-00`],
    [`00-${TRACE}-${SPAN}-01-more`, null],
    [`ff-${TRACE}-${SPAN}-01`, null],
    [`00-${"0".repeat(32)}-${SPAN}-01`, null],
    [`00-${TRACE}-${"0".repeat(16)}-01`, null],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, null],
    [`00-${TRACE}-${SPAN}-01"`, null],
    ["", null],
  ])("%s", (header, traceparent) => {
    expect(traceparentIn(header)).toBe(traceparent);
  });
});

test("a span of our own stays in the trace, and keeps its flags", () => {
  expect(withSpan(`00-${TRACE}-${SPAN}-00`, "00f067aa0ba902b7")).toBe(`00-${TRACE}-00f067aa0ba902b7-00`);
});

test("what is sent for a job is of its submission's trace, or of the job's own", () => {
  const id = "job_01m81y5hxdfwy87v7akxabcdef";
  const own = traceparentOf(id, null, SPAN);
  expect(own).toMatch(/^00-[0-9a-f]{32}-b7ad6b7169203331-01$/);
  expect(traceparentOf(id, null, "00f067aa0ba902b7").split("-")[1]).toBe(own.split("-")[1]);
  expect(traceparentOf(id, `00-${TRACE}-00f067aa0ba902b7-00`, SPAN)).toBe(`00-${TRACE}-${SPAN}-00`);
});
