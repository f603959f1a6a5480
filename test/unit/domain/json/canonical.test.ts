import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalText } from "../../../../domain/json/canonical.ts";

describe("one text for all that mean the same", () => {
  test.each<[string, string, string]>([
    ["sorts members at every depth", ' { "b" : [ { "z":1 , "y": 2 } ] ,"a":1}', '{"a":1,"b":[{"y":2,"z":1}]}'],
    ["takes space away around everything", ' [ 1 , "a b" ,\n{ } , [ ] ] ', '[1,"a b",{},[]]'],
    [
      "writes escapes in one way",
      '["\\u00e9","\\/","\\u000a","\\n","\\ud800","\\u0041"]',
      '["é","/","\\n","\\n","\\ud800","A"]',
    ],
    ["compares names by what they say", '{"\\u0062":1,"a":2}', '{"a":2,"b":1}'],
    ["keeps members of one name, all and in their order", '{"b":0,"a":2,"a":1}', '{"a":2,"a":1,"b":0}'],
    [
      "keeps every digit",
      '{"id":3889108265204450030,"n":[1.0,-0,1e400]}',
      '{"id":388910826520445003e1,"n":[1,0,1e400]}',
    ],
    ["keeps words", "[true,false,null]", "[true,false,null]"],
    ["sorts by code unit", '{"é":1,"z":2,"Z":3}', '{"Z":3,"z":2,"é":1}'],
  ])("%s", (_, text, canonical) => {
    expect(canonicalText(text)).toBe(canonical);
    expect(canonicalText(canonical)).toBe(canonical);
  });

  test("however the same value is written", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.nat(3), (value, indent) => {
        const one = JSON.stringify(value);
        expect(canonicalText(JSON.stringify(JSON.parse(one), null, indent))).toBe(canonicalText(one));
        expect(JSON.parse(canonicalText(one))).toEqual(JSON.parse(one));
      }),
    );
  });
});
