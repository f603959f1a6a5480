import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { formatLease, isSameTag, type Lease } from "../../../domain/lease.ts";
import { deliveryOf, type JobHead } from "./job-row.ts";

/**
 * All jobs of a claim are started with one nonce, in one statement. The tag in a job's lease is an HMAC of the nonce, the
 * job and the delivery: no two jobs share a tag, and the tag of one tells nothing about another's. A step is synchronous, and
 * WebCrypto is not, so the HMAC is a library's.
 */

/** Random words of 32 bits in a nonce. */
const NONCE_WORDS = 4;
const TAG_BYTES = 16;
/** Digits of a nonce from before there were tags: the leases of such a claim carry the nonce itself. None lasts a day. */
const NONCE_WITHOUT_TAGS = 16;

/** A new nonce of 128 bits, in hex. `random` is uniform in [0, 1), with 32 bits or more. */
export function makeNonce(random: () => number): string {
  const word = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return Array.from({ length: NONCE_WORDS }, word).join("");
}

type Hmac = ReturnType<typeof hmac.create>;

/** Overwritten by each tag: a job has two, and to make the state of a hash anew costs as much as to hash. */
const scratch: Hmac = hmac.create(sha256, new Uint8Array(0));
const digest = new Uint8Array(scratch.outputLen);

/** Makes and checks the leases of one call, which mostly share a nonce: what the HMAC makes of a nonce is made once. */
export class LeaseTags {
  readonly #keyed = new Map<string, Hmac>();

  /** The lease that the row of a running job stands for. */
  lease({ id, lease: nonce, ...row }: Pick<JobHead, "id" | "attempt" | "returned" | "lease">): string {
    const named = { jobId: id, delivery: deliveryOf(row) };
    return formatLease({ ...named, tag: this.#tag(nonce ?? "", named) });
  }

  /** Whether the lease was made of this nonce. None was made of no nonce. Takes as long for a tag that is nearly right. */
  isMadeOf(nonce: string | null, lease: Lease): boolean {
    if (nonce === null || nonce === "") return false;
    return isSameTag(this.#tag(nonce, lease), lease.tag);
  }

  #tag(nonce: string, { jobId, delivery }: Pick<Lease, "jobId" | "delivery">): string {
    if (nonce.length === NONCE_WITHOUT_TAGS) return nonce;
    let keyed = this.#keyed.get(nonce);
    if (keyed === undefined) {
      keyed = hmac.create(sha256, asciiBytes(nonce));
      this.#keyed.set(nonce, keyed);
    }
    keyed._cloneInto(scratch);
    scratch.update(asciiBytes(`${jobId}_${delivery}`)).digestInto(digest);
    return bytesToHex(digest.subarray(0, TAG_BYTES));
  }
}

/** Ids, digits and nonces have one byte a character. For so short a text the platform's encoder takes longer than its hash. */
function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
