/** A call to make: of which binding, and how. With `leaveAfterMs` the answer does not wait for it longer than that. */
export interface Order {
  binding: "WORK" | "NOBODY";
  method: string;
  args: unknown[];
  leaveAfterMs?: number;
}

/** What came of it. An error is told by its own properties, which are all that RPC brings over. */
export interface CallerAnswer {
  value?: unknown;
  thrown?: Record<string, unknown>;
  left?: true;
}

type Env = Record<Order["binding"], Record<string, (...args: unknown[]) => Promise<unknown>>>;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { binding, method, args, leaveAfterMs }: Order = await request.json();
    const told = call(env[binding], method, args);
    if (leaveAfterMs === undefined) return Response.json(await told);
    const left = new Promise<CallerAnswer>((resolve) => setTimeout(() => resolve({ left: true }), leaveAfterMs));
    return Response.json(await Promise.race([told, left]));
  },
};

async function call(dure: Env[Order["binding"]], method: string, args: unknown[]): Promise<CallerAnswer> {
  try {
    return { value: await dure[method]?.(...args) };
  } catch (error) {
    const names = Object.getOwnPropertyNames(error).filter((name) => name !== "stack");
    return {
      thrown: Object.fromEntries(names.map((name) => [name, (error as unknown as Record<string, unknown>)[name]])),
    };
  }
}
