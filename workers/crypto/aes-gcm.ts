import { utf8 } from "./bytes.ts";

/** 96 random bits, as NIST SP 800-38D has it: two of 2^32 messages under one key meet with a chance of 2^-33. */
const IV_BYTES = 12;

/**
 * `bytes` encrypted under `key`: the IV and what AES-GCM makes, tag and all. Opens only with the same `context`, which is not in it.
 */
export async function encrypt(key: CryptoKey, context: string, bytes: BufferSource): Promise<Uint8Array> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: utf8(context) }, key, bytes);
  const message = new Uint8Array(IV_BYTES + sealed.byteLength);
  message.set(iv);
  message.set(new Uint8Array(sealed), IV_BYTES);
  return message;
}

/** What `encrypt` was given; null for anything that it did not make of this key and context. */
export async function decrypt(
  key: CryptoKey,
  context: string,
  message: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array | null> {
  const iv = message.subarray(0, IV_BYTES);
  if (iv.length < IV_BYTES) return null;
  try {
    const algorithm = { name: "AES-GCM", iv, additionalData: utf8(context) };
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, message.subarray(IV_BYTES)));
  } catch {
    // The platform says no more than that it did not open.
    return null;
  }
}
