/**
 * The samples of an OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/), each name summed
 * over its labels.
 */
export function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{[^}]*\})? (\S+)/.exec(line);
    if (match?.[1] === undefined) continue;
    samples.set(match[1], (samples.get(match[1]) ?? 0) + Number(match[2]));
  }
  return samples;
}

/** What the platform at `url` counts just now; `key` has the scope `metrics`, or is the root key. */
export async function readMetrics({ url, key }: { url: string; key: string }): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  return parseMetrics(await response.text());
}

/** The value below which `share` (0..1) of the numbers lie. NaN when there are none. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
