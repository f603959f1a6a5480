/** A Worker that calls the URL in the header `url`, and answers what came of it. For tests of the network that a Worker has. */
export default {
  async fetch(request: Request): Promise<Response> {
    try {
      const answer = await fetch(request.headers.get("url") ?? "", { method: "POST", body: "{}", redirect: "manual" });
      return new Response(await answer.text());
    } catch (error) {
      return new Response(`refused: ${error instanceof Error ? error.message : error}`);
    }
  },
};
