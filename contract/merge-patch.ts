import * as z from "zod";

import { mergePatch, mergePatchText } from "../domain/merge-patch.ts";
import { exampleOf } from "./field.ts";
import { JsonText } from "./json-text.ts";
import { says } from "./sentence.ts";

/** JSON merge patches (RFC 7396) over the bodies of a PUT: their schemas, and how one is laid over a body. */

/** A merge patch over a `T`: any member may be left out or null, and lists are replaced whole. */
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Member in keyof T]?: MergePatch<T[Member]> | null | undefined }
    : T;

/**
 * The schema of a merge patch over what `body` takes: its members and theirs, each of which may be left out or null. Whether
 * the members that a patch leaves make a whole is known once it is laid over a body, see `patched`.
 */
export function patchOf<Body extends z.ZodObject>(
  body: Body,
  what: string,
  example: MergePatch<z.input<Body>>,
): z.ZodType<MergePatch<z.input<Body>>> {
  const description = `${what}, as a JSON merge patch (RFC 7396): what it does not name stays. ${exceptions(body)}`;
  // A schema that is made member by member has no type of its own.
  return strictPatch(body).meta({ description, examples: [example] }) as unknown as z.ZodType<
    MergePatch<z.input<Body>>
  >;
}

/** What a reader has to know of the members of `body`, in sentences. */
function exceptions(body: z.ZodObject): string {
  const nulls = paths(body, takesNull);
  const kinds = paths(body, (member) => bare(member) instanceof z.ZodDiscriminatedUnion);
  return [
    "Null puts a member back to its default, and takes away one that has none.",
    ...(nulls.length === 0 ? [] : [`Null is a value like any other of ${nulls.join(", ")}.`]),
    ...(kinds.length === 0 ? [] : [`Of another \`type\`, ${kinds.join(" and ")} is replaced whole.`]),
  ].join(" ");
}

/** Where in `body` there are such members, as text. */
function paths(body: z.ZodObject, are: (member: z.core.$ZodType) => boolean, prefix = ""): string[] {
  return Object.entries(body.shape).flatMap(([name, member]) => {
    const inner = bare(member);
    const below = inner instanceof z.ZodObject ? paths(inner, are, `${prefix}${name}.`) : [];
    return are(member) ? [`\`${prefix}${name}\``, ...below] : below;
  });
}

function strictPatch(body: z.ZodObject): z.ZodObject {
  return z.strictObject(membersOf(Object.entries(body.shape)));
}

function membersOf(members: [string, z.core.$ZodType][]): Record<string, z.ZodType> {
  return Object.fromEntries(members.map(([name, member]) => [name, patchMember(member)]));
}

function patchMember(member: z.core.$ZodType): z.ZodType {
  const inner = bare(member);
  const { description } = z.globalRegistry.get(member) ?? z.globalRegistry.get(inner) ?? {};
  const example = exampleOf(member) ?? exampleOf(inner);
  const form = patchForm(inner);
  const patch = (form instanceof z.ZodUnknown ? form : form.nullable()).optional();
  return description === undefined
    ? patch
    : patch.meta({ description, ...(example === undefined ? {} : { examples: [example] }) });
}

function patchForm(inner: z.core.$ZodType): z.ZodType {
  if (inner instanceof z.ZodObject) return strictPatch(inner);
  if (inner instanceof z.ZodDiscriminatedUnion) return unionPatch(inner);
  if (inner instanceof z.ZodCustom) return customPatch(inner);
  return inner as z.ZodType;
}

/** Any member of any option: which of them go together is known by the option that the patched body is. */
function unionPatch({ options, def }: z.ZodDiscriminatedUnion): z.ZodType {
  const shapes = options.flatMap((option) => (option instanceof z.ZodObject ? Object.entries(option.shape) : []));
  const kinds = shapes.flatMap(([name, member]) =>
    name === def.discriminator && member instanceof z.ZodLiteral ? [...member.values].map(String) : [],
  );
  return z.strictObject({ ...membersOf(shapes), [def.discriminator]: kindOf(kinds) });
}

function kindOf(kinds: string[]): z.ZodType {
  const description = "The kind. Of another kind, all other members are those of the patch alone.";
  return z
    .enum(kinds)
    .nullable()
    .optional()
    .meta({ description, examples: kinds.slice(0, 1) });
}

/** A map that only its own check knows: the check sees the patched one. */
function customPatch(inner: z.ZodCustom): z.ZodType {
  const { additionalProperties: value, ...meta } = z.globalRegistry.get(inner) ?? {};
  const values = value === undefined ? {} : { additionalProperties: { anyOf: [value, { type: "null" }] } };
  return z.custom(isObject, says("is an object")).meta({ ...meta, ...values });
}

/** The schema without what says that it may be left out or null. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  const wrapped = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable;
  return wrapped ? bare(schema.unwrap()) : schema;
}

/** Whether null is a value of the member, and not the absence of one. */
function takesNull(schema: z.core.$ZodType | undefined): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return takesNull(schema.unwrap());
  return schema instanceof z.ZodNullable || schema instanceof z.ZodUnknown;
}

/**
 * `target`, which `body` takes, with `patch` laid over it as RFC 7396 has it, but for two things that a body with types has: null
 * is set where it is a value of the member, and an object of another kind (`type`) replaces the one before whole.
 */
export function patched(body: z.core.$ZodType | undefined, target: unknown, patch: unknown): unknown {
  if (patch instanceof JsonText) return patchedText(target, patch);
  if (!isObject(patch)) return patch;
  if (body === undefined) return mergePatch(target, patch);
  const inner = bare(body);
  const members = new Map(isObject(target) && !isOtherKind(inner, target, patch) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    const member = memberOf(inner, name);
    if (value === null && !takesNull(member)) members.delete(name);
    else members.set(name, patched(member, members.get(name), value));
  }
  // Not by assignment: a member may be called `__proto__`.
  return Object.fromEntries(members);
}

/** What is any JSON value is patched as text, so that what the patch does not name stays as it was written. */
function patchedText(target: unknown, patch: JsonText): JsonText {
  const text = target instanceof JsonText ? target.text : "null";
  return new JsonText(mergePatchText(text, patch.text, Number.POSITIVE_INFINITY) ?? text);
}

function isOtherKind(body: z.core.$ZodType, target: object, patch: object): boolean {
  if (!(body instanceof z.ZodDiscriminatedUnion)) return false;
  const kindOf = (value: object) => Object.entries(value).find(([name]) => name === body.def.discriminator)?.[1];
  return kindOf(patch) !== undefined && kindOf(patch) !== kindOf(target);
}

function memberOf(body: z.core.$ZodType, name: string): z.core.$ZodType | undefined {
  return body instanceof z.ZodObject && Object.hasOwn(body.shape, name) ? body.shape[name] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
