/** API tokens: `dure_<keyId>_<secret>`. */
const SHAPE = /^dure_([0-9a-z]{1,40})_([0-9A-Za-z-]{20,200})$/;

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32 = "0123456789abcdefghjkmnpqrstvwxyz";
/** 43 characters of 62 are 256 bits. */
const SECRET_CHARACTERS = 43;
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 10;

/** The key id inside a token, or null when it is not shaped like one. */
export function keyIdOf(token: string): string | null {
  return SHAPE.exec(token)?.[1] ?? null;
}

/** A new key id: sorts by the time it was made. `random` fills bytes with randomness. */
export function makeKeyId(now: number, random: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  let time = "";
  for (let rest = now, i = 0; i < TIME_CHARACTERS; i++, rest = Math.floor(rest / 32))
    time = BASE32.charAt(rest % 32) + time;
  const randomness = new Uint8Array(RANDOM_CHARACTERS);
  random(randomness);
  return time + Array.from(randomness, (byte) => BASE32.charAt(byte & 31)).join("");
}

export function makeToken(keyId: string, random: (bytes: Uint8Array<ArrayBuffer>) => void): string {
  let secret = "";
  const bytes = new Uint8Array(64);
  while (secret.length < SECRET_CHARACTERS) {
    random(bytes);
    for (const byte of bytes) {
      // 248 is the largest multiple of 62 in a byte: what lies above would make some characters likelier.
      if (byte < 248 && secret.length < SECRET_CHARACTERS) secret += BASE62.charAt(byte % 62);
    }
  }
  return `dure_${keyId}_${secret}`;
}
