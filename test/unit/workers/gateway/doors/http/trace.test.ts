import { describe, expect, test } from "vitest";
import { continuedTrace } from "../../../../../../workers/gateway/doors/http/trace.ts";

describe("traceparent", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const span = () => "00000000000000aa";

  test("a valid one is continued with a new span and the same flags", () => {
    expect(continuedTrace(`00-${trace}-00f067aa0ba902b7-01`, span)).toBe(`00-${trace}-00000000000000aa-01`);
  });

  test.each<[string]>([
    [""],
    ["garbage"],
    [`00-${trace}-00f067aa0ba902b7`],
    [`ff-${trace}-00f067aa0ba902b7-01`],
    [`00-${trace.toUpperCase()}-00f067aa0ba902b7-01`],
    [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
    [`00-${trace}-0000000000000000-01`],
    [`00-${trace}-00f067aa0ba902b7-01-more`],
  ])("%j is ignored", (header) => {
    expect(continuedTrace(header, span)).toBeNull();
  });
});
