import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergePatch, mergePatchText } from "../../../domain/merge-patch.ts";

const patched = (target: string, patch: string) => mergePatchText(target, patch, 1_000_000);

describe("a patch over a text", () => {
  test.each<[string, string, string, string]>([
    [
      "leaves what it does not name as it was written",
      '{"id":3889108265204450030, "n" : [1.0, -0] ,"s":"\\u00e9"}',
      '{"x":1}',
      '{"id":3889108265204450030,"n" : [1.0, -0],"s":"\\u00e9","x":1}',
    ],
    [
      "brings what it names as it is written",
      '{"a":1}',
      '{"a":1e400,"b":{"c":[ 1.0 ]}}',
      '{"a":1e400,"b":{"c":[ 1.0 ]}}',
    ],
    [
      "goes into objects, and keeps places",
      '{"a":{"b":1.0,"c":2},"d":3.0}',
      '{"a":{"c":9}}',
      '{"a":{"b":1.0,"c":9},"d":3.0}',
    ],
    [
      "takes away",
      '{"a":1.0,"b":2.0,"c":{"d":1,"e":2.0}}',
      '{"a":null,"c":{"d":null},"z":null}',
      '{"b":2.0,"c":{"e":2.0}}',
    ],
    ["takes nothing from what was not there", "[1.0]", '{"a":{"b":null,"c":1.0}}', '{"a":{"c":1.0}}'],
    ["keeps null in lists, which it replaces whole", '{"a":[1,2]}', '{"a":[null, 1.0]}', '{"a":[null, 1.0]}'],
    ["replaces by what is no object", '{"a":1}', " 1.0 ", "1.0"],
    ["knows names by what they say", '{"p\\u0061y":1,"b":2}', '{"pay":3}', '{"p\\u0061y":3,"b":2}'],
    ["leaves members of one name that it does not name", '{"a":1,"a":2,"b":0}', '{"b":1}', '{"a":1,"a":2,"b":1}'],
    [
      "patches the last of one name, and no other stays",
      '{"a":{"x":1},"b":0,"a":{"y":2.0}}',
      '{"a":{"z":3}}',
      '{"b":0,"a":{"y":2.0,"z":3}}',
    ],
    ["takes all of one name away", '{"a":1,"b":0,"a":2}', '{"a":null}', '{"b":0}'],
    ["counts the last of one name in itself", '{"a":1}', '{"a":2,"a":3.0}', '{"a":3.0}'],
    [
      "has a member called __proto__ like any other",
      '{"__proto__":{"a":1.0}}',
      '{"__proto__":{"b":2}}',
      '{"__proto__":{"a":1.0,"b":2}}',
    ],
  ])("%s", (_, target, patch, text) => {
    expect(patched(target, patch)).toBe(text);
  });

  test("means what the patch of the values means", () => {
    const json = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, fc.constantFrom(null, 1, "é", true, [1, null]), tie("object")),
      object: fc.dictionary(fc.constantFrom("a", "b", "c", "d/\u00e9"), tie("value"), { maxKeys: 4 }),
    })).value;
    fc.assert(
      fc.property(json, json, fc.nat(2), (target, patch, indent) => {
        const text = patched(JSON.stringify(target, null, indent), JSON.stringify(patch, null, indent)) ?? "";
        expect(JSON.parse(text)).toEqual(mergePatch(target, patch));
      }),
    );
  });

  test("is null where what comes of it is too large", () => {
    expect(mergePatchText('{"a":1}', '{"b":"é"}', 14)).toBe(null);
    expect(mergePatchText('{"a":1}', '{"b":"é"}', 15)).toBe(null);
    expect(mergePatchText('{"a":1}', '{"b":"é"}', 16)).toBe('{"a":1,"b":"é"}');
  });

  test("takes no longer for a patch as deep as the text", () => {
    const nest = (inside: string) => '{"a":'.repeat(500) + inside + "}".repeat(500);
    const target = nest(`[${"0,".repeat(100_000)}0]`);
    const { user } = process.threadCpuUsage();
    expect(patched(target, nest('{"b":1}'))).toBe(nest('{"b":1}'));
    expect((process.threadCpuUsage().user - user) / 1000).toBeLessThan(100);
  });
});
