/**
 * JSON text (RFC 8259) looked through once, without making values of it: where a value ends, and whether it is one. What is
 * opaque to Dure stays the sender's own text, and text of any kind costs the same for each of its characters: digits that a double
 * cannot hold, half a million values, or one string.
 */

/**
 * In place of an index, all below zero: the text is not JSON, or nests deeper than it may. Most of what is not JSON is told with its
 * place, which `placeOf` reads.
 */
export const NOT_JSON = -1;
export const TOO_DEEP = -2;
const PLACED = -3;

function notJsonAt(at: number): number {
  return PLACED - at;
}

/** Where the text is not JSON: the index of the first character that cannot stand there, or the end of the text. Null where `end` does not say. */
export function placeOf(end: number): number | null {
  return end <= PLACED ? PLACED - end : null;
}

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const SPACE = 0x20;

/**
 * So many characters of a run are looked at one by one; a longer one is left to a regular expression, which the engine has as machine
 * code from the start. Their classes are single characters, so that none of them ever goes back.
 */
const SHORT_RUN = 32;
const AFTER_SPACE = /[^ \t\n\r]/g;
const AFTER_DIGITS = /[^0-9]/g;
/** A quote, a backslash or a control character: all but what a string has as it is. */
const AFTER_PLAIN = /[^ !#-[\]-\uffff]/g;

/** Where `stop` is found first at or behind `at`; the end of the text where it is not. */
function search(text: string, at: number, stop: RegExp): number {
  stop.lastIndex = at;
  return stop.test(text) ? stop.lastIndex - 1 : text.length;
}

export function skipSpace(text: string, at: number): number {
  let i = at;
  for (;;) {
    const code = text.charCodeAt(i);
    if (code > SPACE || !isSpace(code)) return i;
    if (++i === at + SHORT_RUN) return search(text, i, AFTER_SPACE);
  }
}
function isSpace(code: number): boolean {
  return code === SPACE || code === 0x0a || code === 0x0d || code === 0x09;
}

/**
 * The index behind the value that begins at `at`, which may nest `levels` deep; `TOO_DEEP` where it nests
 * deeper, and where there is none its place, as `placeOf` reads it. It is one loop, because a text may be nothing but brackets, and a call for each would be most of the time.
 */
export function endOfValue(text: string, at: number, levels: number): number {
  /** What ends each array and object that is open, the innermost last. */
  const closers: number[] = [];
  let depth = 0;
  let i = at;
  while (i >= 0) {
    const code = text.charCodeAt(i);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (depth === levels) return TOO_DEEP;
      const closer = code === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
      i = skipSpace(text, i + 1);
      if (text.charCodeAt(i) !== closer) {
        closers[depth++] = closer;
        if (closer === CLOSE_BRACE) i = startOfMember(text, i);
        continue;
      }
      i++;
    } else i = endOfScalar(text, i, code);
    // With the value end those that it is the last of. Most have no space behind them, and are spared the look for it.
    for (; ; i++) {
      if (depth === 0 || i < 0) return i;
      let mark = text.charCodeAt(i);
      if (mark <= SPACE) {
        i = skipSpace(text, i);
        mark = text.charCodeAt(i);
      }
      if (mark === COMMA) break;
      if (mark !== closers[--depth]) return notJsonAt(i);
    }
    i = skipSpace(text, i + 1);
    if (closers[depth - 1] === CLOSE_BRACE) i = startOfMember(text, i);
  }
  return i;
}

function endOfScalar(text: string, at: number, code: number): number {
  switch (code) {
    case QUOTE:
      return endOfString(text, at);
    case 0x74:
      return endOfWord(text, at, "true");
    case 0x66:
      return endOfWord(text, at, "false");
    case 0x6e:
      return endOfWord(text, at, "null");
    default:
      return endOfNumber(text, at);
  }
}

function endOfWord(text: string, at: number, word: string): number {
  if (text.startsWith(word, at)) return at + word.length;
  let i = 0;
  while (text[at + i] === word[i]) i++;
  return notJsonAt(at + i);
}

/** Whether the whole text is one value: its index range without the space around it, or what is wrong. */
export function wholeValue(
  text: string,
  levels: number,
): { start: number; end: number } | typeof NOT_JSON | typeof TOO_DEEP {
  const start = skipSpace(text, 0);
  const end = endOfValue(text, start, levels);
  if (end < 0) return end === TOO_DEEP ? TOO_DEEP : NOT_JSON;
  return skipSpace(text, end) === text.length ? { start, end } : NOT_JSON;
}

