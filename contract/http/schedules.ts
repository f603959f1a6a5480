import { PageQuery } from "../list.ts";
import { call, created, gone, ok } from "./call.ts";
import { SCHEDULE } from "./parameters.ts";

export const SCHEDULES_CALLS = {
  listSchedules: call({
    method: "get",
    path: "/v1/schedules",
    scope: "read",
    summary: "List schedules",
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
    answers: [ok("Schedule")],
    problems: ["schedule-not-found"],
  }),
  deleteSchedule: call({
    method: "delete",
    path: "/v1/schedules/{schedule}",
    parameters: { schedule: SCHEDULE },
    scope: "admin",
    summary: "Delete a schedule and its record of fires; its jobs stay",
    answers: [gone],
    problems: ["schedule-not-found"],
  }),
  listFires: call({
    method: "get",
    path: "/v1/schedules/{schedule}/fires",
    parameters: { schedule: SCHEDULE },
    scope: "read",
    summary: "What came of a schedule's instants",
    query: PageQuery,
    answers: [ok("FireList", "A page")],
    problems: ["invalid-request", "schedule-not-found"],
  }),
};
