import * as z from "zod";
import { isReservedHeader } from "../domain/reserved-headers.ts";
import { SERVICE_PATH_RULE } from "../domain/service/address.ts";
import type { TargetType } from "../domain/target.ts";
import { described, field } from "./field.ts";
import {
  DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS,
  MAX_HEADER_NAME_BYTES,
  MAX_HEADER_VALUE_BYTES,
  MAX_PUSH_TIMEOUT_SECONDS,
  MAX_SPAWN_QUEUES,
  MAX_TARGET_HEADERS,
  MAX_URL_BYTES,
} from "./limits.ts";
import { Name } from "./primitives.ts";
import { formatBytes, inSeconds, says, shownName } from "./sentence.ts";
import { ServicePath } from "./service-path.ts";

/** Where the jobs of a queue run. */

/** Which targets an attempt of more than 15 minutes takes, in the words of a sentence. */
export const LONG_TARGETS = "of type `pull`, or of type `http` with `async`";

/** RFC 9110 `token`. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 field content: no control characters but tab, and nothing that is not one byte. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What is wrong with `value` as a header map, or null. */
function headersFault(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is an object of texts";
  const entries = Object.entries(value);
  if (entries.length > MAX_TARGET_HEADERS) return `has at most ${MAX_TARGET_HEADERS} headers`;
  const seen = new Set<string>();
  for (const [name, content] of entries) {
    if (name === "") return "has a header without a name";
    const header = `the header \`${shownName(name)}\``;
    if (name.length > MAX_HEADER_NAME_BYTES)
      return `has ${header}, whose name is longer than ${formatBytes(MAX_HEADER_NAME_BYTES)}`;
    if (!TOKEN.test(name) || name === "__proto__") return `has ${header}, which is a name that no HTTP header can have`;
    if (isReservedHeader(name)) return `may not set ${name}`;
    if (seen.has(name.toLowerCase())) return `has ${header} twice`;
    seen.add(name.toLowerCase());
    if (typeof content !== "string") return `has a value for ${header} that is no text`;
    if (!FIELD_VALUE.test(content)) return `has a value for ${header} that cannot be sent`;
    if (content.length > MAX_HEADER_VALUE_BYTES)
      return `has a value for ${header} that is longer than ${formatBytes(MAX_HEADER_VALUE_BYTES)}`;
  }
  return null;
}

/** Not `z.record`, which drops a `__proto__` key in silence where it has to be refused. */
const TargetHeaders = z
  .custom<Record<string, string>>((value) => headersFault(value) === null, {
    error: (issue) => headersFault(issue.input) ?? "not valid",
  })
  .meta({ type: "object", additionalProperties: { type: "string" }, maxProperties: MAX_TARGET_HEADERS });

const HttpUrl = z
  .string(says(`is an http or https URL of at most ${formatBytes(MAX_URL_BYTES)}`))
  .max(MAX_URL_BYTES)
  .refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text))
  .meta({ format: "uri" });

/** A binding's name in a wrangler.toml. */
export const BindingName = z
  .string(
    says(
      "holds upper-case letters, digits and underscores, and begins with a letter, as bindings do: 1 to 63 characters",
    ),
  )
  .regex(/^[A-Z][A-Z0-9_]{0,62}$/);

/** Each kind in a sentence. */
const TYPE: Readonly<Record<TargetType, string>> = {
  pull: "`pull`: workers claim the jobs over HTTP.",
  consumer: "`consumer`: a Worker of the account's own, which consumes the Queue of the queue's lane, claims the jobs.",
  handler: "`handler`: the jobs run in the processor, by the handler of that name.",
  http: "`http`: what is sent goes to a URL by POST.",
  worker: "`worker`: the processor calls the method `process` of another Worker of the account.",
  queue:
    "`queue`: the job goes into another Worker's Cloudflare Queue, and has succeeded once the Queue has taken it. A message has at most 128 KB: a larger job fails for good.",
  service:
    "`service`: what is sent goes by POST to one of the instances of a service of the namespace. While the service takes none, jobs wait and spend no attempts.",
};
const URL_TEXT =
  "Where to send. Private, loopback and link-local addresses, and ports below 1024 other than 80 and 443, are refused unless the deployment allows them; hosts of the platform itself, and those that are not on the deployment's list where it has one, always.";
const HEADERS_TEXT =
  "Headers to send beside Dure's own, which none of them may replace. Headers of the connection, and those by which proxies tell for whom they forward, cannot be set. Values are encrypted where they are kept and never shown; `***` keeps the one that is there, as long as scheme, host and port of the URL stay.";
const SECRET_URL_TEXT =
  "A user name, a password, the values of the query and the fragment are encrypted and shown as `***`, the path is not; the URL as it is shown keeps what is there.";

/** Whether the destination is allowed is for the gateway, and again for the processor at each send. */
export const HttpTargetBody = described(
  z.strictObject({
    type: field(z.literal("http"), TYPE.http, "http"),
    url: field(
      HttpUrl,
      `${URL_TEXT} An http or https URL of at most ${formatBytes(MAX_URL_BYTES)}. ${SECRET_URL_TEXT}`,
      "https://example.com/hook",
    ),
    headers: field(TargetHeaders.default({}), `${HEADERS_TEXT} At most ${MAX_TARGET_HEADERS}. Left out: none.`, {
      "x-token": "s3cret",
    }),
  }),
  TYPE.http,
);

/** The body of a target that has nothing but its type. */
const PullTarget = described(z.strictObject({ type: field(z.literal("pull"), TYPE.pull, "pull") }), TYPE.pull);
const ConsumerTarget = described(
  z.strictObject({ type: field(z.literal("consumer"), TYPE.consumer, "consumer") }),
  TYPE.consumer,
);

