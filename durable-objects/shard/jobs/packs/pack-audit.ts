import type { AuditViolation } from "../../../../contract/rpc.ts";
import { slotOf } from "../../../../domain/slots.ts";
import type { Audit, AuditPage, AuditView, AuditWalk, RowRules } from "../../kernel/audit-rules.ts";
import { OWNERSHIP } from "../../kernel/ownership.ts";
import { QUEUES } from "../../queues/queue-store.ts";
import type { PackHead } from "./pack-head.ts";
import { PACKS } from "./packs.ts";

/** A list of JSON, as SQL; one that cannot be read is empty: a rule of its own tells of that, and it must not end the others. */
function listOf(text: string): string {
  return `iif(json_valid(${text}), ${text}, '[]')`;
}

const IDS = listOf(`'["' || replace(r.ids, ',', '","') || '"]'`);
const DONE = listOf("'[' || r.done || ']'");

/** Each of a pack's jobs is looked for among the rows. */
const PACK_WEIGHT = 10;

const PACK_RULES: RowRules = {
  table: "packs",
  key: ["pack"],
  named: "'pack ' || r.pack",
  weight: PACK_WEIGHT,
  rules: [
    {
      rule: "pack-readable",
      detail: "has columns that cannot be read, or other numbers of ids and lengths than of jobs",
      where: `NOT json_valid(r.segments) OR NOT coalesce(json_valid(r.gone), 1)
        OR length(r.ids) - length(replace(r.ids, ',', '')) + 1 <> r.n
        OR length(r.lengths) - length(replace(r.lengths, ',', '')) + 1 <> r.n
        OR NOT coalesce(json_valid('[' || r.specs || ']'), r.spec IS NOT NULL)`,
    },
    {
      rule: "packed-job-has-no-row",
      detail: "has a job that is a row too, and does not say so",
      where: `EXISTS (SELECT 1 FROM json_each(${IDS}) AS own
        WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.id = own.value)
          AND NOT EXISTS (SELECT 1 FROM json_each(${listOf("r.gone")}) AS g WHERE g.value = own.key))`,
    },
    {
      rule: "pack-has-jobs",
      detail:
        "says that every one of its jobs is a row, and is there all the same, though no entry of the log names it",
      where: `json_array_length(${listOf("r.gone")}) >= r.n AND NOT EXISTS (SELECT 1 FROM slices AS s
        WHERE s.pack = r.pack AND s.last_at IS NOT NULL)`,
    },
  ],
};

/** A slice says of up to a hundred jobs what became of them, with their results: 0.1 to 3 ms, where a job takes 0.01. */
const SLICE_WEIGHT = 20;

const SLICE_RULES: RowRules = {
  table: "slices",
  key: ["pack", "first"],
  named: "'slice ' || r.pack || '/' || r.first",
  weight: SLICE_WEIGHT,
  rules: [
    {
      rule: "slice-has-pack",
      detail: "belongs to no pack, or reaches beyond it",
      where: "NOT EXISTS (SELECT 1 FROM packs AS p WHERE p.pack = r.pack AND p.slot = r.slot AND r.first + r.n <= p.n)",
    },
    {
      rule: "job-in-one-slice",
      detail: "begins inside the slice before it, or leaves jobs between them that nobody claimed",
      where: `coalesce((SELECT b.first + b.n FROM slices AS b WHERE b.pack = r.pack AND b.first < r.first
        ORDER BY b.first DESC LIMIT 1), 0) <> r.first`,
    },
    {
      rule: "slice-readable",
      detail: "has successes that cannot be read",
      where: "NOT json_valid('[' || r.done || ']')",
    },
    {
      rule: "slice-counts-its-jobs",
      detail: "says that another number of its jobs runs than have neither succeeded nor become rows",
      where: `json_valid('[' || r.done || ']') AND r.open <> r.n - (SELECT count(*) FROM (
          SELECT d.value ->> 0 AS at FROM json_each(${DONE}) AS d
          UNION SELECT g.value FROM packs AS q, json_each(${listOf("q.gone")}) AS g WHERE q.pack = r.pack)
        WHERE at >= r.first AND at < r.first + r.n)`,
    },
  ],
};

/** Packs that one look compares with their rows at most: each may have a hundred slices. */
const AT_ONCE = 20;

/** What is kept of packs in memory, compared with their rows one after the other: both as they are when they are looked at. */
class HeadsWalk implements AuditWalk {
  #behind = -1;

  next(view: AuditView, limit: number): AuditPage {
    const packs = view.get(PACKS);
    const page = packs.store.page(this.#behind, Math.min(limit, AT_ONCE));
    const heads = page.flatMap(({ make }) => readableHead(make) ?? []);
    const violations = heads.flatMap((head) => [
      ...differs(head, packs.index.get(head.pack)),
      ...isInPlace(view, head),
    ]);
    const last = page.at(-1);
    if (last !== undefined) {
      this.#behind = last.pack;
      return { rows: page.reduce((sum, { slices }) => sum + 1 + slices, 0), done: false, violations };
    }
    return { rows: 0, done: true, violations };
  }

  end(): void {
    // It follows no change: each pack is compared as it is at that moment.
  }
}

/** Null of a pack that cannot be read: a rule over its row tells of it. */
export function readableHead(make: () => PackHead): PackHead | null {
  try {
    return make();
  } catch {
    return null;
  }
}

function differs(row: PackHead, kept: PackHead | null): AuditViolation[] {
  const rule = "pack-head-equals-row";
  if (kept === null) return [{ rule, detail: `pack ${row.pack} is not known in memory` }];
  const violations: AuditViolation[] = [];
  for (const field of ["n", "next", "waiting", "running", "done", "bytes", "minId", "maxId", "logged"] as const) {
    if (row[field] === kept[field]) continue;
    violations.push({
      rule,
      detail: `pack ${row.pack}: ${field} is ${kept[field]} in memory and ${row[field]} in its row`,
    });
  }
  const [ends, keptEnds] = [row, kept].map(({ slices }) =>
    slices.map(({ first, dueAt }) => `${first}:${dueAt}`).join(),
  );
  if (ends !== keptEnds)
    violations.push({
      rule,
      detail: `pack ${row.pack}: its slices are ${keptEnds} in memory and ${ends} in their rows`,
    });
  return violations;
}

function isInPlace(view: AuditView, { pack, slot, queue, partition }: PackHead): AuditViolation[] {
  const settings = view.get(QUEUES).settingsOf(queue);
  if (settings === null)
    return [{ rule: "queue-known", detail: `pack ${pack} belongs to a queue that this shard does not know` }];
  const violations: AuditViolation[] = [];
  if (!view.get(OWNERSHIP).owns(slot))
    violations.push({ rule: "slot-owned", detail: `pack ${pack} lies in slot ${slot}, which is not this shard's` });
  if (slotOf(settings.namespace, settings.name, partition) !== slot)
    violations.push({
      rule: "slot-is-place",
      detail: `pack ${pack} of partition ${partition} is written down in slot ${slot}`,
    });
  return violations;
}

export const PACK_AUDIT: Audit = {
  rows: [PACK_RULES, SLICE_RULES],
  walks: [{ name: "packs in memory", begin: () => new HeadsWalk() }],
};
