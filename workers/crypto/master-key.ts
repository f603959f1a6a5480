import { fromBase64Url, toBase64Url, utf8 } from "./bytes.ts";

/**
 * The deployment's master key, from which every key that encrypts is derived: `dure_master_` and 32 random bytes in base64url. A
 * secret of both Workers. While it is being changed there are two: what is made is made under `current`, and what was made under
 * `previous` still opens.
 */
export interface MasterKeyTexts {
  current: string | undefined;
  previous: string | undefined;
}

/** The variables of a Worker that hold them. */
export interface MasterKeyVariables {
  DURE_MASTER_KEY: string;
  /** Set while the key is being changed. */
  DURE_MASTER_KEY_PREVIOUS?: string | undefined;
}

export function masterKeyTexts(variables: MasterKeyVariables): MasterKeyTexts {
  // An empty one is none: a shell has no other way to unset a variable for one command.
  return { current: variables.DURE_MASTER_KEY || undefined, previous: variables.DURE_MASTER_KEY_PREVIOUS || undefined };
}

const PREFIX = "dure_master_";
const KEY_BYTES = 32;
/** The first 32 bits of what is derived for the id: enough to tell a deployment's keys apart, and no help to guess one. */
const ID_BYTES = 4;
const HKDF = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0) };

/** What is derived from one master key. */
export interface DerivedKeys {
  /** 8 hex digits: names the key in what is sealed under it. */
  id: string;
  /** Encrypts values at rest. */
  values: CryptoKey;
  /** Encrypts tokens that clients carry. */
  tokens: CryptoKey;
  /** 32 bytes that key the checksums of API tokens. */
  checksums: Uint8Array<ArrayBuffer>;
}

/** The master keys of an isolate. Derived once, when they are first needed. */
export class MasterKeys {
  /** Why these keys cannot be used, as a sentence for the operator; null where they can. */
  readonly fault: string | null;
  readonly #texts: MasterKeyTexts;
  /** The keys themselves, not their promise: a promise belongs to the request that made it. */
  #derived: DerivedKeys[] | null = null;

  constructor(texts: MasterKeyTexts) {
    this.#texts = texts;
    this.fault = faultOf(texts);
  }

  /** The current key, and after it the previous one where there is one. Throws where `fault` says why. */
  async all(): Promise<readonly [DerivedKeys, ...DerivedKeys[]]> {
    if (this.fault !== null) throw new Error(this.fault);
    this.#derived ??= await Promise.all(texts(this.#texts).map(derived));
    const [current, ...others] = this.#derived;
    if (current === undefined) throw new Error("there is no master key");
    return [current, ...others];
  }

  async current(): Promise<DerivedKeys> {
    return (await this.all())[0];
  }
}

function texts({ current, previous }: MasterKeyTexts): string[] {
  return [current, previous].filter((text) => text !== undefined);
}

function faultOf({ current, previous }: MasterKeyTexts): string | null {
  if (current === undefined) return `The secret DURE_MASTER_KEY is not set. ${MAKE}`;
  if (bytesOf(current) === null) return `The secret DURE_MASTER_KEY is not a master key. ${MAKE}`;
  if (previous !== undefined && bytesOf(previous) === null)
    return "The secret DURE_MASTER_KEY_PREVIOUS is not a master key: set it to the one that DURE_MASTER_KEY was before, or delete it.";
  return null;
}

const MAKE = `It is ${PREFIX} and 32 random bytes in base64url: printf '${PREFIX}%s\\n' "$(openssl rand -base64 32 | tr '+/' '-_' | tr -d =)".`;

function bytesOf(text: string): Uint8Array<ArrayBuffer> | null {
  if (!text.startsWith(PREFIX)) return null;
  const bytes = fromBase64Url(text.slice(PREFIX.length));
  return bytes?.length === KEY_BYTES && toBase64Url(bytes) === text.slice(PREFIX.length) ? bytes : null;
}

async function derived(text: string): Promise<DerivedKeys> {
  const bytes = bytesOf(text);
  if (bytes === null) throw new Error("not a master key");
  const master = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"]);
  const info = (purpose: string) => ({ ...HKDF, info: utf8(`dure v1 ${purpose}`) });
  const aes = (purpose: string) =>
    crypto.subtle.deriveKey(info(purpose), master, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const id = new Uint8Array(await crypto.subtle.deriveBits(info("id"), master, ID_BYTES * 8));
  const hex = Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const checksums = new Uint8Array(await crypto.subtle.deriveBits(info("api token checksums"), master, 256));
  return { id: hex, values: await aes("values"), tokens: await aes("tokens"), checksums };
}
