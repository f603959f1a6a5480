import { KeyBody } from "../../../contract/admin.ts";
import { bad, badNames, checkLimits } from "../../rigs/limit-tables.ts";

const key = { name: "ci", scopes: ["submit"] };

checkLimits("KeyBody", KeyBody, {
  at: [
    key,
    { ...key, scopes: ["submit", "read", "work", "admin"], namespace: "acme", expiresAt: "2026-12-01T00:00:00Z" },
  ],
  over: [
    ...bad("name", badNames, key),
    ...bad("scopes", [[], ["read", "read"], "read"], key),
    [{ ...key, scopes: ["root"] }, "/scopes/0"],
    ...bad("namespace", badNames, key),
    ...bad("expiresAt", ["x", null], key),
    [{ ...key, id: "x" }, "/id"],
  ],
});
