import { KeyBody } from "../../../contract/admin.ts";
import { bad, badNames, checkLimits } from "../../rigs/limit-tables.ts";

const key = { name: "ci", scopes: ["submit"] };

checkLimits("KeyBody", KeyBody, {
  at: [
    key,
    { ...key, name: "🔑".repeat(64) },
    {
      ...key,
      scopes: ["submit", "read", "work", "invoke", "admin", "metrics"],
      namespace: "acme",
      expiresAt: "2026-12-01T00:00:00Z",
    },
  ],
  over: [
    ...bad("name", ["", "a".repeat(65), "two\nlines", "\ud800", 1, null], key),
    ...bad("scopes", [[], ["read", "read"], "read"], key),
    [{ ...key, scopes: ["root"] }, "/scopes/0"],
    ...bad("namespace", badNames, key),
    ...bad("expiresAt", ["x", null], key),
    [{ ...key, id: "x" }, "/id"],
  ],
});
