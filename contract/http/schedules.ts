import { PageQuery } from "../list.ts";
import { call, created, gone, ok } from "./call.ts";
import { SCHEDULE } from "./parameters.ts";

export const SCHEDULES_CALLS = {
  listSchedules: call({
    method: "get",
    path: "/v1/schedules",
    scope: "read",
    summary: "List schedules",
    description: "Lists the schedules of the namespace, with when each fires next.",
    query: PageQuery,
    answers: [ok("ScheduleList", "A page")],
    problems: ["invalid-request"],
  }),
  putSchedule: call({
    method: "put",
    path: "/v1/schedules/{schedule}",
    parameters: { schedule: SCHEDULE },
    scope: "admin",
    summary: "Create or replace a schedule",
    description:
      "Creates the schedule, or replaces it. It fires from now on by its cron expression in its time zone; instants before are not made up for.",
    body: "ScheduleRequest",
    answers: [created("Schedule", "Created"), ok("Schedule", "Replaced")],
    problems: ["queue-not-found", "payload-too-large", "timeout-too-long", "keys-need-one-partition"],
  }),
  getSchedule: call({
    method: "get",
    path: "/v1/schedules/{schedule}",
    parameters: { schedule: SCHEDULE },
    scope: "read",
    summary: "Read a schedule",
    description: "Reads one schedule, with when it fired last and when it fires next.",
    answers: [ok("Schedule")],
    problems: ["schedule-not-found"],
  }),
  deleteSchedule: call({
    method: "delete",
    path: "/v1/schedules/{schedule}",
    parameters: { schedule: SCHEDULE },
    scope: "admin",
    summary: "Delete a schedule and its record of fires; its jobs stay",
    description: "Deletes the schedule and what is recorded of its fires. Jobs that it submitted stay.",
    answers: [gone],
    problems: ["schedule-not-found"],
  }),
  listFires: call({
    method: "get",
    path: "/v1/schedules/{schedule}/fires",
    parameters: { schedule: SCHEDULE },
    scope: "read",
    summary: "What came of a schedule's instants",
    description: "Lists the instants of the schedule, each with the job that it became, or why it became none.",
    query: PageQuery,
    answers: [ok("FireList", "A page")],
    problems: ["invalid-request", "schedule-not-found"],
  }),
};
