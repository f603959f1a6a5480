import { fromBase64Url, toBase64Url, utf8 } from "../bytes.ts";

/** HMAC-SHA256 cut to 128 bits: these tokens carry no authority, only that they came from here. */
const TAG_BYTES = 16;

/**
 * Signs the small opaque values that clients carry back: cursors and bookmarks. The key is derived from the root
 * key, so every isolate has the same one; `purpose` keeps a token of one kind from passing as another.
 */
export class Signer {
  readonly #rootKey: string;
  /** The key itself, not its promise: a promise belongs to the request that made it. */
  #key: CryptoKey | null = null;

  constructor(rootKey: string) {
    this.#rootKey = rootKey;
  }

  /** `value` as base64url JSON, a dot, and the tag. */
  async sign(purpose: string, value: unknown): Promise<string> {
    const body = toBase64Url(utf8(JSON.stringify(value)));
    const tag = await crypto.subtle.sign("HMAC", await this.#derived(), utf8(`${purpose}.${body}`));
    return `${body}.${toBase64Url(new Uint8Array(tag).subarray(0, TAG_BYTES))}`;
  }

  /** The value of a token that `sign` made for the same purpose; null for anything else. */
  async open(purpose: string, token: string): Promise<unknown> {
    if (token.length > 4096) return null;
    const dot = token.indexOf(".");
    const bytes = dot < 0 ? null : fromBase64Url(token.slice(0, dot));
    if (bytes === null) return null;
    const value = parseJson(new TextDecoder().decode(bytes));
    // Signing again and comparing texts also refuses other spellings of the same bytes.
    return value !== undefined && sameText(await this.sign(purpose, value), token) ? value : null;
  }

  async #derived(): Promise<CryptoKey> {
    this.#key ??= await deriveKey(this.#rootKey);
    return this.#key;
  }
}

async function deriveKey(rootKey: string): Promise<CryptoKey> {
  const seed = await crypto.subtle.digest("SHA-256", utf8(`dure signing v1 ${rootKey}`));
  return crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Compares in a time that does not tell where the difference is. */
export function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
