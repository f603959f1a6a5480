import { initialMap } from "../../domain/slots.ts";
import type { ShardHost } from "./hosted-shard.ts";
import { type Harness, PackHarness } from "./shard-harness.ts";

/** The host of a shard in Node that packs every job that it can. */
export function harnessHost(h: Harness = new PackHarness()): ShardHost {
  return {
    sends: false,
    now: () => h.now,
    call: async (name, request) => h.core.call(name, request, h.alarmAt),
    sql: async (query, ...params) => h.sql.all(query, ...params),
    advance: async (ms) => h.advance(ms),
    leap: (ms) => {
      h.now += ms;
    },
    alarm: async () => h.core.alarm(),
    restart: async () => {
      h.restart();
      // As the object does that has no map.
      if (h.core.map() === null) h.core.adopt(initialMap(1));
    },
  };
}
