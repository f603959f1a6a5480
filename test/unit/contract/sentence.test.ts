import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { KeyBody } from "../../../contract/admin.ts";
import { BatchBody, BatchEnvelope } from "../../../contract/batch.ts";
import { BindingOptions, DureProps } from "../../../contract/binding.ts";
import { ANSWERS, REQUESTS } from "../../../contract/components.ts";
import { PurgeBody, RedriveBody } from "../../../contract/dead-letters.ts";
import { IngestEnvelope } from "../../../contract/ingest.ts";
import { JobListQuery, SubmitBody } from "../../../contract/job.ts";
import { PageQuery } from "../../../contract/list.ts";
import { OperationBody } from "../../../contract/operation.ts";
import { OrderingKeysQuery } from "../../../contract/ordering-keys.ts";
import { errorsOf } from "../../../contract/problem.ts";
import { ClaimBody, ExtendBody, FailBody, ReportsBody } from "../../../contract/pull.ts";
import { QueueBody } from "../../../contract/queue.ts";
import { ScheduleBody } from "../../../contract/schedule.ts";
import { formatBytes, formatNumber } from "../../../contract/sentence.ts";
import { SubscriptionBody } from "../../../contract/subscription.ts";
import { within } from "../../rigs/schemas.ts";

/** What is said of a value, each fault in its sentence. */
function said(schema: z.core.$ZodType, value: unknown, prefix = ""): string[] {
  const parsed = z.safeParse(schema, value);
  return parsed.success ? [] : errorsOf(new z.ZodError(parsed.error.issues), prefix).map(({ detail }) => detail);
}

const p = { payload: null };
const s = { cron: "* * * * *", job: p };

const NAME =
  "holds lower-case letters, digits, dots, underscores and hyphens, and begins with a letter or a digit: 1 to 63 characters.";

