import { describe, expect, test } from "vitest";
import { preferredWait } from "../../../../../../workers/gateway/doors/http/prefer.ts";

describe("Prefer: wait (RFC 7240)", () => {
  test.each<[string, number | null]>([
    ["", null],
    ["wait=20", 20],
    ["WAIT = 20", 20],
    ['wait="20"', 20],
    ["wait=0", 0],
    ["wait=61", 60],
    ["wait=999999999", 60],
    ["wait=99999999999999999999", 60],
    ["respond-async, wait=5", 5],
    ["wait=5; foo=bar", 5],
    ["wait=5, wait=7", 5],
    ["wait", null],
    ["wait=", null],
    ["wait=-1", null],
    ["wait=1.5", null],
    ["wait=abc", null],
    ["waiting=5", null],
  ])("%j is %j seconds", (header, seconds) => {
    expect(preferredWait(header)).toBe(seconds);
  });
});
