/** Where an instance of a service is, and what is asked of it there. */

/**
 * The URL of an instance as it is kept: as the WHATWG parser writes it, without a slash at its end, so that two texts of one place are
 * one instance. Null where it can be none: it is not http or https, or has a user name, a password, a query or a fragment, or what the
 * parser would leave out or replace: spaces, control characters, lone surrogates.
 */
export function instanceUrl(text: string): string | null {
  if (/[\s\p{Cc}]/u.test(text) || !text.isWellFormed() || !URL.canParse(text)) return null;
  const { protocol, username, password, origin, pathname } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:") return null;
  // By the text: of an empty query, or an empty fragment, the parser says nothing.
  if (username !== "" || password !== "" || /[?#@]/.test(text)) return null;
  return origin + pathname.replace(/\/+$/, "");
}

/** What a path within an instance is, as the end of a sentence. */
export const SERVICE_PATH_RULE =
  "begins with a slash, and has no segment of two dots, no fragment, no spaces and no other characters than those of a URL";

/** Whether `text` can follow the URL of an instance: with its slash it never changes the host. A query may belong to it. */
export function isServicePath(text: string): boolean {
  return /^\/[!"$-~]*$/.test(text) && !leadsUpwards(text);
}

/** Characters that may be percent-encoded, once or several times over, to hide a segment. */
const HIDDEN: readonly (readonly [code: RegExp, character: string])[] = [
  [/%(?:25)*2e/gi, "."],
  [/%(?:25)*(?:2f|5c)|\\/gi, "/"],
  [/%(?:25)*3b/gi, ";"],
  // Some servers leave out blanks and control characters, or end a name at them.
  [/%(?:25)*(?:[01][0-9a-f]|20|7f)/gi, ""],
];

/**
 * Whether a path, which a query may follow, has a segment `..`. An instance may decode what a URL parser leaves as it is, and so leave the
 * path that all requests to it begin with: so encoded dots and slashes count, backslashes, parameters of a segment (`..;x`), and so
 * does what is left without blanks and control characters.
 */
export function leadsUpwards(path: string): boolean {
  let plain = path.replace(/[?#].*$/s, "").replace(/[\t\n\r]/g, "");
  for (const [code, character] of HIDDEN) plain = plain.replace(code, character);
  return /(?:^|\/)\.\.(?:[/;]|$)/.test(plain);
}

/** The path that all requests to an instance begin with, without a slash at its end. It is ASCII, as the parser writes it. */
export function basePathOf(instance: string): string {
  return new URL(instance).pathname.replace(/\/+$/, "");
}

/** The URL of `path`, which `isServicePath` holds for, at an instance. */
export function urlAt(instance: string, path: string): string {
  return instance + path;
}