describe("each kind of fault is a sentence with the field's name and its unit", () => {
  test.each<[kind: string, schema: z.ZodType, value: unknown, sentence: string]>([
    ["seconds, too many", SubmitBody, { ...p, delay: 1e9 }, "delay is in seconds: at most 31,622,400."],
    ["seconds, too few", SubmitBody, { ...p, delay: -1 }, "delay is in seconds: at least 0."],
    ["seconds, none", SubmitBody, { ...p, timeout: 0 }, "timeout is in seconds: more than 0."],
    [
      "seconds as text",
      SubmitBody,
      { ...p, delay: "1h" },
      "delay is a number of seconds: at least 0 and at most 31,622,400.",
    ],
    ["a whole number, too high", SubmitBody, { ...p, priority: 10 }, "priority is a whole number from 0 to 9."],
    ["a whole number, broken", SubmitBody, { ...p, priority: 1.5 }, "priority is a whole number from 0 to 9."],
    ["a whole number as text", SubmitBody, { ...p, priority: "5" }, "priority is a whole number from 0 to 9."],
    ["a number", ExtendBody, { progress: { percent: 101 } }, "percent is a number from 0 to 100."],
    ["a number above", RedriveBody, { ratePerSecond: 0 }, "ratePerSecond is a number above 0, at most 100,000."],
    [
      "a limit or null",
      QueueBody,
      { concurrency: 0 },
      "concurrency is a whole number from 1 to 1,000,000, or null for no limit.",
    ],
    [
      "seconds or null",
      QueueBody,
      { priorityAging: 0 },
      "priorityAging is in seconds: at least 1, or null for strict priority.",
    ],
    ["a fraction of a second", QueueBody, { rate: { limit: 1, period: 0 } }, "period is in seconds: at least 0.001."],
    ["a name", SubmitBody, { ...p, queue: "Mails!" }, `queue ${NAME}`],
    [
      "a key, too long",
      SubmitBody,
      { ...p, orderingKey: "k".repeat(257) },
      "orderingKey is a text that is not empty, of at most 256 bytes in UTF-8, without NUL and lone surrogates.",
    ],
    [
      "a text in KiB",
      FailBody,
      { error: { code: "c", message: "m".repeat(5000) } },
      "message is a text of at most 4 KiB in UTF-8.",
    ],
    ["a text in characters", PageQuery, { cursor: "" }, "cursor is a text of 1 to 1,024 characters."],
    [
      "a time",
      SubmitBody,
      { ...p, runAt: "tomorrow" },
      "runAt is a date and time with an offset (RFC 3339), such as 2026-12-01T00:00:00Z.",
    ],
    ["a choice", QueueBody, { lane: "fast" }, "lane is `default`, `slow` or `bulk`."],
    ["a choice of two", QueueBody, { onFailure: 1 }, "onFailure is `continue` or `block`."],
    [
      "the kind of an object",
      QueueBody,
      { target: { type: "lambda" } },
      "type is `pull`, `consumer`, `handler`, `http`, `worker`, `queue` or `service`.",
    ],
    ["true or false", QueueBody, { paused: "yes" }, "paused is true or false."],
    ["a list", SubmitBody, { ...p, tags: Array(11).fill("t") }, "tags is a list of at most 10 items."],
    ["a list, empty", BatchBody, { jobs: [] }, "jobs is a list of 1 to 1,000 items."],
    [
      "an item of a list",
      SubmitBody,
      { ...p, tags: ["t", 1] },
      "tags[1] is a text that is not empty, of at most 64 bytes in UTF-8, without NUL and lone surrogates.",
    ],
    ["an object", SubmitBody, { ...p, retry: 5 }, "retry is a JSON object."],
    ["the whole", SubmitBody, [], "The request is a JSON object."],
    ["something missing", SubmitBody, {}, "payload is missing."],
    ["a name that is missing", QueueBody, { target: { type: "handler" } }, `name is missing: it ${NAME}`],
    [
      "a name for people that is missing",
      KeyBody,
      { scopes: ["read"] },
      "name is missing: it is a text of 1 to 64 characters without control characters and lone surrogates.",
    ],
    ["a url", QueueBody, { target: { type: "http", url: "x" } }, "url is an http or https URL of at most 2 KiB."],
    [
      "headers",
      QueueBody,
      { target: { type: "http", url: "http://a", headers: { host: "b" } } },
      "headers may not set host.",
    ],
    [
      "a header that comes twice",
      QueueBody,
      { target: { type: "http", url: "http://a", headers: { A: "b", a: "b" } } },
      "headers has the header `a` twice.",
    ],
    ...(
      [
        ["", "v", "has a header without a name"],
        ["a b", "v", "has the header `a b`, which is a name that no HTTP header can have"],
        ["__proto__", "v", "has the header `__proto__`, which is a name that no HTTP header can have"],
        [
          `${"x".repeat(59)}\u{1f600}`,
          "v",
          `has the header \`${"x".repeat(59)}\ufffd\`, which is a name that no HTTP header can have`,
        ],
        ["x".repeat(129), "v", `has the header \`${"x".repeat(60)}\`, whose name is longer than 128 bytes`],
        ["a", "v".repeat(4097), "has a value for the header `a` that is longer than 4 KiB"],
        ["a", "v\r\nb: w", "has a value for the header `a` that cannot be sent"],
        ["a", 5, "has a value for the header `a` that is no text"],
      ] as const
    ).map(([header, value, rule]): [string, z.ZodType, unknown, string] => [
      `a header that is none: ${rule}`,
      QueueBody,
      { target: { type: "http", url: "http://a", headers: Object.fromEntries([[header, value]]) } },
      `headers ${rule}.`,
    ]),
    [
      "a binding",
      SubscriptionBody,
      { events: ["job.failed"], target: { type: "queue", binding: "out" } },
      "binding holds upper-case letters, digits and underscores, and begins with a letter, as bindings do: 1 to 63 characters.",
    ],
    [
      "a window",
      SubmitBody,
      { ...p, dedup: { key: "k", window: 0 } },
      "window is in seconds, from 1 to 31,622,400, or the text `forever`.",
    ],
    [
      "two that exclude each other",
      SubmitBody,
      { ...p, delay: 1, runAt: "2026-12-01T00:00:00Z" },
      "runAt and delay exclude each other.",
    ],
    ["one that needs another", PurgeBody, { filter: {} }, "filter goes with `failed: true` only."],
    [
      "an action and its filter",
      OperationBody,
      { action: "delete" },
      "filter has to name one field at least with the action `delete`.",
    ],
    [
      "cron",
      ScheduleBody,
      { ...s, cron: "daily" },
      "cron must have five fields, or six with seconds first, or be `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`.",
    ],
    ["no cron and no every", ScheduleBody, { job: p }, "cron is missing: a schedule goes by `cron` or by `every`."],
    [
      "both",
      ScheduleBody,
      { ...s, every: 60 },
      "every does not go with cron: a schedule goes by one of them, and a patch takes the other away by null.",
    ],
    ["every", ScheduleBody, { job: p, every: 0.5 }, "every is in seconds: at least 1."],
    [
      "a schedule's end",
      ScheduleBody,
      { ...s, start: "2026-12-01T00:00:00Z", end: "2026-11-30T23:59:59Z" },
      "end is not before start.",
    ],
    ["cron that never fires", ScheduleBody, { ...s, cron: "0 0 30 2 *" }, "cron never fires: there is no such date."],
    [
      "a time zone",
      ScheduleBody,
      { ...s, timezone: "Mars/Base" },
      "timezone is an IANA time zone, such as Europe/Berlin.",
    ],
    ["a limit in a query", PageQuery, { limit: "1000" }, "limit is a whole number from 1 to 200."],
    [
      "fields in a query",
      JobListQuery,
      { include: "secret" },
      "include names fields out of payload, result, attempts, separated by commas.",
    ],
    ["an unknown member", SubmitBody, { ...p, zzz: 1 }, "`zzz` is no member of the request."],
    [
      "a slip of the pen",
      SubmitBody,
      { ...p, priorty: 1 },
      "`priorty` is no member of the request; did you mean `priority`?",
    ],
    [
      "a slip in lower case",
      SubmitBody,
      { ...p, orderingkey: "k" },
      "`orderingkey` is no member of the request; did you mean `orderingKey`?",
    ],
    ["an unknown member inside", SubmitBody, { ...p, retry: { attempts: 1 } }, "`attempts` is no member of retry."],
    ["an unknown parameter", PageQuery, { limt: "5" }, "`limt` is no parameter of this call; did you mean `limit`?"],
  ])("%s", (_, schema, value, sentence) => {
    expect(said(schema, value)).toEqual([sentence]);
  });

  test("below a prefix the name is that of the place", () => {
    expect(said(SubmitBody, 1, "/jobs/13")).toEqual(["jobs[13] is a JSON object."]);
    expect(said(SubmitBody, { ...p, foo: 1 }, "/jobs/13")).toEqual(["`foo` is no member of jobs[13]."]);
    expect(said(DureProps, {}, "/props")).toEqual([
      "props are an object with a `key`, or with a `namespace` and `scopes`.",
    ]);
    expect(said(ReportsBody, { reports: [1] })).toEqual(["reports[0] is a JSON object."]);
  });
});

