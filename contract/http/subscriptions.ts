import { PageQuery } from "../list.ts";
import { call, created, gone, ok } from "./call.ts";
import { SUBSCRIPTION } from "./parameters.ts";

export const SUBSCRIPTIONS_CALLS = {
  listSubscriptions: call({
    method: "get",
    path: "/v1/subscriptions",
    scope: "read",
    summary: "List subscriptions",
    description: "Lists the subscriptions of the namespace, with how far each has delivered.",
    query: PageQuery,
    answers: [ok("SubscriptionList", "A page")],
    problems: ["invalid-request"],
  }),
  putSubscription: call({
    method: "put",
    path: "/v1/subscriptions/{subscription}",
    parameters: { subscription: SUBSCRIPTION },
    scope: "admin",
    summary: "Create or replace a subscription: jobs that change from then on are told of",
    description: "Creates the subscription, or replaces it. It is told of what happens to jobs from now on.",
    body: "SubscriptionRequest",
    answers: [created("Subscription", "Created"), ok("Subscription", "Replaced")],
    problems: ["target-refused", "too-many-subscriptions"],
  }),
  getSubscription: call({
    method: "get",
    path: "/v1/subscriptions/{subscription}",
    parameters: { subscription: SUBSCRIPTION },
    scope: "read",
    summary: "Read a subscription, and how its delivery goes",
    description: "Reads one subscription, with how far it has delivered and what failed last.",
    answers: [ok("Subscription")],
    problems: ["subscription-not-found"],
  }),
  deleteSubscription: call({
    method: "delete",
    path: "/v1/subscriptions/{subscription}",
    parameters: { subscription: SUBSCRIPTION },
    scope: "admin",
    summary: "Delete a subscription and the events that it has not delivered",
    description: "Deletes the subscription and the events that it has not delivered.",
    answers: [gone],
    problems: ["subscription-not-found"],
  }),
};
