import { PageQuery } from "../list.ts";
import { created, gone, ok, type Route } from "./route.ts";

export const SUBSCRIPTIONS_ROUTES: Route[] = [
  {
    id: "listSubscriptions",
    method: "get",
    path: "/v1/subscriptions",
    scope: "read",
    summary: "List subscriptions",
    query: PageQuery,
    answers: [ok("SubscriptionList", "A page")],
    problems: ["invalid-request"],
  },
  {
    id: "putSubscription",
    method: "put",
    path: "/v1/subscriptions/{subscription}",
    scope: "admin",
    summary: "Create or replace a subscription: jobs that change from then on are told of",
    body: "SubscriptionRequest",
    answers: [created("Subscription", "Created"), ok("Subscription", "Replaced")],
    problems: ["target-refused", "too-many-subscriptions"],
  },
  {
    id: "getSubscription",
    method: "get",
    path: "/v1/subscriptions/{subscription}",
    scope: "read",
    summary: "Read a subscription, and how its delivery goes",
    answers: [ok("Subscription")],
    problems: ["subscription-not-found"],
  },
  {
    id: "deleteSubscription",
    method: "delete",
    path: "/v1/subscriptions/{subscription}",
    scope: "admin",
    summary: "Delete a subscription and the events that it has not delivered",
    answers: [gone],
    problems: ["subscription-not-found"],
  },
];