describe("nobody is shown a pattern or the library's own words", () => {
  const schemas = { ...REQUESTS, ...ANSWERS, ...BindingOptions, DureProps, BatchEnvelope, IngestEnvelope, ClaimBody };
  const queries = { PageQuery, JobListQuery, OrderingKeysQuery };
  /** Neither of these: a class of the library, the words of its messages, JavaScript's own, a pattern, two full stops. */
  const JARGON =
    /zod|invalid input|expected|received|undefined|NaN|object Object|\[a-z|\[\^|\\|\(\?|\{\d|\^|\.\.|^ | $| {2}/i;
  const SENTENCE = /^[\w`].*[^.][.?]$/s;

  const faults = (sentences: string[]) => sentences.filter((text) => JARGON.test(text) || !SENTENCE.test(text));

  test.each(Object.entries({ ...schemas, ...queries }))("%s and all below it", (name, schema) => {
    const junk = [
      undefined,
      null,
      true,
      -1,
      0.5,
      1e12,
      Number.NaN,
      "",
      "A b",
      "x".repeat(5000),
      [],
      [1],
      {},
      { foo: 1 },
    ];
    for (const [place, inner] of within(name, schema)) {
      const sentences = junk.flatMap((value) => said(inner, value, "/field"));
      expect([place, faults(sentences)]).toEqual([place, []]);
    }
  });

  test("whatever is sent", () => {
    // Of letters that make no word that is looked for.
    const text = fc.stringMatching(/^[bcfgh]{1,6}$/);
    const value = fc.anything({ key: text, values: [text, fc.double(), fc.boolean(), fc.constant(null)] });
    const names = fc.constantFrom(...Object.keys(schemas));
    const bySchema = new Map<string, z.ZodType>(Object.entries(schemas));
    const members = fc.constantFrom("payload", "jobs", "type", "filter", "claim", "job", "target", "reports");
    fc.assert(
      fc.property(names, fc.dictionary(members, value), (name, sent) => {
        expect([name, faults(said(bySchema.get(name) ?? z.never(), sent))]).toEqual([name, []]);
      }),
      { numRuns: 500 },
    );
  });

  test("and it would be seen", () => {
    expect(
      faults(["name is a text.", "Invalid input.", "must match ^[a-z]+$.", "delay is NaN.", "no end", "two ends.."]),
    ).toEqual(["Invalid input.", "must match ^[a-z]+$.", "delay is NaN.", "no end", "two ends.."]);
  });
});

test("numbers and sizes are written for people", () => {
  expect([0, 0.001, 1000, 31_622_400].map(formatNumber)).toEqual(["0", "0.001", "1,000", "31,622,400"]);
  expect([100, 1023, 1024, 1500, 262_144, 1_048_576].map(formatBytes)).toEqual([
    "100 bytes",
    "1,023 bytes",
    "1 KiB",
    "1,500 bytes",
    "256 KiB",
    "1 MiB",
  ]);
});
