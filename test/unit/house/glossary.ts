import type { Violation } from "./parse.ts";
import { RETIRED_WORDS } from "./retired-words.ts";

interface Entry {
  word: string;
  meaning: string;
}

/** The field's words that Dure's own documents rest on: each has one meaning, which the glossary gives. */
export const CORE_WORDS: readonly string[] = [
  "alarm",
  "attempt",
  "bookmark",
  "claim",
  "concurrency key",
  "dead letter",
  "deduplication key",
  "doorbell",
  "epoch",
  "event",
  "final",
  "gate",
  "handler",
  "history",
  "idempotency key",
  "job",
  "kernel",
  "lane",
  "lease",
  "namespace",
  "operation",
  "ordering key",
  "outbox",
  "parked",
  "partition",
  "processor",
  "projector",
  "queue",
  "rank",
  "redrive",
  "report",
  "retention",
  "schedule",
  "shard",
  "slot",
  "slot map",
  "step",
  "subscription",
  "subsystem",
  "target",
  "transaction",
  "transition",
];

/** The rows of the table under the heading "Glossary" of a Markdown page. Throws when there is no such table. */
export function glossaryOf(markdown: string): Entry[] {
  const section = /^## Glossary\s*$([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(markdown)?.[1] ?? "";
  const rows = section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .slice(2);
  if (rows.length === 0) throw new Error("the page has no table under a heading Glossary");
  return rows.map(([, word = "", meaning = ""]) => ({ word: word.replace(/[`*_]/g, "").toLowerCase(), meaning }));
}

/**
 * What is wrong with a glossary: a core word that is missing, a word that is there twice or is retired, a meaning
 * that is no whole sentence, an order that is not the alphabet's.
 */
export function glossaryFaults(markdown: string, core: readonly string[] = CORE_WORDS): Violation[] {
  const entries = glossaryOf(markdown);
  const words = entries.map(({ word }) => word);
  return [
    ...core.filter((word) => !words.includes(word)).map((word) => `the glossary lacks ${word}`),
    ...[...new Set(words)]
      .filter((word) => words.indexOf(word) !== words.lastIndexOf(word))
      .map((word) => `the glossary has ${word} more than once`),
    ...words.filter(isRetired).map((word) => `the glossary has ${word}, which is retired`),
    ...entries
      .filter(({ meaning }) => !/^[A-Z`].*[.]$/.test(meaning))
      .map(({ word }) => `the glossary's meaning of ${word} is no whole sentence`),
    ...words
      .filter((word, index) => index > 0 && word < (words[index - 1] ?? ""))
      .map((word) => `the glossary has ${word} out of the alphabet's order`),
  ];
}

/** Whether the word, as the name of a type or of a function, is retired. */
function isRetired(word: string): boolean {
  const camel = word.replace(/[ -](.)/g, (_, letter: string) => letter.toUpperCase());
  const type = camel.charAt(0).toUpperCase() + camel.slice(1);
  return RETIRED_WORDS.some(
    (row) => (row.in.includes("type") && row.word.test(type)) || (row.in.includes("function") && row.word.test(camel)),
  );
}
