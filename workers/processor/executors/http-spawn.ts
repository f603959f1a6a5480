import { JsonText, TOO_DEEP } from "../../../contract/json-text.ts";
import { MAX_JSON_DEPTH, MAX_SPAWN } from "../../../contract/limits.ts";
import { InvalidSpawn, SpawnList } from "../../../contract/spawn.ts";
import {
  TOO_DEEP as DEEPER,
  endOfValue,
  OPEN_BRACE,
  skipSpace,
  stringAt,
  visitItems,
  visitMembers,
} from "../../../domain/json/scan.ts";

/** The member of an answer that holds the jobs it brings. Its result is the member `result` then. */
const MEMBER = "dure-spawn";
const POINTER = `/${MEMBER}`;
const RESULT = "result";

export interface SpawnAnswer {
  /** JSON text. */
  result: string;
  spawned: SpawnList;
}

/**
 * What an answer says that brings jobs: a JSON object with a member `dure-spawn`. Null for any other text, which is a result
 * as it stands. Throws `InvalidSpawn` where the member is there and is no list of jobs.
 */
export function spawnAnswer(answer: string, now: number): SpawnAnswer | null {
  const members = NAME.test(answer) ? membersOf(answer, MAX_DEPTH) : null;
  if (members === "deeper") return refuseDeep(answer, now);
  const [jobs] = members?.get(MEMBER) ?? [];
  if (jobs === undefined) return null;
  // Readers of JSON do not agree which of them counts: none is taken for the one that was meant.
  for (const name of [MEMBER, RESULT]) {
    if ((members?.get(name) ?? []).length > 1) throw new InvalidSpawn(`/${name}`, "is in the answer more than once");
  }
  if (!jobs.startsWith("[")) throw new InvalidSpawn(POINTER, "must be an array of jobs");
  const sent = itemsOf(jobs);
  if (sent.length > MAX_SPAWN) throw new InvalidSpawn(POINTER, `at most ${MAX_SPAWN} jobs go with a success`);
  const spawned = new SpawnList(POINTER);
  for (const job of sent) spawned.add(job, now);
  return { result: members?.get(RESULT)?.[0] ?? "null", spawned };
}

/**
 * Whether an answer is a JSON object with the member, whatever that holds: it is not read as jobs. Of one that was cut, whether
 * what is kept of it has the name anywhere.
 */
export function bringsJobs(answer: string, cut: boolean): boolean {
  if (!NAME.test(answer)) return false;
  if (cut) return answer.charCodeAt(skipSpace(answer, 0)) === OPEN_BRACE;
  const members = membersOf(answer, LEVELS_LOOKED_AT);
  return members === "deeper" || members?.has(MEMBER) === true;
}

/** Throws `InvalidSpawn` where an answer, whose bytes are not the UTF-8 of any text, would bring jobs if they were: they would be others. */
export function refuseNotUtf8(answer: string): void {
  if (bringsJobs(answer, false)) throw new InvalidSpawn(POINTER, "the answer is not UTF-8");
}

/** The items of a JSON array as they are written. */
function itemsOf(array: string): JsonText[] {
  const items: JsonText[] = [];
  visitItems(array, 0, (at) => {
    const end = endOfValue(array, at, LEVELS_LOOKED_AT);
    items.push(new JsonText(array.slice(at, end)));
    return end;
  });
  return items;
}

/** What a job may nest, and the list around it. */
const MAX_DEPTH = MAX_JSON_DEPTH + 1;
/** Of an answer that nests deeper yet, and has the member's name anywhere, nobody looks whether it would bring jobs: it is taken as if. */
const LEVELS_LOOKED_AT = 65_536;

/**
 * The members of a JSON object as they are written, all of each name; null where the text is not one, and `deeper` where one
 * nests deeper than `levels`, which a result may less by one: it has no list around it.
 */
function membersOf(text: string, levels: number): Map<string, string[]> | "deeper" | null {
  const start = skipSpace(text, 0);
  if (text.charCodeAt(start) !== OPEN_BRACE) return null;
  const members = new Map<string, string[]>();
  const end = visitMembers(text, start, (nameAt, valueAt) => {
    const name = stringAt(text, nameAt);
    const behind = endOfValue(text, valueAt, name === RESULT ? levels - 1 : levels);
    const named = members.get(name) ?? [];
    members.set(name, named);
    named.push(text.slice(valueAt, behind));
    return behind;
  });
  if (end === DEEPER) return "deeper";
  return end < 0 || skipSpace(text, end) < text.length ? null : members;
}

/** Of an object that nests deeper than anything is kept: throws where it does, if it has the member all the same. */
function refuseDeep(text: string, now: number): null {
  const members = membersOf(text, LEVELS_LOOKED_AT);
  if (members === "deeper") throw new InvalidSpawn("/result", TOO_DEEP);
  const jobs = members?.get(MEMBER)?.at(-1);
  if (jobs === undefined) return null;
  const spawned = new SpawnList(POINTER);
  if (jobs.startsWith("[")) for (const job of itemsOf(jobs).slice(0, MAX_SPAWN)) spawned.add(job, now);
  throw new InvalidSpawn("/result", TOO_DEEP);
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
