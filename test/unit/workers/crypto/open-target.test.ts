import { expect, test } from "vitest";
import { withCredentials } from "../../../../workers/crypto/open-target.ts";

test.each([
  ["https://a.example/x?y=1", {}, "https://a.example/x?y=1", {}],
  ["https://u:p@a.example/x", {}, "https://a.example/x", { authorization: "Basic dTpw" }],
  ["https://u@a.example/", {}, "https://a.example/", { authorization: "Basic dTo=" }],
  ["https://%C3%BC:%40@a.example/", {}, "https://a.example/", { authorization: "Basic w7w6QA==" }],
  ["https://%E0%A4:p@a.example/", {}, "https://a.example/", { authorization: "Basic JUUwJUE0OnA=" }],
  ["https://u:p@a.example/", { Authorization: "Bearer t" }, "https://a.example/", { Authorization: "Bearer t" }],
])("%s with %j is sent as %s with %j", (url, headers, sent, withThem) => {
  expect(withCredentials({ url, headers })).toEqual({ url: sent, headers: withThem });
});
