import * as z from "zod";

/** How the schemas of the contract say what their fields are: the OpenAPI document and its reader have it from here. */

/**
 * A field with what it is, in whole sentences, and values that it may have, the most telling first. What comes back is a
 * copy of the schema that parses as the schema does. Goes around `.optional()` and the like, so that it is the field that is
 * described and not its type.
 */
export function field<T extends z.ZodType>(schema: T, description: string, ...examples: z.input<T>[]): T {
  return schema.meta({ description, ...(examples.length === 0 ? {} : { examples }) });
}

/** An object with what it is. Its example is made of the first examples of its fields, where none is given. */
export function described<T extends z.ZodType>(schema: T, description: string, example?: z.input<T>): T {
  return schema.meta({ description, examples: [example ?? exampleOf(schema)] });
}

/** A value that the schema takes, made of the examples it has. Undefined: it has none. */
export function exampleOf(schema: z.core.$ZodType): unknown {
  const examples: unknown = z.globalRegistry.get(schema)?.examples;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return exampleOf(schema.def.innerType);
  }
  if (schema instanceof z.ZodArray) return [exampleOf(schema.def.element)];
  if (!(schema instanceof z.ZodObject)) return undefined;
  return Object.fromEntries(Object.entries(schema.shape).map(([name, member]) => [name, exampleOf(member)]));
}
