/** What leaves a shard by itself: calls to other shards, and letters for the queue of dead letters. */
import type { ReceiveReply, ReceiveRequest } from "../../contract/rpc.ts";
import type { Delivery } from "../../durable-objects/shard/outbox/outbox-schedule.ts";
import { Life } from "./life.ts";
import { CallFailed } from "./network.ts";
import type { ShardHost } from "./shard-host.ts";
import type { Simulation } from "./simulation.ts";

interface Sending {
  delivery: Delivery;
  done: (reply: ReceiveReply | null) => void;
}

export function deliver(sim: Simulation, host: ShardHost, { delivery, done }: Sending): void {
  if (delivery.type === "letters") sendLetters(sim, delivery.letters, done);
  else handOver(sim, host, { request: delivery.request, to: delivery.to, done });
}

function handOver(
  sim: Simulation,
  host: ShardHost,
  { request, to, done }: { request: ReceiveRequest; to: string; done: Sending["done"] },
): void {
  sim.handovers.push({ to, request });
  sim.network.call(new Life(host.name), to, "receive", request).then(
    ({ result }) => done(result),
    (error: unknown) => {
      if (!(error instanceof CallFailed)) throw error;
      done(null);
    },
  );
}

/** A Queue may refuse a message, and may take one whose sender never hears of it. */
function sendLetters(
  { clock, faults, observer, trace }: Simulation,
  letters: { id: string }[],
  done: Sending["done"],
): void {
  clock.after(5, () => {
    if (faults.hit("network.request-lost")) return done(null);
    trace.add(`letters ${letters.map(({ id }) => id).join()}`);
    for (const { id } of letters) observer.spawns.letters.add(id);
    done(faults.hit("network.reply-lost") ? null : { type: "received", left: [] });
  });
}
