/** What a call of the API takes and answers. */
interface CallTypes {
  /** What stands in the path, by name. */
  params?: Record<string, string> | undefined;
  query?: object | undefined;
  body?: unknown;
  answer: unknown;
}

/** One call of the API, as its definition has it: how it is made and, as types alone, what it takes and answers. */
export interface Call<T extends CallTypes = CallTypes> {
  readonly method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** With `{parameters}`. */
  readonly path: string;
  /** Never there. */
  readonly types?: T;
}

/** What a call has to be given. */
export type CallInput<T extends CallTypes> = Omit<T, "answer">;

/** The path with its parameters in place. */
export function pathOf({ path }: Call, params: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
}
