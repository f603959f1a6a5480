import { log, reasonOf } from "./log.ts";

/** A host that no request can have: nothing from outside reads or writes these entries. */
const HOST = "https://cache.dure.invalid";

/** The edge cache of this data centre, for JSON. It never fails a request: what goes wrong is a miss. */
export async function fromEdge<T>(path: string): Promise<T | null> {
  try {
    const hit = await caches.default.match(HOST + path);
    return hit === undefined ? null : await hit.json<T>();
  } catch (error) {
    log("warn", "cache-match", { reason: reasonOf(error) });
    return null;
  }
}

export async function toEdge(path: string, value: unknown, maxAgeSeconds: number): Promise<void> {
  const headers = { "content-type": "application/json", "cache-control": `max-age=${maxAgeSeconds}` };
  try {
    await caches.default.put(HOST + path, new Response(JSON.stringify(value), { headers }));
  } catch (error) {
    log("warn", "cache-put", { reason: reasonOf(error) });
  }
}
