import { SubmitBody } from "./job.ts";
import { readValue } from "./json-values.ts";
import { MAX_SPAWN, MAX_SPAWN_BYTES } from "./limits.ts";
import { parseSubmit } from "./parse-submit.ts";
import { utf8Bytes } from "./primitives.ts";
import { errorsOf, nameOf } from "./problem.ts";
import type { SpawnJob } from "./rpc.ts";
import { fieldSentence, formatBytes } from "./sentence.ts";
import { readSubmission, spawnJobOf, submissionFault } from "./submission.ts";
import { textMembersOf } from "./text-members.ts";

/** Jobs that code brings with its success, where no gateway has looked at them: handlers, and answers of HTTP targets. */

/** The code of an attempt that failed because a job it was to bring is none. */
export const INVALID_SPAWN = "invalid-spawn";

/** Says where, as a JSON Pointer, and what. */
export class InvalidSpawn extends Error {
  readonly code = INVALID_SPAWN;

  constructor(pointer: string, detail: string) {
    super(`${pointer}: ${detail}`);
    this.name = "InvalidSpawn";
  }
}

/** Collects the jobs of one attempt. */
export class SpawnList {
  readonly #pointer: string;
  /** Each as it was taken, and when. */
  readonly #taken: { body: SubmitBody; at: number }[] = [];
  #bytes = 0;

  /** `pointer` is what messages call the list. */
  constructor(pointer = "/spawn") {
    this.#pointer = pointer;
  }

  /** Takes a job as it is now, whatever becomes of the object later. Throws `InvalidSpawn`; then it has not been taken. */
  add(value: unknown, now: number): void {
    const pointer = `${this.#pointer}/${this.#taken.length}`;
    if (this.#taken.length >= MAX_SPAWN)
      throw new InvalidSpawn(pointer, `At most ${MAX_SPAWN} jobs go with a success.`);
    const parsed = parseSubmit(asRead(value, pointer));
    if (!parsed.success) {
      const [first] = errorsOf(parsed.error, pointer);
      throw new InvalidSpawn(first?.pointer ?? pointer, first?.detail ?? "This is no job.");
    }
    const body = parsed.data;
    const payload = body.payload.text;
    const fault = submissionFault(body, payload, now);
    if (fault !== null) throw new InvalidSpawn(pointer + fault.pointer, fault.detail);
    const bytes = this.#bytes + utf8Bytes(payload);
    if (bytes > MAX_SPAWN_BYTES) {
      throw new InvalidSpawn(
        `${pointer}/payload`,
        `The payloads are larger than ${formatBytes(MAX_SPAWN_BYTES)} together.`,
      );
    }
    this.#bytes = bytes;
    this.#taken.push({ body, at: now });
  }

  /** As they go to the shard. What has expired since it was taken is for its own shard to judge. */
  async jobs(): Promise<SpawnJob[]> {
    return Promise.all(
      this.#taken.map(async ({ body, at }) => {
        const read = await readSubmission(body, at);
        if ("code" in read) throw new Error(`a job that was taken is none: ${read.detail}`);
        return spawnJobOf(read);
      }),
    );
  }
}

/** A job as it would be read from a body: by code it is given as a value, and by an answer with its payload cut out already. */
function asRead(value: unknown, pointer: string): unknown {
  const json = readValue(value, textMembersOf(SubmitBody));
  if (json.type === "value") return json.value;
  throw new InvalidSpawn(pointer + json.pointer, fieldSentence(nameOf(json.pointer) ?? "The job", json.detail));
}
