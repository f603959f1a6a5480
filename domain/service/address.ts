/** Where an instance of a service is, and what is asked of it there. */

/**
 * The URL of an instance as it is kept: as the WHATWG parser writes it, without a slash at its end, so that two texts of one place are
 * one instance. Null where it can be none: it is not http or https, or has a user name, a password, a query or a fragment.
 */
export function instanceUrl(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, username, password, origin, pathname } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:") return null;
  // By the text: of an empty query, or an empty fragment, the parser says nothing.
  if (username !== "" || password !== "" || /[?#@]/.test(text)) return null;
  return origin + pathname.replace(/\/+$/, "");
}

/** What a path within an instance is, as the end of a sentence. */
export const SERVICE_PATH_RULE =
  "begins with a slash, and has no fragment, no spaces and no other characters than those of a URL";

/** Whether `text` can follow the URL of an instance: with its slash it never changes the host. A query may belong to it. */
export function isServicePath(text: string): boolean {
  return /^\/[!"$-~]*$/.test(text);
}

/** The URL of `path`, which `isServicePath` holds for, at an instance. */
export function urlAt(instance: string, path: string): string {
  return instance + path;
}
