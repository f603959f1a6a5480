import type { Random } from "../simulation/random.ts";

/** Random JSON texts, and how they are found again in what is answered. */

const SPACES = ["", "", "", " ", "\n", "\t ", "\r\n"];
const WORDS = [
  "true",
  "false",
  "null",
  "-0",
  "0",
  "1.0",
  "1E2",
  "1e400",
  "-1e-400",
  "0.1000",
  "3889108265204450030",
  "[]",
  "{}",
  '""',
];
const PIECES = [
  "a",
  "é",
  "두",
  "😀",
  "\u2028",
  "\ufeff",
  "\\n",
  "\\\\",
  '\\"',
  "\\/",
  "\\u0000",
  "\\ud800",
  "\\uDC00",
  "\\u00e9",
  "</",
  "~1",
  "payload",
];
const NAMES = [
  "a",
  "b",
  "__proto__",
  "constructor",
  "payload",
  "payloadText",
  "result",
  "toJSON",
  "é\\u00e9",
  "\\/",
  "",
];

/** One JSON text: any member order, writing, space and number, each of which a double or a writer would lose. */
export function randomText(random: Random, depth = 0): string {
  const kind = random.int(0, depth > 4 ? 2 : 5);
  if (kind === 0) return random.pick(WORDS);
  if (kind === 1) return number(random);
  if (kind === 2) return string(random);
  const space = () => random.pick(SPACES);
  const members = Array.from({ length: random.int(0, 3) }, () => {
    const value = `${space()}${randomText(random, depth + 1)}${space()}`;
    return kind === 3 ? value : `${space()}"${random.pick(NAMES)}"${space()}:${value}`;
  });
  const inside = members.length === 0 ? space() : members.join(",");
  return kind === 3 ? `[${inside}]` : `{${inside}}`;
}

function number(random: Random): string {
  const digits = (most: number) => Array.from({ length: random.int(1, most) }, () => random.int(0, 9)).join("");
  const whole = random.int(0, 4) === 0 ? "0" : `${random.int(1, 9)}${digits(random.int(0, 49) === 0 ? 400 : 22)}`;
  const fraction = random.int(0, 2) === 0 ? `.${digits(25)}` : "";
  const exponent = random.int(0, 2) === 0 ? `${random.pick(["e", "E"])}${random.pick(["", "+", "-"])}${digits(5)}` : "";
  return `${random.pick(["", "-"])}${whole}${fraction}${exponent}`;
}

function string(random: Random): string {
  return `"${Array.from({ length: random.int(0, 7) }, () => random.pick(PIECES)).join("")}"`;
}

/** Some texts of a kind that no chance would make: as deep as a payload may be, and long. */
export const EDGES = [
  `${"[".repeat(500)}1.0${"]".repeat(500)}`,
  `${'{"a":'.repeat(500)}-0${"}".repeat(500)}`,
  "7".repeat(60_000),
  `"${"\\u00e9😀".repeat(4000)}"`,
  '{"id":3889108265204450030}',
  '{"b":1,"a":2,"b":3}',
];

/** `count` texts, packed into lists: as many payloads, each of `each` texts. */
export function packedTexts(random: Random, count: number, each: number): string[] {
  const one = () => `[${Array.from({ length: each }, () => randomText(random)).join(random.pick([",", " ,\n"]))}]`;
  return [...EDGES, ...Array.from({ length: Math.ceil(count / each) }, one)];
}

/**
 * What stands in an answer for the job `id`, up to the next job. Found without this project's own reader: no text of `randomText` holds
 * an id.
 */
export function partOf(answer: string, id: string): string {
  const [, part = ""] = answer.split(`{"id":"${id}"`);
  return part.split('{"id":"job_', 1)[0] ?? "";
}
