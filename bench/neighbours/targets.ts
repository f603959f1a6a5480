import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Two HTTP targets on this machine: one that answers at once, and one that takes a request and never answers. */
export interface Targets {
  quick: string;
  hanging: string;
  /** Requests that the hanging one holds. */
  held(): number;
  /** Closes the connections of the requests that it holds. */
  drop(): void;
  close(): void;
}

export async function startTargets(): Promise<Targets> {
  let held = 0;
  const quick = createServer((request, response) => {
    request.resume();
    response.end("null");
  });
  const hanging = createServer((request) => {
    held++;
    request.resume();
    request.socket.once("close", () => held--);
  });
  return {
    quick: await listening(quick),
    hanging: await listening(hanging),
    held: () => held,
    drop: () => hanging.closeAllConnections(),
    close: () => {
      for (const server of [quick, hanging]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
