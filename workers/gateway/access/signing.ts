import { decrypt, encrypt } from "../../crypto/aes-gcm.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../../crypto/bytes.ts";
import type { MasterKeys } from "../../crypto/master-key.ts";

const MAX_TOKEN = 4096;
/** Tokens are as long as the next multiple of this, so that a length does not tell how many digits a number has. */
const PAD_BYTES = 32;

/**
 * Makes the small values that clients carry back, cursors and bookmarks, and opens them: encrypted, so that they tell nothing to
 * who carries them, and so that only what was made here opens. The key is derived from the master key, so every isolate has the
 * same one; `purpose` keeps a token of one kind from passing as another.
 */
export class Signer {
  readonly #keys: MasterKeys;

  constructor(keys: MasterKeys) {
    this.#keys = keys;
  }

  /** `value`, JSON that is padded with spaces, encrypted, in base64url. */
  async sign(purpose: string, value: unknown): Promise<string> {
    const { tokens } = await this.#keys.current();
    return toBase64Url(await encrypt(tokens, purpose, padded(utf8(JSON.stringify(value)))));
  }

  /** The value of a token that `sign` made for the same purpose, under this key or the one before; null for anything else. */
  async open(purpose: string, token: string): Promise<unknown> {
    if (token.length > MAX_TOKEN) return null;
    const message = fromBase64Url(token);
    // Writing it again and comparing refuses other spellings of the same bytes.
    if (message === null || toBase64Url(message) !== token) return null;
    for (const { tokens } of await this.#keys.all()) {
      const bytes = await decrypt(tokens, purpose, message);
      if (bytes !== null) return JSON.parse(new TextDecoder().decode(bytes));
    }
    return null;
  }
}

/** JSON may end in spaces. */
function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(Math.ceil(bytes.length / PAD_BYTES) * PAD_BYTES).fill(" ".charCodeAt(0));
  all.set(bytes);
  return all;
}

/** Compares in a time that does not tell where the difference is. */
export function sameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}
