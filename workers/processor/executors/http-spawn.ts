import { jsonText } from "../../../contract/json-text.ts";
import { MAX_SPAWN } from "../../../contract/limits.ts";
import { InvalidSpawn, SpawnList } from "../../../contract/spawn.ts";

/** The member of an answer that holds the jobs it brings. Its result is the member `result` then. */
const MEMBER = "dure-spawn";
const POINTER = `/${MEMBER}`;

export interface SpawnAnswer {
  /** JSON text. */
  result: string;
  spawned: SpawnList;
}

/**
 * What an answer says that brings jobs: a JSON object with a member `dure-spawn`. Null for any other value, which is a result
 * as it stands. Throws `InvalidSpawn` where the member is there and is no list of jobs.
 */
export function spawnAnswer(answer: unknown, now: number): SpawnAnswer | null {
  if (typeof answer !== "object" || answer === null || !Object.hasOwn(answer, MEMBER)) return null;
  const { [MEMBER]: jobs, result = null } = answer as { [MEMBER]: unknown; result?: unknown };
  if (!Array.isArray(jobs)) throw new InvalidSpawn(POINTER, "must be an array of jobs");
  if (jobs.length > MAX_SPAWN) throw new InvalidSpawn(POINTER, `at most ${MAX_SPAWN} jobs go with a success`);
  const spawned = new SpawnList(POINTER);
  for (const job of jobs) spawned.add(job, now);
  const json = jsonText(result);
  if (json.type === "fault") throw new InvalidSpawn("/result", json.detail);
  return { result: json.text, spawned };
}

/**
 * Looks through an answer that is too large to be kept, whose text comes in parts: if it brings jobs, they are not known.
 * Throws `InvalidSpawn` where the member's name is anywhere in it, as soon as it is seen.
 */
export async function refuseCut(parts: AsyncIterable<string>, maxBytes: number): Promise<void> {
  let isObject = false;
  let window = "";
  for await (const part of parts) {
    const begin: string = isObject ? "{" : part.trimStart().slice(0, 1);
    // Only an object has members: the rest of anything else need not be read.
    if (begin !== "" && begin !== "{") return;
    isObject = begin === "{";
    window += part;
    if (NAME.test(window)) throw new InvalidSpawn(POINTER, `the answer is larger than ${maxBytes} bytes`);
    window = window.slice(-LONGEST_NAME);
  }
}

/** The member's name as a JSON string, each character of which may be written as an escape. */
const NAME = new RegExp(`"${Array.from(MEMBER, written).join("")}"`);
const LONGEST_NAME = '""'.length + MEMBER.length * "\\u0000".length;

function written(character: string): string {
  const hex = character.charCodeAt(0).toString(16).padStart(4, "0");
  return `(?:${character}|\\\\u${hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)})`;
}
