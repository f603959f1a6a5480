/**
 * What of an HTTP target is secret: the values of its headers, and of its URL the user name, the password, the values of the query
 * and the fragment. The path is not: who keeps a token there shows it to whoever may read the settings.
 */

/** Shown in place of a secret; sent back, it keeps the one that is stored. */
export const MASK = "***";

/** The names of queues of the target's own namespace. */
export interface SpawnQueues {
  queues: string[];
}

/** An HTTP target of a queue or a subscription, as D1 and the shards keep it. */
export interface HttpTarget {
  type: "http";
  /** Masked, where `sealedUrl` is there. */
  url: string;
  /** The whole URL, sealed. Left out where nothing of it is secret. */
  sealedUrl?: string;
  /** By name, sealed. */
  headers: Record<string, string>;
  /** The id of the key that the secrets are sealed under, of several the oldest; `none`: it has none. Left out: they are in clear. */
  sealedBy?: string;
  /** Seconds until the headers of an answer have to come. Left out: 30. */
  firstByteTimeout?: number | undefined;
  /** The queues that jobs of its answers may go to. Left out: none, and what an answer says of jobs is not looked at. */
  spawn?: SpawnQueues | undefined;
  /** Whether an answer may say that the job is finished later. Left out: no, and what it says of that is not followed. */
  async?: boolean | undefined;
}

/** The URL with `***` in place of what is secret; as it is, where nothing is. The mask of a masked one is the same. */
export function maskedUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, username, password, host, pathname, search, hash } = new URL(url);
  const query = search.slice(1).split("&").map(maskedParameter).join("&");
  if (username === "" && password === "" && query === search.slice(1) && hash === "") return url;
  const names = [username, ...(password === "" ? [] : [password])].map((part) => (part === "" ? "" : MASK)).join(":");
  const user = names === "" ? "" : `${names}@`;
  return `${protocol}//${user}${host}${pathname}${query === "" ? "" : `?${query}`}${hash === "" ? "" : `#${MASK}`}`;
}

/** A parameter without a value may be a token by itself. */
function maskedParameter(parameter: string): string {
  const at = parameter.indexOf("=");
  if (parameter === "" || at === parameter.length - 1) return parameter;
  return at < 0 ? MASK : `${parameter.slice(0, at)}=${MASK}`;
}

/** Whether the URL has `***` in the place of a secret. */
export function hasMask(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password, search, hash } = new URL(url);
  const values = search
    .slice(1)
    .split("&")
    .map((parameter) => parameter.slice(parameter.indexOf("=") + 1));
  return [username, password, hash.slice(1), ...values].includes(MASK);
}

/** Scheme, host and port of where a target's secrets go; the empty text of what is no URL. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : "";
}
