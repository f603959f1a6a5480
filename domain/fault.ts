import { normaliseMessage } from "./fingerprint.ts";
import { hash32 } from "./slots.ts";

/**
 * What may be told of something thrown, to logs and to whoever asked. The message of an error quotes what it was made of:
 * the query builder's has the SQL with its parameters, V8's of JSON and of URLs the text that is none, and so secrets and
 * payloads. Therefore no message is passed on but the sentences below, which SQLite and the platform say.
 */
export interface Fault {
  /** The class of the error, and its code where it has one. */
  name: string;
  /** A known sentence, or else `#` and a fingerprint: the same for errors whose messages differ in what varies alone. */
  reason: string;
}

/** Longer chains of causes are not followed to their end. */
const MAX_LINKS = 8;

/** Names of tables and columns, as the schemas have them. */
const NAMES = "[a-z_]{1,40}(?:\\.[a-z_]{1,40})?(?:, [a-z_]{1,40}(?:\\.[a-z_]{1,40})?){0,8}";

/** What SQLite says when it is the database that is in trouble, whatever the row. */
const OF_DATABASE = [
  "database is locked",
  "database or disk is full",
  "database disk image is malformed",
  "disk I/O error",
  "interrupted",
  "out of memory",
  "attempt to write a readonly database",
];

const OF_SQLITE = [
  `(?:UNIQUE|NOT NULL) constraint failed: ${NAMES}`,
  "(?:CHECK|FOREIGN KEY) constraint failed",
  `no such (?:table|column|index): ${NAMES}`,
  "malformed JSON",
  "string or blob too big",
  "too many SQL variables",
  "datatype mismatch",
];

const RESETS =
  "(?:storage operation exceeded timeout which caused object to be reset|reset because its code was updated|exceeded its CPU time limit and was reset|is overloaded)";

/** Of Durable Objects, D1, KV, Queues and `fetch` (docs: Durable Objects, Troubleshooting; D1, Debug D1; KV, Queues). */
const OF_PLATFORM = [
  "Network connection lost",
  `(?:Durable Object|D1 DB) ${RESETS}`,
  "(?:Durable Object|D1 DB)'s isolate exceeded its memory limit and was reset",
  "Internal error (?:while starting up|in) (?:Durable Object|D1 DB) storage caused object to be reset",
  "Cannot resolve (?:Durable Object|D1 DB) due to transient issue on remote node",
  "The Durable Object's code has been updated, this version can no longer access storage",
  "The destination execution context for this RPC was canceled while the call was still running",
  "Your account is generating too much load on Durable Objects",
  "Too many requests queued",
  "Too much data queued",
  "Requests queued for too long",
  "Too many requests for the same object within a 10 second window",
  "Replica disconnected from primary",
  "Exceeded maximum DB size",
  "KV (?:GET|PUT|DELETE|LIST) failed: \\d{3}",
  "Queue (?:send|sendBatch) failed: (?:Too Many Requests|Internal Server Error|Bad Gateway|Service Unavailable)",
  "Too many (?:subrequests|API requests by single worker invocation)",
  "The operation was aborted(?: due to timeout)?",
  "The operation timed out",
  "fetch failed",
  "internal error",
];

/** What Dure itself throws and somebody will want to read. */
const OF_DURE = ["no answer in \\d{1,9} ms"];

/** An error that was wrapped or crossed a boundary says its class again, in front of its message. */
const PREFIX = "^(?:(?:Uncaught )?[A-Za-z0-9_]{0,40}(?:Error|ERROR|Exception): )*";
const KNOWN = sentences([...OF_SQLITE, ...OF_DATABASE, ...OF_PLATFORM, ...OF_DURE]);
const PLATFORM = sentences([...OF_DATABASE, ...OF_PLATFORM]);
const CLASS = /^[A-Za-z0-9]{0,40}(?:Error|Exception|Failure)$/;
const CODE = /^[A-Z][A-Z0-9]*_?[A-Z0-9_]{1,40}$/;
/** D1's code and SQLite's, where D1 puts them. */
const CODE_AT_START = /^(D1_[A-Z_]{1,30}): /;
const CODE_AT_END = /: (SQLITE_[A-Z_]{2,40})(?: \(extended: SQLITE_[A-Z_]{2,40}\))?$/;

function sentences(some: readonly string[]): RegExp {
  return new RegExp(`${PREFIX}(${some.join("|")})(?![\\w-])`);
}

/** Whether what was thrown is the platform's or the database's trouble: it says nothing of what was worked on. Never throws. */
export function isPlatformFault(thrown: unknown): boolean {
  return chainOf(thrown).some((link) => PLATFORM.test(textOf(link, "message")));
}

/**
 * What may be told of anything that was thrown. Of a chain of causes it is the innermost, where the fault began, or the
 * first from there of which more is known than its class. Never throws.
 */
export function faultOf(thrown: unknown): Fault {
  const links = chainOf(thrown).reverse();
  const known = links.find((link) => sentenceIn(link) !== null || CODE.test(textOf(link, "code")));
  const told = known ?? links[0];
  return { name: nameOf(told), reason: sentenceIn(told) ?? fingerprint(told) };
}

function sentenceIn(link: unknown): string | null {
  return KNOWN.exec(textOf(link, "message"))?.[1] ?? null;
}

function fingerprint(link: unknown): string {
  const message = typeof link === "object" ? textOf(link, "message") : String(link);
  return `#${hash32(normaliseMessage(message)).toString(16).padStart(8, "0")}`;
}

/** The same as one text. */
export function faultText(thrown: unknown): string {
  const { name, reason } = faultOf(thrown);
  return `${name}: ${reason}`;
}

const MAX_FRAMES = 12;

/** Where it was thrown, without what it says: the frames of its stack, or nothing when they cannot be told from the message. */
export function framesOf(thrown: unknown): string[] {
  const [stack, message] = [textOf(thrown, "stack"), textOf(thrown, "message")];
  const at = stack.indexOf(message);
  // In front of the message stands nothing but the name of the class.
  if (message === "" || at < 0 || at > 100) return [];
  return stack
    .slice(at + message.length)
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, MAX_FRAMES)
    .map((line) => line.trim());
}

/** The error, what caused it, and so on. Of several errors in one, the first. */
function chainOf(thrown: unknown): unknown[] {
  const links: unknown[] = [];
  for (let at = thrown; links.length < MAX_LINKS && !links.includes(at); ) {
    links.push(at);
    const [cause, errors] = [memberOf(at, "cause"), memberOf(at, "errors")];
    const next: unknown =
      typeof cause === "object" && cause !== null ? cause : Array.isArray(errors) ? errors[0] : null;
    if (typeof next !== "object" || next === null) break;
    at = next;
  }
  return links;
}

function nameOf(link: unknown): string {
  if (typeof link !== "object" || link === null) return link === null ? "null" : typeof link;
  const [name, code] = [textOf(link, "name"), textOf(link, "code")];
  const inMessage = [CODE_AT_START, CODE_AT_END].map((place) => place.exec(textOf(link, "message"))?.[1]);
  const codes = [CODE.test(code) ? code : undefined, ...inMessage].filter((one) => one !== undefined);
  return [CLASS.test(name) ? name : "Error", ...codes].join(" ");
}

function textOf(link: unknown, member: string): string {
  const value = memberOf(link, member);
  return typeof value === "string" ? value : "";
}

/** What was thrown may be anything, such as a proxy whose members throw. */
function memberOf(link: unknown, member: string): unknown {
  if (typeof link !== "object" || link === null) return undefined;
  try {
    return Reflect.get(link, member);
  } catch {
    return undefined;
  }
}
