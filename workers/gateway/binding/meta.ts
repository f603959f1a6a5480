import type { Meta } from "../../../contract/binding.ts";

/** What the headers of an answer say of it. */
export function metaOf(headers: Headers): Meta {
  const bookmark = headers.get("dure-bookmark");
  const consistency = headers.get("dure-consistency");
  const age = headers.get("age");
  return {
    ...(bookmark === null ? {} : { bookmark }),
    ...(consistency === null ? {} : { consistency }),
    ...(age === null ? {} : { ageSeconds: Number(age) }),
    ...(headers.get("dure-replayed") === "true" ? { replayed: true } : {}),
    ...(headers.get("dure-accepted") === "deferred" ? { deferred: true } : {}),
  };
}
