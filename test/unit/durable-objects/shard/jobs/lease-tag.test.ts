import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { makeJobId } from "../../../../../domain/job-id.ts";
import { formatLease, parseLease } from "../../../../../domain/lease.ts";
import { LeaseTags, makeNonce } from "../../../../../durable-objects/shard/jobs/lease-tag.ts";
import { RowHarness, SECOND } from "../../../../rigs/shard-harness.ts";

const NONCE = "00112233445566778899aabbccddeeff";
const OLD_NONCE = "0123456789abcdef";
const id = (n: number) => makeJobId(1_800_000_000_000, 5, new Uint8Array(8).fill(n));
const row = (n = 1, attempt = 1, nonce = NONCE) => ({ id: id(n), attempt, returned: 0, lease: nonce });

function leaseOf(text: string) {
  const lease = parseLease(text);
  if (lease === null) throw new Error(`${text} is no lease`);
  return lease;
}

describe("a nonce", () => {
  test("has 128 random bits, all of which change", () => {
    expect(makeNonce(() => 0)).toBe("0".repeat(32));
    expect(makeNonce(() => 1 - 2 ** -32)).toBe("f".repeat(32));
    const words = [1, 2, 3, 4].map((word) => word / 2 ** 32).values();
    expect(makeNonce(() => words.next().value ?? 0)).toBe("00000001000000020000000300000004");
  });
});

describe("the tag of a lease", () => {
  test("is 128 bits of the HMAC-SHA256 (RFC 2104) of the job and the delivery, keyed with the nonce", () => {
    const tag = createHmac("sha256", NONCE)
      .update(`${id(1)}_12`)
      .digest("hex")
      .slice(0, 32);
    expect(new LeaseTags().lease(row(1, 12))).toBe(formatLease({ jobId: id(1), delivery: 12, tag }));
  });

  test("is another for every job, delivery and nonce, and is not the nonce", () => {
    const tags = new LeaseTags();
    const rows = [row(1), row(2), row(1, 2), { ...row(1, 2), returned: 1 }, row(1, 1, NONCE.replace(/.$/, "0"))];
    const made = rows.map((one) => leaseOf(tags.lease(one)).tag);
    expect(new Set(made).size).toBe(rows.length);
    for (const tag of made) expect([tag === NONCE, tag.length]).toEqual([false, 32]);
  });

  test("is taken under its own nonce, job and attempt alone", () => {
    const tags = new LeaseTags();
    const lease = leaseOf(tags.lease(row()));
    expect(tags.isMadeOf(NONCE, lease)).toBe(true);
    expect(tags.isMadeOf(NONCE.replace(/.$/, "0"), lease)).toBe(false);
    expect(tags.isMadeOf(NONCE, { ...lease, delivery: 2 })).toBe(false);
    expect(tags.isMadeOf(NONCE, { ...lease, jobId: id(2) })).toBe(false);
    expect(tags.isMadeOf(NONCE, { ...lease, tag: NONCE })).toBe(false);
  });

  test("made of no nonce, which anybody can do, is not taken", () => {
    const tags = new LeaseTags();
    const lease = leaseOf(tags.lease(row(1, 1, "")));
    expect([tags.isMadeOf("", lease), tags.isMadeOf(null, lease)]).toEqual([false, false]);
  });
});

describe("leases of one claim", () => {
  test("share no tag, and one job's tag reports no other job", () => {
    const h = new RowHarness();
    h.accept();
    h.accept();
    const [one, other] = h.take(2).map(({ lease }) => leaseOf(lease));
    if (one === undefined || other === undefined) throw new Error("the claim gave too few");
    expect(one.tag).not.toBe(other.tag);
    expect(h.succeed(formatLease({ ...other, tag: one.tag }))).toBe("unknown");
    expect(h.fail(formatLease({ ...other, tag: one.tag }))).toBe("unknown");
    expect(h.succeed(formatLease(other))).toBe("recorded");
  });

  test("are all reported by one call, and each but once", () => {
    const h = new RowHarness();
    for (let i = 0; i < 100; i++) h.accept();
    const reports = h.take(100).map(({ lease }) => ({
      lease,
      outcome: { ok: true as const, result: null, resultTruncated: false },
    }));
    const statuses = () => h.work({ reports }).reports.map(({ status }) => status);
    expect(new Set(statuses())).toEqual(new Set(["recorded"]));
    expect(new Set(statuses())).toEqual(new Set(["stale"]));
  });

  test("say nothing that is stored: no row holds a tag", () => {
    const h = new RowHarness();
    h.accept();
    const { lease } = h.takeOne();
    expect(JSON.stringify(h.sql.all("SELECT * FROM jobs"))).not.toContain(leaseOf(lease).tag);
  });
});

describe("a job that ran when tags came", () => {
  const begun = () => {
    const h = new RowHarness();
    h.accept();
    const { id: jobId, attempt } = h.takeOne();
    h.sql.run("UPDATE jobs SET lease = ?", OLD_NONCE);
    return { h, old: formatLease({ jobId, delivery: attempt, tag: OLD_NONCE }) };
  };

  test("is reported under the lease that it was given", () => {
    const { h, old } = begun();
    expect(h.succeed(old)).toBe("recorded");
  });

  test("leaves a lease that is stale once the next attempt has begun", () => {
    const { h, old } = begun();
    expect(h.fail(old)).toBe("recorded");
    h.advance(SECOND);
    const next = h.takeOne();
    expect(leaseOf(next.lease).tag).toHaveLength(32);
    expect(h.succeed(old)).toBe("stale");
    expect(h.succeed(next.lease)).toBe("recorded");
  });
});
