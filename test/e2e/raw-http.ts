import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** Ends of HTTP/1.1 that do what no HTTP library would. */

/** How long a busy machine may take for what is to happen at last, and for what follows at once. */
const PATIENCE_MS = 20_000;
const MOMENT_MS = 200;

/** What an instance does with a connection once the head of a request has come; `head` is its text. */
export type Behaviour = (socket: Socket, head: string) => void;

export interface Instance {
  url: string;
  /** The heads of all requests. */
  heads: string[];
  /** All bytes that came, as text. */
  received(): string;
  /** Connections that are open. */
  open(): number;
  close(): Promise<void>;
}

/** A server that reads heads of requests and leaves all else to `behaviour`. */
export async function instance(behaviour: Behaviour): Promise<Instance> {
  const sockets = new Set<Socket>();
  const heads: string[] = [];
  let all = "";
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    let text = "";
    socket.on("data", (data) => {
      all += data.toString("latin1");
      text += data.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = text.slice(0, end);
      text = "";
      heads.push(head);
      behaviour(socket, head);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    heads,
    received: () => all,
    open: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

export interface Exchange {
  /** All that came back, as text. */
  text: string;
  /** Whether the far side has closed the connection. */
  closed: boolean;
}

/**
 * Sends bytes as they are, and hears for `ms` what comes back, or for longer until something has; then it goes. Each part after the
 * first is sent 50 ms later.
 */
export function exchange(url: string, parts: string | string[], ms = 1_000): Promise<Exchange> {
  return hear(connected(url), [parts].flat(), { ms, until: (text) => text !== "" });
}

/** Sends bytes as they are, and goes after `ms`, or later as soon as `until` holds, whatever has come back. */
export function leave(url: string, parts: string | string[], ms: number, until = () => true): Promise<Exchange> {
  return hear(connected(url), [parts].flat(), { ms, until });
}

/** Sends bytes as they are and closes its own side, so that no more can come; and hears for `ms` what comes back. */
export function halfClose(url: string, text: string, ms = 5_000): Promise<Exchange> {
  const socket = connected(url);
  const heard = hear(socket, [], { ms, until: (got) => got !== "" });
  socket.end(text, "latin1");
  return heard;
}

/** Sends bytes as they are, and resets the connection a moment later. */
export async function reset(url: string, text: string): Promise<void> {
  const socket = connected(url);
  socket.on("error", () => undefined);
  socket.write(text, "latin1");
  await pause(100);
  socket.resetAndDestroy();
  await pause(100);
}

function connected(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname);
}

async function hear(
  socket: Socket,
  parts: string[],
  { ms, until }: { ms: number; until: (text: string) => boolean },
): Promise<Exchange> {
  let text = "";
  let closed = false;
  socket.on("data", (data) => {
    text += data.toString("latin1");
  });
  socket.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => {
    socket.on("close", () => {
      closed = true;
      resolve();
    });
    socket.on("end", () => {
      closed = true;
      resolve();
    });
  });
  const send = async () => {
    for (const part of parts) {
      socket.write(part, "latin1");
      await pause(50);
    }
  };
  void send();
  await Promise.race([ended, pause(ms)]);
  const endsAt = Date.now() + PATIENCE_MS;
  const isLate = !closed && !until(text);
  while (!closed && !until(text) && Date.now() < endsAt) await pause(20);
  if (isLate) await Promise.race([ended, pause(MOMENT_MS)]);
  const was = { text, closed };
  socket.destroy();
  return was;
}
