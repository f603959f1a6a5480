import { PageQuery } from "../list.ts";
import { created, gone, ok, type Route } from "./route.ts";

export const SCHEDULES_ROUTES: Route[] = [
  {
    id: "listSchedules",
    method: "get",
    path: "/v1/schedules",
    scope: "read",
    summary: "List schedules",
    query: PageQuery,
    answers: [ok("ScheduleList", "A page")],
    problems: ["invalid-request"],
  },
  {
    id: "putSchedule",
    method: "put",
    path: "/v1/schedules/{schedule}",
    scope: "admin",
    summary: "Create or replace a schedule",
    body: "ScheduleRequest",
    answers: [created("Schedule", "Created"), ok("Schedule", "Replaced")],
    problems: ["queue-not-found", "payload-too-large", "timeout-too-long", "keys-need-one-partition"],
  },
  {
    id: "getSchedule",
    method: "get",
    path: "/v1/schedules/{schedule}",
    scope: "read",
    summary: "Read a schedule",
    answers: [ok("Schedule")],
    problems: ["schedule-not-found"],
  },
  {
    id: "deleteSchedule",
    method: "delete",
    path: "/v1/schedules/{schedule}",
    scope: "admin",
    summary: "Delete a schedule and its record of fires; its jobs stay",
    answers: [gone],
    problems: ["schedule-not-found"],
  },
  {
    id: "listFires",
    method: "get",
    path: "/v1/schedules/{schedule}/fires",
    scope: "read",
    summary: "What came of a schedule's instants",
    query: PageQuery,
    answers: [ok("FireList", "A page")],
    problems: ["invalid-request", "schedule-not-found"],
  },
];