const FIRST_BYTE_TEXT =
  "How many seconds the target may take until the headers of its answer come; the job's timeout, where that is shorter";

const SPAWN_TEXT =
  "Lets the answers of the target submit jobs, by a member `dure-spawn`, to these queues of its namespace and to no other. Left out: an answer submits nothing, and its attempt has a `warning` where it would.";
const QUEUES_TEXT =
  "The names of the queues. A job that an answer brings for any other is not submitted, and the attempt has a `warning`. One that names no queue is for `default`.";

const SpawnBody = described(
  z.strictObject({
    queues: field(
      z
        .array(Name)
        .min(1)
        .max(MAX_SPAWN_QUEUES)
        .refine((queues) => new Set(queues).size === queues.length, says("names no queue twice")),
      `${QUEUES_TEXT} From 1 to ${MAX_SPAWN_QUEUES} of them, which need not exist yet.`,
      ["receipts"],
    ),
  }),
  SPAWN_TEXT,
  { queues: ["receipts"] },
);

const SpawnView = described(
  z.strictObject({ queues: field(z.array(z.string()), QUEUES_TEXT, ["receipts"]) }),
  SPAWN_TEXT,
  { queues: ["receipts"] },
);

const ASYNC_TEXT =
  "Lets the target finish a job later: its answer with status 202 and the header `dure-async: true` keeps the job running, and the target reports the outcome itself, under the lease in the request's header `dure-lease` and with a key that has the scope `work`, within the job's timeout. Left out: false, and such an answer succeeds the attempt like any other, with a `warning`.";

/** What a queue says of its HTTP target, beside what a subscription says too. */
const QueueHttpTargetBody = described(
  z.strictObject({
    ...HttpTargetBody.shape,
    firstByteTimeout: field(
      z.number(inSeconds).min(0.001).max(MAX_PUSH_TIMEOUT_SECONDS).optional(),
      `${FIRST_BYTE_TEXT}: from 0.001 to ${MAX_PUSH_TIMEOUT_SECONDS}. Left out: ${DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS}.`,
      DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS,
    ),
    spawn: field(SpawnBody.optional(), SPAWN_TEXT, { queues: ["receipts"] }),
    async: field(z.boolean().optional(), ASYNC_TEXT, true),
  }),
  TYPE.http,
);

const BINDING_TEXT =
  "of the processor, as its wrangler.toml has it and the variable `TARGET_BINDINGS` of the deployment lists it";

const WorkerTarget = described(
  z.strictObject({
    type: field(z.literal("worker"), TYPE.worker, "worker"),
    binding: field(BindingName, `A service binding ${BINDING_TEXT}.`, "MAILER"),
  }),
  TYPE.worker,
);

const QueueTarget = described(
  z.strictObject({
    type: field(z.literal("queue"), TYPE.queue, "queue"),
    binding: field(BindingName, `A producer binding ${BINDING_TEXT}.`, "OUT"),
  }),
  TYPE.queue,
);

const ServiceTarget = described(
  z.strictObject({
    type: field(z.literal("service"), TYPE.service, "service"),
    service: field(Name, "The name of the service, which has to exist.", "mailer"),
    path: field(
      ServicePath,
      `What follows the URL of the instance that is asked. It ${SERVICE_PATH_RULE}. It is not secret: put no token there.`,
      "/send",
    ),
  }),
  TYPE.service,
);

const KINDS_TEXT = `Where the jobs of a queue run. ${Object.values(TYPE).join(" ")}`;

export const TargetBody = described(
  z.discriminatedUnion("type", [
    PullTarget,
    ConsumerTarget,
    // Any name is well-formed; whether the handler exists is for the gateway.
    described(
      z.strictObject({
        type: field(z.literal("handler"), TYPE.handler, "handler"),
        name: field(Name, "The name of the handler, which the processor has to have.", "wordcount"),
      }),
      TYPE.handler,
    ),
    QueueHttpTargetBody,
    WorkerTarget,
    QueueTarget,
    ServiceTarget,
  ]),
  KINDS_TEXT,
  { type: "handler", name: "wordcount" },
);
/** As parsed: `headers` is filled in. Assignable to `Target` of `domain/target.ts`. */
export type TargetBody = z.output<typeof TargetBody>;

export const HttpTargetView = described(
  z.strictObject({
    type: field(z.literal("http"), TYPE.http, "http"),
    url: field(
      z.string(),
      "Where it is sent. A user name, a password, the values of the query and the fragment are shown as `***`.",
      "https://example.com/hook",
    ),
    headers: field(
      z.record(z.string(), z.string()),
      "The names of the headers that are sent beside Dure's own. Their values are shown as `***`, whatever they are.",
      { "x-token": "***" },
    ),
  }),
  TYPE.http,
);

const QueueHttpTargetView = described(
  z.strictObject({
    ...HttpTargetView.shape,
    firstByteTimeout: field(
      z.number().optional(),
      `${FIRST_BYTE_TEXT}. Left out: ${DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS}.`,
      DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS,
    ),
    spawn: field(SpawnView.optional(), SPAWN_TEXT, { queues: ["receipts"] }),
    async: field(z.boolean().optional(), ASYNC_TEXT, true),
  }),
  TYPE.http,
);

export const TargetView = described(
  z.discriminatedUnion("type", [
    PullTarget,
    ConsumerTarget,
    described(
      z.strictObject({
        type: field(z.literal("handler"), TYPE.handler, "handler"),
        name: field(z.string(), "The name of the handler.", "wordcount"),
      }),
      TYPE.handler,
    ),
    QueueHttpTargetView,
    WorkerTarget,
    QueueTarget,
    ServiceTarget,
  ]),
  KINDS_TEXT,
  { type: "pull" },
);
export type TargetView = z.infer<typeof TargetView>;
