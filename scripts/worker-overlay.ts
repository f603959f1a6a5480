import type { V4QueueConsumerOptions } from "miniflare";
import type { ServiceTarget, WorkerConfig } from "./worker-options.ts";

/**
 * Settings that one run of a Worker has over its wrangler.toml: what a deployment would write into that file, such as a
 * queue of the user's own. Each field is laid over the binding, or the queue, of the same name.
 */
export interface Overlay {
  vars?: Record<string, string>;
  /** Producer bindings: the queue each sends to. */
  producers?: Record<string, string>;
  /** By queue. Null takes the consumer off: a queue has one, so another Worker can be it only then. */
  consumers?: Record<string, V4QueueConsumerOptions | null>;
  services?: Record<string, ServiceTarget>;
}

/** The Worker with the overlay's settings. The config that came in stays as it was. */
export function overlaid(config: WorkerConfig, overlay: Overlay): WorkerConfig {
  const { options } = config;
  const producers = Object.entries(overlay.producers ?? {}).map(([binding, queueName]) => [binding, { queueName }]);
  const consumers = Object.entries({ ...options.queueConsumers, ...overlay.consumers }).flatMap(([queue, consumer]) =>
    consumer === null ? [] : [[queue, consumer]],
  );
  return {
    ...config,
    vars: { ...config.vars, ...overlay.vars },
    options: {
      ...options,
      queueProducers: { ...options.queueProducers, ...Object.fromEntries(producers) },
      queueConsumers: Object.fromEntries(consumers),
      serviceBindings: { ...options.serviceBindings, ...overlay.services },
    },
  };
}
