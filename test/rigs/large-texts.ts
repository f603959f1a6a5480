import { utf8Bytes } from "../../contract/primitives.ts";

/**
 * JSON texts of as many bytes as are asked for, each of the kind that some way of reading, checking or comparing JSON takes longest for:
 * many of whatever is small, one of whatever is long, and whatever has to be put in another order or another writing.
 */
export const LARGE_TEXTS: Record<string, (bytes: number) => string> = {
  "one number of digits": (bytes) => "7".repeat(bytes),
  "one number with a point": (bytes) => filled("7.", "3", "", bytes),
  "one number of zeros behind a point": (bytes) => filled("0.", "0", "1", bytes),
  "one exponent": (bytes) => filled("1e", "7", "", bytes),
  digits: list("0,"),
  "numbers with a point": list("1.0,"),
  "numbers with an exponent": list("1e1,"),
  "zeros with a sign": list("-0,"),
  "small numbers": list("1.5e-7,"),
  "numbers of 16 digits": list("3.141592653589793,"),
  "numbers of 20 digits": list("12345678901234567890,"),
  "numbers of 300 digits": list(`${"9".repeat(300)},`),
  "numbers beyond doubles": list("1e400,"),
  "numbers at the end of doubles": list("1e308,"),
  "exponents beyond numbers": list("1e9999999999999999999,"),
  words: list("true,"),
  "empty arrays": list("[],"),
  "empty objects": list("{},"),
  "arrays of 500 levels": list(`${"[".repeat(500)}${"]".repeat(500)},`),
  "objects of 500 levels": list(`${'{"a":'.repeat(500)}0${"}".repeat(500)},`),
  "arrays beside a wide character": (bytes) => filled('["→",', `${"[".repeat(9)}${"]".repeat(9)},`, "0]", bytes),
  "one string": (bytes) => filled('"', "x", '"', bytes),
  "one string of two bytes a character": (bytes) => filled('"', "é", '"', bytes),
  "one string of three bytes a character": (bytes) => filled('"', "→", '"', bytes),
  "one string of four bytes a character": (bytes) => filled('"', "😀", '"', bytes),
  "a string of short escapes": (bytes) => filled('"', "\\n", '"', bytes),
  "a string of escapes without need": (bytes) => filled('"', "\\/", '"', bytes),
  "a string of long escapes": (bytes) => filled('"', "\\u00e9", '"', bytes),
  "a string of escaped halves": (bytes) => filled('"', "\\ud800", '"', bytes),
  "a string of runs and escapes": (bytes) => filled('"', `${"x".repeat(33)}\\n`, '"', bytes),
  "empty strings": list('"",'),
  "strings of one escape": list('"\\/",'),
  "members of one name": (bytes) => filled("{", '"a":0,', '"a":0}', bytes),
  "members of one escaped name": (bytes) => filled("{", '"\\/":0,', '"a":0}', bytes),
  "members in order": members((i) => String(1e6 + i)),
  "members in the other order": members((i) => String(2e6 - i)),
  "members in no order": members((i) => String((i * 7_919) % 999_983)),
  "members in no order, all alike for long": members((i) => `${"a".repeat(40)}${(i * 7_919) % 999_983}`),
  "members in no order, with escapes": members((i) => `\\n${(i * 7_919) % 999_983}`),
  "objects of names that no other has": (bytes) =>
    `[${Array.from({ length: Math.floor(bytes / 26) }, (_, i) => `{"member${1e5 + i}":${1e5 + i}}`).join(",")}]`,
  "objects of one member": list('{"a":0},'),
  "objects of two members in the other order": list('{"b":0,"a":0},'),
  "objects in objects, in the other order": list('{"b":{"b":1.0,"a":-0},"a":0},'),
  "500 levels, each in the other order": list(`${'{"b":'.repeat(500)}0${',"a":0}'.repeat(500)},`),
  "many values in 400 levels, each in the other order": (bytes) =>
    `${'{"b":'.repeat(400)}${list("-0,")(bytes - 400 * 12)}${',"a":0}'.repeat(400)}`,
  "space in one place": (bytes) => filled("[0", " ", "]", bytes),
  "space everywhere": list("\n0\t,\r"),
  "space around members": (bytes) => filled("{", '"a" : 0 , ', '"a":0}', bytes),
};

/** Texts of as many bytes that are none, each found out late or in an unlikely way. */
export const LARGE_BROKEN: Record<string, (bytes: number) => string> = {
  "brackets that nobody closes": (bytes) => "[".repeat(bytes),
  "a list that ends too early": (bytes) => filled("[", "0,", "", bytes),
  "a string that nobody closes": (bytes) => filled('"', "x", "", bytes),
  "a string of escapes that nobody closes": (bytes) => filled('"', "\\\\", "", bytes),
  "many lines, the last of which is wrong": (bytes) => filled("[", "0,\n", "x", bytes),
  "a text behind the text": (bytes) => filled("[", "0,", "0]x", bytes),
};

function list(item: string): (bytes: number) => string {
  return (bytes) => filled("[", item, "0]", bytes);
}

function members(name: (i: number) => string): (bytes: number) => string {
  return (bytes) => {
    let all = "{";
    for (let i = 0; ; i++) {
      const next = `"${name(i)}":0,`;
      if (all.length + next.length + '"a":0}'.length > bytes) return `${all}"a":0}`;
      all += next;
    }
  };
}

/** As often the part as it has room between the ends. */
function filled(start: string, part: string, end: string, bytes: number): string {
  const room = bytes - utf8Bytes(start) - utf8Bytes(end);
  return start + part.repeat(Math.max(0, Math.floor(room / utf8Bytes(part)))) + end;
}
