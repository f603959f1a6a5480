/**
 * The part of a Standard Schema (version 1) that the client uses. Validators of Zod, Valibot, ArkType and others are ones.
 * See https://standardschema.dev.
 */
export interface Validator<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => ValidatorResult<Output> | Promise<ValidatorResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a validator answers: a value, or what is wrong with it. */
export type ValidatorResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ValidatorIssue[] };

/** One thing that is wrong with a value. */
export interface ValidatorIssue {
  readonly message: string;
  /** Where in the value, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A payload or a result is not what its queue was defined with. */
export class ValidationError extends Error {
  /** What is wrong with it. */
  readonly issues: readonly ValidatorIssue[];

  constructor(what: string, issues: readonly ValidatorIssue[]) {
    super(`${what}: ${issues.map(issueText).join("; ")}`);
    this.name = "ValidationError";
    this.issues = issues;
  }
}

/** The value as the validator makes it; throws a `ValidationError` that begins with `what`. Without a validator: as it is. */
export async function validated<Output>(
  validator: Validator<unknown, Output> | undefined,
  value: unknown,
  what: string,
): Promise<Output> {
  // A queue without a validator has the types that its author says.
  if (validator === undefined) return value as Output;
  const result = await validator["~standard"].validate(value);
  if (result.issues !== undefined) throw new ValidationError(what, result.issues);
  return result.value;
}

function issueText({ path = [], message }: ValidatorIssue): string {
  const where = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return where === "" ? message : `${where}: ${message}`;
}
