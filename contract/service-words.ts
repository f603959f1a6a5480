/** What the settings of a service say, for its request and its view, without what they are when they are left out. */
export const SERVICE_SAYS = {
  url: "Where the instance is: scheme, host, port, and perhaps a path that all requests to it begin with. It names the instance",
  weight: "The instance's part of the work beside that of others",
  zone: "Where the instance runs, in words of your own",
  instances: "The instances of the service",
  strategy:
    "How an instance is chosen among those that may be asked. `p2c`: of two at random the one that is quicker and has less under way; `roundRobin`: in turn, by weight; `leastRequests`: of two at random the one with less under way; `hash`: jobs of one ordering key go to one instance, as long as that is not far busier than the others",
  healthCheck:
    "A request that is made of each instance now and then, while the service is in use. One that fails it is not asked until it passes again",
  path: "What is asked for, by GET, behind the URL of the instance",
  interval: "How many seconds lie between two checks of an instance",
  checkTimeout: "How many seconds the answer may take",
  healthyThreshold: "How many checks in a row make an instance healthy that was not",
  unhealthyThreshold: "How many failed checks in a row make an instance unhealthy",
  expect: "The statuses of a healthy instance. Redirects are not followed",
  outlier:
    "Takes an instance out for a while that fails what it is asked: a 5xx, a timeout, or no connection. It is longer each time in a row",
  consecutiveFailures: "How many failures in a row take an instance out",
  baseEjection: "How many seconds it is out the first time, and as many more each time in a row, 300 at most",
  maxEjectedPercent: "How many percent of the instances may be out at once. At least one may",
  breaker:
    "Gives the whole service a rest when too much of it fails: nothing is sent for a while, then a few probes, which end the rest or begin it again",
  failureRate: "The part of failures from which on it opens, above 0 and at most 1",
  minRequests: "With fewer requests in the window it stays closed",
  window: "How many seconds it looks back",
  openFor: "How many seconds nothing is sent",
  halfOpenProbes: "How many requests are sent then. As many successes end the rest, one failure begins it again",
  bulkhead: "What may be under way at the service at once, so that it is not overrun and takes nobody else's room",
  maxInFlight:
    "The most jobs under way at once, exactly and over all processors. Requests of the proxy have the same limit, shared out among the isolates that send them, so that it may be passed for a moment",
  maxWaiting: "The most requests of the proxy that wait for room in one isolate. One more is refused with 503",
  timeout: "How many seconds one request may take in all. A job's own timeout holds where it is shorter",
  firstByteTimeout: "How many seconds may pass until the headers of the answer come",
  retry:
    "When the proxy sends a request again that failed, to another instance. Jobs are tried again by the policy of their queue",
  attempts: "How often a request is sent in all",
  perTryTimeout: "How many seconds one of these may take. Null: as long as is left of `timeout`",
  budgetPercent:
    "How many percent of the requests of the last ten seconds may be sent again, so that retries do not bury a service that is down",
  rate: "The most jobs that start in any window of a length",
};

/** What null is of a part that can be switched off. */
export const OFF = "Null: off";
