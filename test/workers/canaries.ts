import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { MasterKeys, masterKeyTexts } from "../../workers/crypto/master-key.ts";
import { headerPlace, type TargetOwner, urlPlace, webhookPlace } from "../../workers/crypto/places.ts";
import { type Place, Vault } from "../../workers/crypto/vault.ts";
import { secretsIn } from "../rigs/secret-shapes.ts";
import { consoleLines, quoted } from "./leaky-faults.ts";

/** Each field that may hold a secret or a payload holds a canary. */
export const CANARY = {
  payload: "canary-payload-9d1c",
  result: "canary-result-5b0e",
  error: "canary-error-44af",
  checkpoint: "canary-checkpoint-0c3d",
  progress: "canary-progress-71e2",
  tag: "canary-tag-3e90",
  orderingKey: "canary-ordering-c2d7",
  dedupKey: "canary-dedup-a16b",
  idempotencyKey: "canary-idempotency-f88a",
};
/** Those of targets, which no answer has. */
export const TARGET_CANARY = {
  targetHeader: "canary-target-header-6a55",
  targetUrl: "canary-target-url-d03c",
  subscriptionHeader: "canary-subscription-header-b7e4",
  subscriptionUrl: "canary-subscription-url-29f0",
};

/** The names of the canaries that a text has, and of the shapes of secrets. */
export function namesIn(text: string): string[] {
  return secretsIn(text, { ...CANARY, ...TARGET_CANARY });
}

/** The names of what is a secret in every answer, whatever the call. */
export function targetSecretsIn(text: string): string[] {
  return namesIn(text).filter((name) => name in TARGET_CANARY || name === "sealed");
}

export const JOB = {
  queue: "pulled",
  payload: { p: CANARY.payload },
  tags: [CANARY.tag],
  orderingKey: CANARY.orderingKey,
};
const POSTED_TO = "https://target.test/hook?token=";
const TOLD_AT = "https://subscriber.test/hook?token=";
export const HTTP_QUEUE = {
  target: {
    type: "http",
    url: POSTED_TO + TARGET_CANARY.targetUrl,
    headers: { "x-token": TARGET_CANARY.targetHeader },
  },
  retry: { maxAttempts: 100, delay: 0.01, maxDelay: 0.01 },
} as const;
export const SUBSCRIPTION = {
  events: ["job.accepted", "job.started", "job.retrying", "job.succeeded"],
  target: {
    type: "http",
    url: TOLD_AT + TARGET_CANARY.subscriptionUrl,
    headers: { "x-token": TARGET_CANARY.subscriptionHeader },
  },
} as const;

/** What a call or a round of cron or of the processor wrote to the console, which has no canary. */
export async function quiet<T>(run: () => Promise<T>): Promise<{ value: T; lines: string[] }> {
  const lines = consoleLines();
  try {
    return { value: await run(), lines };
  } finally {
    vi.restoreAllMocks();
    expect(namesIn(lines.join("\n"))).toEqual([]);
  }
}

/** Which secrets errors have quoted sealed: what opens at its place is the canary, or a webhook secret. */
export async function quotedSealed(namespace: string): Promise<string[]> {
  const vault = new Vault(new MasterKeys(masterKeyTexts(env)));
  const queue: TargetOwner = { kind: "queue", namespace, name: "posted" };
  const subscription: TargetOwner = { kind: "subscription", namespace, name: "canaries" };
  const places: [name: string, place: Place, end: string][] = [
    ["targetHeader", headerPlace(queue, POSTED_TO, "x-token"), TARGET_CANARY.targetHeader],
    ["targetUrl", urlPlace(queue, `${POSTED_TO}***`), TARGET_CANARY.targetUrl],
    ["subscriptionHeader", headerPlace(subscription, TOLD_AT, "x-token"), TARGET_CANARY.subscriptionHeader],
    ["subscriptionUrl", urlPlace(subscription, `${TOLD_AT}***`), TARGET_CANARY.subscriptionUrl],
    ["webhookSecret", webhookPlace(namespace), "="],
  ];
  const sealed = [...new Set(quoted.join("\n").match(/sealed\.v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+/g))];
  const found = places.map(async ([name, place, end]) => {
    const texts = await Promise.all(sealed.map((text) => vault.open(place, text)));
    return texts.some((text) => text?.endsWith(end)) ? [name] : [];
  });
  return (await Promise.all(found)).flat();
}
