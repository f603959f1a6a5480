import { canonicalNumber } from "./number.ts";
import {
  endOfString,
  endOfValue,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  stringAt,
  visitItems,
  visitMembers,
} from "./scan.ts";

/**
 * One text for all JSON texts that mean the same: members sorted by the code units of their names, strings in the writing
 * of `JSON.stringify`, no space, numbers as `canonicalNumber` has them. Where every number is one that a double holds, that is
 * RFC 8785; others keep each of their digits, which that RFC would round. Members of equal names are all kept, in their order: who
 * reads them disagrees on which of them counts. `text` is one JSON value and nests no deeper than the API lets it.
 */
export function canonicalText(text: string): string {
  return new Canonical(text).written();
}

/** A member of an object: its pieces among those that were written. */
interface Member {
  name: string;
  from: number;
  to: number;
}

/** Writes pieces: runs of the text that are canonical as they stand, and what takes the place of the others. */
class Canonical {
  readonly #text: string;
  #pieces: string[] = [];
  /** The run of the text that is not among the pieces yet. */
  #start = 0;
  #end = 0;

  constructor(text: string) {
    this.#text = text;
  }

  written(): string {
    this.#value(skipSpace(this.#text, 0));
    this.#flush();
    return this.#pieces.join("");
  }

  /** Writes the value at `at`, and answers where it ends. */
  #value(at: number): number {
    switch (this.#text.charCodeAt(at)) {
      case OPEN_BRACE:
        return this.#object(at);
      case OPEN_BRACKET:
        return this.#array(at);
      case QUOTE:
        return this.#string(at);
      default:
        return this.#word(at);
    }
  }

  #word(at: number): number {
    const end = endOfValue(this.#text, at, 0);
    // `true`, `false` and `null` are what they are; so is a digit.
    if (end - at === 1 || this.#text.charCodeAt(at) >= FIRST_LETTER) this.#keep(at, end);
    else this.#replace(at, end, canonicalNumber);
    return end;
  }

  /** Only `\/` and `\u` have another writing: the other escapes are those of `JSON.stringify`. */
  #string(at: number): number {
    const end = endOfString(this.#text, at);
    const hasOther = OTHER_ESCAPE.test(this.#text.slice(at, end));
    if (hasOther) this.#replace(at, end, (raw) => JSON.stringify(JSON.parse(raw)));
    else this.#keep(at, end);
    return end;
  }

  #array(at: number): number {
    this.#keep(at, at + 1);
    let isFirst = true;
    const end = visitItems(this.#text, at, (item) => {
      if (!isFirst) this.#mark(item - 1, ",");
      isFirst = false;
      return this.#value(item);
    });
    this.#mark(end - 1, "]");
    return end;
  }

  #object(at: number): number {
    this.#keep(at, at + 1);
    this.#flush();
    const first = this.#pieces.length;
    const members: Member[] = [];
    const end = visitMembers(this.#text, at, (nameAt, valueAt) => {
      if (members.length > 0) this.#pieces.push(",");
      const from = this.#pieces.length;
      this.#string(nameAt);
      this.#mark(valueAt - 1, ":");
      const behind = this.#value(valueAt);
      this.#flush();
      members.push({ name: stringAt(this.#text, nameAt), from, to: this.#pieces.length });
      return behind;
    });
    if (!isSorted(members)) this.#sort(members, first);
    this.#mark(end - 1, "}");
    return end;
  }

  /** The pieces from `first` on are those of the members, and commas. */
  #sort(members: Member[], first: number): void {
    const pieces = this.#pieces.slice(0, first);
    for (const { from, to } of members.toSorted(byName)) {
      if (pieces.length > first) pieces.push(",");
      for (let i = from; i < to; i++) pieces.push(this.#pieces[i] ?? "");
    }
    this.#pieces = pieces;
  }

  /** A character of the text's own writing, at `at` where there is no space beside it. */
  #mark(at: number, mark: string): void {
    if (this.#text[at] === mark) this.#keep(at, at + 1);
    else {
      this.#flush();
      this.#pieces.push(mark);
    }
  }

  #replace(at: number, end: number, by: (raw: string) => string): void {
    const raw = this.#text.slice(at, end);
    const other = by(raw);
    if (other === raw) {
      this.#keep(at, end);
      return;
    }
    this.#flush();
    this.#pieces.push(other);
  }

  #keep(at: number, end: number): void {
    if (at !== this.#end) {
      this.#flush();
      this.#start = at;
    }
    this.#end = end;
  }

  #flush(): void {
    if (this.#start < this.#end) this.#pieces.push(this.#text.slice(this.#start, this.#end));
    this.#start = this.#end;
  }
}

const FIRST_LETTER = 0x61;
const OTHER_ESCAPE = /\\[/u]/;

function isSorted(members: Member[]): boolean {
  return members.every(({ name }, index) => index === 0 || (members[index - 1]?.name ?? "") <= name);
}

/** Of equal names the earlier stays the earlier. */
function byName(a: Member, b: Member): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
