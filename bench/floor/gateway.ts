import type { FloorEnv } from "./floor.ts";

export { Floor } from "./floor.ts";

/** The floor's HTTP door: submit one, submit many, submit and wait, claim and report, count. */
export default {
  async fetch(request: Request, env: FloorEnv): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    // Jobs for pull workers live in an object of their own, which rings nobody.
    const floor = env.FLOOR.getByName(searchParams.has("pulled") || pathname === "/work" ? "pulled" : "pushed");
    switch (pathname) {
      case "/jobs": {
        const body = await request.json<{ payload: unknown }>();
        const ids = await floor.submit([JSON.stringify(body.payload)]);
        if (request.headers.has("prefer")) await floor.wait(ids[0] ?? 0);
        return Response.json({ id: ids[0] }, { status: 202 });
      }
      case "/batches": {
        const body = await request.json<{ jobs: { payload: unknown }[] }>();
        const ids = await floor.submit(body.jobs.map((job) => JSON.stringify(job.payload)));
        return Response.json({ ids }, { status: 202 });
      }
      case "/work": {
        const body = await request.json<{ done: number[]; max: number }>();
        return Response.json({ jobs: await floor.work(body.done, body.max, 0) });
      }
      case "/counts":
        return Response.json(await floor.counts());
      default:
        return new Response(null, { status: 404 });
    }
  },
};
