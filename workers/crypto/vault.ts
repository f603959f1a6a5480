import { decrypt, encrypt } from "./aes-gcm.ts";
import { fromBase64Url, toBase64Url, utf8 } from "./bytes.ts";
import type { MasterKeys } from "./master-key.ts";

/** `sealed.v1.<id of the key>.<IV and ciphertext in base64url>` */
const SHAPE = /^sealed\.v1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)$/;

/** What a sealed value is, and whose: it opens there and nowhere else. */
export type Place = readonly string[];

/** Whether a text has the shape of a sealed value. Stored values without it are of the time before they were sealed. */
export function isSealed(text: string): boolean {
  return SHAPE.test(text);
}

/** The id of the key that `text` is sealed under; the empty text where it is not sealed. */
export function keyIdOf(text: string): string {
  return SHAPE.exec(text)?.[1] ?? "";
}

/**
 * Seals texts that are kept, and opens them: AES-256-GCM under a key of the master key's. A value is bound to its place, so that
 * whoever can write where values lie cannot make one go where another is meant to go.
 */
export class Vault {
  readonly #keys: MasterKeys;

  constructor(keys: MasterKeys) {
    this.#keys = keys;
  }

  /** The id of the key that seals now. */
  async keyId(): Promise<string> {
    return (await this.#keys.current()).id;
  }

  async seal(place: Place, text: string): Promise<string> {
    const { id, values } = await this.#keys.current();
    return `sealed.v1.${id}.${toBase64Url(await encrypt(values, contextOf(place), utf8(text)))}`;
  }

  /** The text; null where this was not sealed for this place under a key that there is. */
  async open(place: Place, sealed: string): Promise<string | null> {
    const [, id, body] = SHAPE.exec(sealed) ?? [];
    const message = body === undefined ? null : fromBase64Url(body);
    const keys = (await this.#keys.all()).find((one) => one.id === id);
    if (message === null || keys === undefined) return null;
    const bytes = await decrypt(keys.values, contextOf(place), message);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }
}

/** As JSON, so that no two places have the same text. */
function contextOf(place: Place): string {
  return JSON.stringify(["sealed v1", ...place]);
}
