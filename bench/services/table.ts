import { SCENES, type Scene } from "./scenes.ts";
import { CONTESTANTS, type Measured, simulate } from "./simulate.ts";

const SEED = 1;

/** What each scene came to with each strategy, as a table in Markdown; the same on every machine. */
export function servicesTable(): string {
  const head = ["", ...CONTESTANTS];
  const rows = SCENES.map(rowOf);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((text, i) => text.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** The cells of one scene. */
export function rowOf(scene: Scene): string[] {
  return [scene.name, ...CONTESTANTS.map((contestant) => cell(simulate(scene, contestant, SEED)))];
}

function cell({ p99Ms, failed, sent }: Measured): string {
  return `${p99Ms.toFixed(0)} ms, ${(failed * 100).toFixed(1)} %, ${sent.toFixed(2)}`;
}
