import { MAX_JSON_DEPTH } from "../../../contract/limits.ts";

/** What keeps a value from being JSON, and where: a JSON Pointer, empty for the value itself. */
export interface JsonFault {
  what: string;
  pointer: string;
}

/**
 * Why `value`, which came over RPC, is not JSON to the last member: what `JSON.stringify` would leave out, empty or make null in silence is
 * found before it is lost. `undefined` and dates are no fault, and written as there. `too-large`: its text takes more than `maxBytes`, as far
 * as can be told without writing it. Nothing is looked at beyond that, however large the value is: one object may be in it many times over,
 * and a list may have more places than values.
 */
export function jsonFaultIn(value: unknown, maxBytes: number): JsonFault | "too-large" | null {
  const fault = new Search(maxBytes).find(value);
  if (fault === null || fault === TOO_LARGE) return fault;
  const pointer = fault.path.reverse().map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  return { what: fault.what, pointer: pointer.join("") };
}

/** `path`: the names on the way to it, the last first. Put together on the way out: most values have none. */
interface Found {
  what: string;
  path: string[];
}

const TOO_LARGE = "too-large";

class Search {
  /** How many characters the text may still have. What has been looked at takes as many as were counted, or more. */
  #left: number;
  /** The objects and lists around the value that is looked at. */
  readonly #around = new Set<object>();

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  find(value: unknown): Found | typeof TOO_LARGE | null {
    // A member that is undefined takes none, and is counted all the same: to look at it takes its time.
    this.#left -= typeof value === "string" ? value.length + '""'.length : 1;
    if (this.#left < 0) return TOO_LARGE;
    switch (typeof value) {
      case "string":
      case "boolean":
      case "undefined":
        return null;
      case "number":
        return Number.isFinite(value) ? null : found(String(value));
      case "object":
        return value === null ? null : this.#findWithin(value);
      default:
        // A stub of the other side's object is a function too.
        return found(typeof value);
    }
  }

  #findWithin(value: object): Found | typeof TOO_LARGE | null {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? found("invalid Date") : null;
    if (!Array.isArray(value) && !isPlain(value)) return found(kindOf(value));
    if (this.#around.has(value)) return found("circle");
    if (this.#around.size >= MAX_JSON_DEPTH) return found(`more than ${MAX_JSON_DEPTH} levels`);
    this.#around.add(value);
    const fault = Array.isArray(value) ? this.#findInList(value) : this.#findInObject(value as Record<string, unknown>);
    this.#around.delete(value);
    return fault;
  }

  #findInList(list: readonly unknown[]): Found | typeof TOO_LARGE | null {
    if (list.length > this.#left) return TOO_LARGE;
    for (const [index, value] of list.entries()) {
      const fault = within(String(index), this.find(value));
      if (fault !== null) return fault;
    }
    return null;
  }

  #findInObject(members: Record<string, unknown>): Found | typeof TOO_LARGE | null {
    for (const name of Object.keys(members)) {
      this.#left -= name.length + '"":'.length;
      const fault = within(name, this.find(members[name]));
      if (fault !== null) return fault;
    }
    return null;
  }
}

function found(what: string): Found {
  return { what, path: [] };
}

function within<Fault extends Found | typeof TOO_LARGE | null>(name: string, fault: Fault): Fault {
  if (fault !== null && fault !== TOO_LARGE) fault.path.push(name);
  return fault;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** `Map`, `Uint8Array`, `Response`: what the platform calls it. */
function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -"]".length);
}
