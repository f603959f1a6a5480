import { PageQuery } from "../list.ts";
import { call, created, gone, ok } from "./call.ts";
import { SUBSCRIPTION } from "./parameters.ts";

export const SUBSCRIPTIONS_CALLS = {
  listSubscriptions: call({
    method: "get",
    path: "/v1/subscriptions",
    scope: "read",
    summary: "List subscriptions",
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
    body: "SubscriptionRequest",
    sends: ["If-Match"],
    answersWith: ["ETag"],
    answers: [created("Subscription", "Created"), ok("Subscription", "Replaced")],
    problems: ["version-mismatch", "target-refused", "too-many-subscriptions"],
  }),
  getSubscription: call({
    method: "get",
    path: "/v1/subscriptions/{subscription}",
    parameters: { subscription: SUBSCRIPTION },
    scope: "read",
    summary: "Read a subscription, and how its delivery goes",
    answersWith: ["ETag"],
    answers: [ok("Subscription")],
    problems: ["subscription-not-found"],
  }),
  patchSubscription: call({
    method: "patch",
    path: "/v1/subscriptions/{subscription}",
    parameters: { subscription: SUBSCRIPTION },
    scope: "admin",
    summary: "Change single settings of a subscription",
    body: "SubscriptionPatch",
    sends: ["If-Match"],
    answersWith: ["ETag"],
    answers: [ok("Subscription", "Changed")],
    problems: ["subscription-not-found", "version-mismatch", "target-refused"],
  }),
  deleteSubscription: call({
    method: "delete",
    path: "/v1/subscriptions/{subscription}",
    parameters: { subscription: SUBSCRIPTION },
    scope: "admin",
    summary: "Delete a subscription and the events that it has not delivered",
    sends: ["If-Match"],
    answers: [gone],
    problems: ["subscription-not-found", "version-mismatch"],
  }),
};
