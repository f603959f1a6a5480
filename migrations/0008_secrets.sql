-- Secrets at rest. What was stored in clear before is sealed by the cron of the gateway, which finds it by these indexes:
-- '' is in clear, 'none' holds no secret, anything else is the id of the key that it is sealed under.

CREATE TABLE webhook_secrets (
  namespace TEXT NOT NULL,
  -- Grows with each rotation. A secret signs until the next one is 24 hours old.
  number INTEGER NOT NULL,
  secret TEXT NOT NULL, -- a Standard Webhooks secret ("whsec_..."), sealed
  sealed_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (namespace, number)
) WITHOUT ROWID;
CREATE INDEX webhook_secrets_by_key ON webhook_secrets (sealed_by);

INSERT INTO webhook_secrets (namespace, number, secret, sealed_by, created_at)
  SELECT name, 1, webhook_previous, '', created_at FROM namespaces WHERE webhook_previous IS NOT NULL;
INSERT INTO webhook_secrets (namespace, number, secret, sealed_by, created_at)
  SELECT name, 2, webhook_secret, '', coalesce(webhook_rotated_at, created_at) FROM namespaces;

ALTER TABLE namespaces DROP COLUMN webhook_secret;
ALTER TABLE namespaces DROP COLUMN webhook_previous;
ALTER TABLE namespaces DROP COLUMN webhook_rotated_at;

CREATE INDEX queues_by_key ON queues (
  CASE WHEN json_extract(settings, '$.target.type') = 'http' THEN coalesce(json_extract(settings, '$.target.sealedBy'), '') END
);
CREATE INDEX subscriptions_by_key ON subscriptions (
  CASE WHEN json_extract(settings, '$.target.type') = 'http' THEN coalesce(json_extract(settings, '$.target.sealedBy'), '') END
);
