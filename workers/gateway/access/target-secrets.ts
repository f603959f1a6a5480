import { conflict, type Result } from "../../../contract/problems.ts";
import { type HttpTarget, hasMask, MASK, maskedUrl, originOf } from "../../../domain/target-secrets.ts";
import { openTarget } from "../../crypto/open-target.ts";
import { headerPlace, type TargetOwner, urlPlace } from "../../crypto/places.ts";
import { isSealed, keyIdOf, type Vault } from "../../crypto/vault.ts";
import { NO_SECRETS } from "../../db/sealed.ts";

/** The target as it is shown: without any of its secrets, however they are stored. */
export function shownTarget(target: HttpTarget): ShownTarget {
  const masked = Object.keys(target.headers).map((name) => [name, MASK]);
  return { ...withoutUrl(target), url: maskedUrl(target.url), headers: Object.fromEntries(masked) };
}

type ShownTarget = Pick<HttpTarget, "url" | "headers"> & WithoutUrl;
type WithoutUrl = Pick<HttpTarget, "type" | "firstByteTimeout" | "spawn" | "async">;

/** What is left of a target that nobody will call any more. */
export function withoutSecrets({ type, url }: HttpTarget): HttpTarget {
  return { type, url: maskedUrl(url), headers: {}, sealedBy: NO_SECRETS };
}

/** A target that is put. */
export interface PutTarget {
  sent: HttpTarget;
  /** The one that is stored; null where there is none, or none of this type. */
  before: HttpTarget | null;
}

/**
 * A target as it was sent, its secrets sealed one by one. `***` keeps the secret that is stored, without opening it. Where there is
 * none to keep, or it was given for another origin, that is refused (422): else whoever may change a target could learn its
 * secrets, by having them sent to himself.
 */
export async function sealedTarget(vault: Vault, owner: TargetOwner, put: PutTarget): Promise<Result<HttpTarget>> {
  const faults = [...urlFaults(put), ...headerFaults(put)];
  if (faults.length > 0) {
    return conflict.of("secret-not-stored", "The target has no secret that *** could keep there.", faults);
  }
  const url = await sealedUrl(vault, owner, put);
  const headers = await Promise.all(
    Object.entries(put.sent.headers).map(async ([name, sent]) => {
      const value = sent === MASK ? (storedHeader(put, name) ?? MASK) : sent;
      const isKept = sent === MASK && isSealed(value);
      return [name, isKept ? value : await vault.seal(headerPlace(owner, put.sent.url, name), value)] as const;
    }),
  );
  return marked(await vault.keyId(), { ...withoutUrl(put.sent), ...url, headers: Object.fromEntries(headers) });
}

/**
 * A stored target with all of its secrets under the current key; null where one of them does not open. What was stored in clear is
 * sealed.
 */
export async function resealedTarget(vault: Vault, owner: TargetOwner, stored: HttpTarget): Promise<HttpTarget | null> {
  const opened = await openTarget(vault, owner, stored);
  if (opened === null) return null;
  const url = await sealedUrl(vault, owner, { sent: { ...stored, ...opened }, before: null });
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(opened.headers)) {
    headers[name] = await vault.seal(headerPlace(owner, opened.url, name), value);
  }
  return marked(await vault.keyId(), { ...withoutUrl(stored), ...url, headers });
}

/** What of a target is as it was sent, whatever its URL becomes. */
function withoutUrl({ type, firstByteTimeout, spawn, async }: HttpTarget): WithoutUrl {
  return {
    type,
    ...(firstByteTimeout === undefined ? {} : { firstByteTimeout }),
    ...(spawn === undefined ? {} : { spawn }),
    ...(async === undefined ? {} : { async }),
  };
}

/** With the key that its secrets are sealed under, of several one that is not the current one. */
function marked(current: string, target: HttpTarget): HttpTarget {
  const sealed = [...Object.values(target.headers), ...(target.sealedUrl === undefined ? [] : [target.sealedUrl])];
  const ids = sealed.map(keyIdOf);
  return { ...target, sealedBy: ids.find((id) => id !== current) ?? ids[0] ?? NO_SECRETS };
}

/** The URL of a target that is put: masked, and sealed beside that where something of it is secret. */
async function sealedUrl(
  vault: Vault,
  owner: TargetOwner,
  put: PutTarget,
): Promise<Pick<HttpTarget, "url" | "sealedUrl">> {
  const url = maskedUrl(put.sent.url);
  if (keepsUrl(put) && put.before?.sealedUrl !== undefined) return { url, sealedUrl: put.before.sealedUrl };
  const whole = keepsUrl(put) ? (put.before?.url ?? put.sent.url) : put.sent.url;
  return url === whole ? { url } : { url, sealedUrl: await vault.seal(urlPlace(owner, url), whole) };
}

/** Whether the URL that was sent is the masked one of what is stored. */
function keepsUrl({ sent, before }: PutTarget): boolean {
  return hasMask(sent.url) && before !== null && maskedUrl(before.url) === sent.url;
}

function urlFaults(put: PutTarget) {
  if (!hasMask(put.sent.url) || keepsUrl(put)) return [];
  const detail =
    "url must be sent whole: *** keeps what is stored only where the rest of the URL stays as it is shown.";
  return [{ pointer: "/target/url", detail }];
}

function headerFaults(put: PutTarget) {
  const masked = Object.keys(put.sent.headers).filter((name) => put.sent.headers[name] === MASK);
  const moved = put.before !== null && originOf(put.before.url) !== originOf(put.sent.url);
  return masked.flatMap((name) => {
    const pointer = `/target/headers/${name.replaceAll("~", "~0")}`;
    if (storedHeader(put, name) === null) {
      return [{ pointer, detail: `${name} must be sent: no value is stored that *** could keep.` }];
    }
    const detail = `${name} must be sent again: its value was given for another scheme, host or port, and does not go to this one.`;
    return moved ? [{ pointer, detail }] : [];
  });
}

/** The stored value of a header, whose name may be written otherwise; null where there is none. */
function storedHeader({ before }: PutTarget, name: string): string | null {
  const same = Object.entries(before?.headers ?? {}).find(([stored]) => stored.toLowerCase() === name.toLowerCase());
  return same?.[1] ?? null;
}
