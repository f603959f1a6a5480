import type { Address } from "./env-file.ts";

/** The first example that a reader tries needs a queue that a handler serves: `wordcount`. One that is there stays as it is. */
export async function ensureExampleQueue({ url, key }: Address): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const queue = `${url}/v1/queues/wordcount`;
  if ((await fetch(queue, { headers })).ok) return;
  const body = JSON.stringify({ target: { type: "handler", name: "wordcount" } });
  const response = await fetch(queue, { method: "PUT", headers, body });
  if (!response.ok)
    throw new Error(`The example queue could not be created: ${response.status} ${await response.text()}`);
}
