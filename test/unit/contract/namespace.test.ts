import { NamespaceBody } from "../../../contract/namespace.ts";
import { bad, checkLimits } from "../../rigs/limit-tables.ts";

const badCounts = [-1, 1.5, "1", 2 ** 53];

checkLimits("NamespaceBody", NamespaceBody, {
  at: [
    {},
    { limits: {} },
    { limits: { bytes: null, unfinishedJobs: null, firesPerSecond: null } },
    { limits: { bytes: 2 ** 50, unfinishedJobs: 0, schedules: 0, queues: 0, keys: 0, subscriptions: 0 } },
    { limits: { firesPerSecond: 0, spawnDepth: 0 } },
    { limits: { schedules: 1_000_000, subscriptions: 1_000, spawnDepth: 1_000 } },
  ],
  over: [
    [{ name: "n" }, "/name"],
    [{ limits: { jobs: 1 } }, "/limits/jobs"],
    ...bad("limits", [null, [], 1], {}),
    ...[...badCounts, null].map((queues) => [{ limits: { queues } }, "/limits/queues"] as [object, string]),
    ...badCounts.map((bytes) => [{ limits: { bytes } }, "/limits/bytes"] as [object, string]),
    [{ limits: { spawnDepth: 1_001 } }, "/limits/spawnDepth"],
    [{ limits: { subscriptions: 1_001 } }, "/limits/subscriptions"],
  ],
});
