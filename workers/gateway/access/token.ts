import { toHex } from "../../../contract/hash.ts";
import { utf8 } from "../../crypto/bytes.ts";
import { sameText } from "./signing.ts";

/**
 * API tokens: `dure_<keyId>_<secret>`. The secret is 43 random characters, a hyphen, and a seal: eight hexadecimal digits
 * that name the key of the checksum, and sixteen of the checksum itself. Tokens of before the seal end with the random
 * characters.
 */
const SEALED = /^dure_([0-9a-z]{20})_([0-9A-Za-z]{43})-([0-9a-f]{8})([0-9a-f]{16})$/;
const BARE = /^dure_([0-9a-z]{20})_[0-9A-Za-z]{43}$/;
const KEY_ID = /^[0-9a-z]{20}$/;

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32 = "0123456789abcdefghjkmnpqrstvwxyz";
/** 43 characters of 62 are 256 bits. */
const SECRET_CHARACTERS = 43;
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 10;

type Random = (bytes: Uint8Array<ArrayBuffer>) => void;

/** The key that a token says to be, and whether its seal proves that a token of this key was made here. */
export interface TokenClaim {
  keyId: string;
  sealed: boolean;
}

/**
 * A keyed checksum over key id and secret, so that a token that was never made here is told from one that was without asking
 * anybody. It is no proof that the key still works. The seal names its key: a token under another one, as after that was
 * replaced, counts as one without a seal, and goes on working.
 */
export class TokenSeal {
  readonly #secret: () => Promise<Uint8Array<ArrayBuffer>>;
  /** The keys themselves, not their promise: a promise belongs to the request that made it. */
  #known: { key: CryptoKey; name: string } | null = null;

  /** `secret` gives the bytes that the checksum is keyed with, 32 of them; the same in every isolate. Asked once. */
  constructor(secret: () => Promise<Uint8Array<ArrayBuffer>>) {
    this.#secret = secret;
  }

  /** The token of a key, its seal at the end. */
  async seal(keyId: string, secret: string): Promise<string> {
    const { key, name } = await this.#keyed();
    return `dure_${keyId}_${secret}-${name}${await tag(key, `${keyId}_${secret}`, 8)}`;
  }

  /** What the token says, or null: none like it was ever made. */
  async read(token: string): Promise<TokenClaim | null> {
    const bare = BARE.exec(token)?.[1];
    if (bare !== undefined) return { keyId: bare, sealed: false };
    const [, keyId, secret, name] = SEALED.exec(token) ?? [];
    if (keyId === undefined || secret === undefined) return null;
    if (name !== (await this.#keyed()).name) return { keyId, sealed: false };
    return sameText(await this.seal(keyId, secret), token) ? { keyId, sealed: true } : null;
  }

  async #keyed(): Promise<{ key: CryptoKey; name: string }> {
    if (this.#known !== null) return this.#known;
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", await this.#secret(), algorithm, false, ["sign"]);
    this.#known = { key, name: await tag(key, "name", 4) };
    return this.#known;
  }
}

async function tag(key: CryptoKey, text: string, bytes: number): Promise<string> {
  const whole = await crypto.subtle.sign("HMAC", key, utf8(text));
  return toHex(new Uint8Array(whole).subarray(0, bytes));
}

/** Whether a key may have this id. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/** A new id that sorts by the time it was made, of keys and of entries of the audit log. `random` fills bytes. */
export function makeKeyId(now: number, random: Random): string {
  const randomness = new Uint8Array(RANDOM_CHARACTERS);
  random(randomness);
  return timePart(now) + Array.from(randomness, (byte) => BASE32.charAt(byte & 31)).join("");
}

/** Below every id that is made at `time` or later, above all made earlier. */
export function firstIdAt(time: number): string {
  return timePart(time);
}

function timePart(now: number): string {
  let time = "";
  for (let rest = now, i = 0; i < TIME_CHARACTERS; i++, rest = Math.floor(rest / 32))
    time = BASE32.charAt(rest % 32) + time;
  return time;
}

/** A new token of the key. */
export function makeToken(keyId: string, random: Random, seal: TokenSeal): Promise<string> {
  let secret = "";
  const bytes = new Uint8Array(64);
  while (secret.length < SECRET_CHARACTERS) {
    random(bytes);
    for (const byte of bytes) {
      // 248 is the largest multiple of 62 in a byte: what lies above would make some characters likelier.
      if (byte < 248 && secret.length < SECRET_CHARACTERS) secret += BASE62.charAt(byte % 62);
    }
  }
  return seal.seal(keyId, secret);
}
