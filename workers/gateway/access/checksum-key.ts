import { utf8 } from "../bytes.ts";

/**
 * The bytes that the seals of API tokens are keyed with, derived from a secret of the deployment (HKDF, RFC 5869). With another
 * secret they are others, and tokens sealed before count as tokens without a seal.
 */
export async function checksumKey(secret: string): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", utf8(secret), "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8("dure api token checksum v1") };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
}
