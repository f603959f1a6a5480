import * as z from "zod";

/** The schemas that stand right below one, each with its place: `Job.retry`, `Claimed.jobs[]`, `Target<0>`. */
export function below(place: string, schema: z.core.$ZodType): [place: string, schema: z.core.$ZodType][] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return [[place, schema.def.innerType]];
  }
  if (schema instanceof z.ZodArray) return [[`${place}[]`, schema.def.element]];
  if (schema instanceof z.ZodUnion) return schema.def.options.map((option, index) => [`${place}<${index}>`, option]);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).map(([name, member]) => [`${place}.${name}`, member]);
}

/** The schema and all below it. */
export function within(place: string, schema: z.core.$ZodType): [place: string, schema: z.core.$ZodType][] {
  return [[place, schema], ...below(place, schema).flatMap(([at, inner]) => within(at, inner))];
}
