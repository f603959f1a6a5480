/**
 * One text for all writings of a number: 1.0, 1 and 10e-1 are `1`. It is what `JSON.stringify` would write where a double holds
 * the number as it is written, and else all of its digits with an exponent (`388910826520445003e1`), so that no two numbers are taken
 * for one. -0 is 0, as everywhere in arithmetic. `raw` is a number of JSON of any length.
 */
export function canonicalNumber(raw: string): string {
  if (raw.length <= SURELY_EXACT && String(Number(raw)) === raw) return raw;
  const exact = exactDecimal(raw);
  if (exact === "0" || exact.length > LONGEST_DOUBLE) return exact;
  // Null where it is beyond what a double can hold.
  const written = JSON.stringify(Number(exact));
  return written !== "null" && exactDecimal(written) === exact ? written : exact;
}

/** Characters of a number that comes back from a double as it went in, whatever they are. */
const SURELY_EXACT = 24;
/** Characters of a double with all of its digits and an exponent, and a few more. */
const LONGEST_DOUBLE = 32;

/** The digits without zeros around them, and the exponent of the last: `-15e-1`. Zero is `0`. */
function exactDecimal(raw: string): string {
  const sign = raw.startsWith("-") ? "-" : "";
  const letter = raw.search(/[eE]/);
  const mantissa = raw.slice(sign.length, letter < 0 ? undefined : letter);
  const point = mantissa.indexOf(".");
  const places = point < 0 ? 0 : mantissa.length - point - 1;
  const all = point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1);
  let start = 0;
  while (all.charCodeAt(start) === ZERO) start++;
  let end = all.length;
  while (end > start && all.charCodeAt(end - 1) === ZERO) end--;
  if (start === end) return "0";
  const exponent = letter < 0 ? "0" : raw.slice(letter + 1);
  return `${sign}${all.slice(start, end)}e${sum(exponent, all.length - end - places)}`;
}

const ZERO = 0x30;
/** So many digits, and a few million more, are a number that JavaScript adds exactly. */
const CHUNK = 15;

/** An exponent of any length, and a number of a few digits. */
function sum(exponent: string, shift: number): string {
  const isNegative = exponent.startsWith("-");
  const digits = withoutZeros(exponent.replace(/^[+-]/, ""));
  if (digits.length <= CHUNK) return String((isNegative ? -1 : 1) * Number(digits) + shift);
  // Away from zero or toward it, which so large a number does not pass.
  return (isNegative ? "-" : "") + withoutZeros(sumOfDigits(digits, isNegative ? -shift : shift));
}

function sumOfDigits(digits: string, shift: number): string {
  const head = digits.slice(0, -CHUNK);
  const tail = Number(digits.slice(-CHUNK)) + shift;
  if (tail < 0) return step(head, -1) + String(tail + 10 ** CHUNK).padStart(CHUNK, "0");
  if (tail < 10 ** CHUNK) return head + String(tail).padStart(CHUNK, "0");
  return step(head, 1) + String(tail - 10 ** CHUNK).padStart(CHUNK, "0");
}

/** The decimal number above zero, one more or less. */
function step(digits: string, by: 1 | -1): string {
  const [from, to] = by === 1 ? ["9", "0"] : ["0", "9"];
  let end = digits.length;
  while (end > 0 && digits[end - 1] === from) end--;
  const turned = to.repeat(digits.length - end);
  return end === 0 ? `1${turned}` : digits.slice(0, end - 1) + String(Number(digits[end - 1]) + by) + turned;
}

function withoutZeros(digits: string): string {
  let start = 0;
  while (start < digits.length - 1 && digits.charCodeAt(start) === ZERO) start++;
  return digits.slice(start);
}
