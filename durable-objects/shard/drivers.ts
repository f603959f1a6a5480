import type { Driver, DriverHost } from "./kernel/driver.ts";
import { OutboxSender } from "./outbox/sender.ts";
import { Inquirer } from "./transactions/inquirer.ts";

/** Who makes the calls that the shard owes to others. One line each. */
export const DRIVERS: readonly ((host: DriverHost) => Driver)[] = [
  (host) => new OutboxSender(host), // jobs that successes bring, to their shards; letters, to the Queue of dead letters
  (host) => new Inquirer(host), // how a batch was decided, of its coordinator
];
