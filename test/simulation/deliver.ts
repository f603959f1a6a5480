/** What leaves a shard by itself: calls to other shards, and letters for the queue of dead letters. */
import type { ReceiveReply, ReceiveRequest } from "../../contract/rpc.ts";
import type { Delivery } from "../../durable-objects/shard/spawning/courier.ts";
import { Life } from "./life.ts";
import { CallFailed } from "./network.ts";
import type { ShardHost } from "./shard-host.ts";
import type { World } from "./world.ts";

interface Sending {
  delivery: Delivery;
  done: (reply: ReceiveReply | null) => void;
}

export function deliver(world: World, host: ShardHost, { delivery, done }: Sending): void {
  if (delivery.type === "letters") sendLetters(world, delivery.letters, done);
  else handOver(world, host, { request: delivery.request, to: delivery.to, done });
}

function handOver(
  world: World,
  host: ShardHost,
  { request, to, done }: { request: ReceiveRequest; to: string; done: Sending["done"] },
): void {
  world.handovers.push({ to, request });
  world.network.call(new Life(host.name), to, "receive", request).then(done, (error: unknown) => {
    if (!(error instanceof CallFailed)) throw error;
    done(null);
  });
}

/** A Queue may refuse a message, and may take one whose sender never hears of it. */
function sendLetters(
  { clock, faults, observer, trace }: World,
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
