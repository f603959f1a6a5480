import { Webhook } from "standardwebhooks";

/** The secrets that sign a namespace's webhooks now, the current one first. */
export type Secrets = string[];

/**
 * Signs a request after Standard Webhooks 1.0: the id is the message's own and the same at every try, the timestamp
 * (`now`, epoch ms) is this try's, and there is one signature for each secret.
 */
export function signWebhook(
  headers: Headers,
  message: { id: string; body: string },
  { secrets, now }: { secrets: Secrets; now: number },
): void {
  const sentAt = new Date(now);
  headers.set("webhook-id", message.id);
  headers.set("webhook-timestamp", String(Math.floor(now / 1000)));
  const signatures = secrets.map((secret) => new Webhook(secret).sign(message.id, sentAt, message.body));
  headers.set("webhook-signature", signatures.join(" "));
}
