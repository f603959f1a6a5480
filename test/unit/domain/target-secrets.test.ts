import { describe, expect, test } from "vitest";
import { hasMask, maskedUrl, originOf } from "../../../domain/target-secrets.ts";

describe("a masked URL", () => {
  test.each([
    ["https://a.example/hook", "https://a.example/hook"],
    ["HTTPS://A.example", "HTTPS://A.example"],
    ["https://a.example/hook?", "https://a.example/hook?"],
    ["https://a.example/t0ken/x", "https://a.example/t0ken/x"],
    ["https://a.example/?a=&b=", "https://a.example/?a=&b="],
    ["https://a.example/?token=t0ken", "https://a.example/?token=***"],
    ["https://a.example?token=t0ken&b=&c=1=2&&d", "https://a.example/?token=***&b=&c=***&&***"],
    ["https://a.example/?t0ken", "https://a.example/?***"],
    ["https://a.example/?=t0ken", "https://a.example/?=***"],
    ["https://t0ken@a.example/", "https://***@a.example/"],
    ["https://t0ken:t0ken@a.example:8443/x?y=t0ken#t0ken", "https://***:***@a.example:8443/x?y=***#***"],
    ["https://:t0ken@a.example/", "https://:***@a.example/"],
    ["https:\\\\t0ken@a.example\\x", "https://***@a.example/x"],
    ["ht\ttps://t0ken@a.example/", "https://***@a.example/"],
    ["https://t0ken@t0ken@a.example/", "https://***@a.example/"],
    ["https://a.example/#t0ken", "https://a.example/#***"],
    ["", ""],
    ["no URL t0ken", "no URL t0ken"],
  ])("of %j is %j, and its own mask", (url, masked) => {
    expect(maskedUrl(url)).toBe(masked);
    expect(maskedUrl(masked)).toBe(masked);
    expect(hasMask(masked)).toBe(masked.includes("***"));
    expect(hasMask(url)).toBe(false);
  });

  test("keeps its origin", () => {
    expect(originOf("https://t0ken@A.example:443/x?y=1")).toBe("https://a.example");
    expect(originOf(maskedUrl("https://t0ken@A.example:443/x?y=1"))).toBe("https://a.example");
    expect(originOf("")).toBe("");
  });
});