/** Where the value of the member begins whose name begins at `at`. */
function startOfMember(text: string, at: number): number {
  if (text.charCodeAt(at) !== QUOTE) return notJsonAt(at);
  const end = endOfString(text, at);
  if (end < 0) return end;
  const colon = skipSpace(text, end);
  return text.charCodeAt(colon) === COLON ? skipSpace(text, colon + 1) : notJsonAt(colon);
}

/** What looks into an object: where a member's name begins, and its value. It answers where the value ends, or below zero to stop. */
export type MemberVisit = (name: number, value: number) => number;

/** The index behind the object that begins at `at`, each of whose members `visit` has seen; below zero what stopped it. */
export function visitMembers(text: string, at: number, visit: MemberVisit): number {
  let i = skipSpace(text, at + 1);
  if (text.charCodeAt(i) === CLOSE_BRACE) return i + 1;
  for (;;) {
    const value = startOfMember(text, i);
    if (value < 0) return value;
    i = visit(i, value);
    if (i < 0) return i;
    i = skipSpace(text, i);
    const code = text.charCodeAt(i);
    if (code === CLOSE_BRACE) return i + 1;
    if (code !== COMMA) return notJsonAt(i);
    i = skipSpace(text, i + 1);
  }
}

/** As `visitMembers`, of the array that begins at `at`. */
export function visitItems(text: string, at: number, visit: (value: number) => number): number {
  let i = skipSpace(text, at + 1);
  if (text.charCodeAt(i) === CLOSE_BRACKET) return i + 1;
  for (;;) {
    i = visit(i);
    if (i < 0) return i;
    i = skipSpace(text, i);
    const code = text.charCodeAt(i);
    if (code === CLOSE_BRACKET) return i + 1;
    if (code !== COMMA) return notJsonAt(i);
    i = skipSpace(text, i + 1);
  }
}

/** The string that begins at `at`, which is one, as the value that it is. */
export function stringAt(text: string, at: number): string {
  const end = endOfString(text, at);
  const inside = text.slice(at + 1, end - 1);
  return inside.includes("\\") ? String(JSON.parse(text.slice(at, end))) : inside;
}

/** The index behind the string that begins at `at`. */
export function endOfString(text: string, at: number): number {
  let longFrom = at + SHORT_RUN;
  for (let i = at + 1; i < text.length; i++) {
    if (i >= longFrom) {
      i = search(text, i, AFTER_PLAIN);
      longFrom = i + SHORT_RUN;
    }
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i + 1;
    if (code < SPACE) return notJsonAt(i);
    if (code !== BACKSLASH) continue;
    i = endOfEscape(text, i + 1);
    if (i < 0) return i;
  }
  return notJsonAt(text.length);
}

/** The index of the last character of the escape whose letter is at `at`. */
function endOfEscape(text: string, at: number): number {
  switch (text.charCodeAt(at)) {
    case QUOTE:
    case BACKSLASH:
    case 0x2f: // slash
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at;
    case 0x75: // u
      for (let i = at + 1; i <= at + 4; i++) if (!isHexDigit(text.charCodeAt(i))) return notJsonAt(i);
      return at + 4;
    default:
      return notJsonAt(at);
  }
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function endOfNumber(text: string, at: number): number {
  let i = at;
  let code = text.charCodeAt(i);
  if (code === MINUS) code = text.charCodeAt(++i);
  if (code === ZERO) i++;
  else if (isDigit(code)) i = endOfDigits(text, i + 1);
  else return notJsonAt(i);
  code = text.charCodeAt(i);
  if (code === POINT) {
    if (!isDigit(text.charCodeAt(i + 1))) return notJsonAt(i + 1);
    i = endOfDigits(text, i + 2);
    code = text.charCodeAt(i);
  }
  if ((code | 0x20) !== 0x65) return i;
  const sign = text.charCodeAt(i + 1);
  i += sign === PLUS || sign === MINUS ? 2 : 1;
  return isDigit(text.charCodeAt(i)) ? endOfDigits(text, i + 1) : notJsonAt(i);
}

function endOfDigits(text: string, at: number): number {
  let i = at;
  while (isDigit(text.charCodeAt(i))) {
    if (++i === at + SHORT_RUN) return search(text, i, AFTER_DIGITS);
  }
  return i;
}
