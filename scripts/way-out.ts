import { getCACertificates } from "node:tls";
import type { V4WorkerOptions } from "miniflare";
import { SPECIAL_NETWORKS } from "../domain/special-address.ts";

/** The Worker through which another one's requests leave the machine, where those may only go to the public internet. */
export const WAY_OUT = "dure-way-out";

/** workerd says nothing but "internal error" of a connection that its lists forbid; its log has the address. */
const CODE = `
export default {
  async fetch(request, env) {
    try {
      return await env.PUBLIC.fetch(request);
    } catch (error) {
      if (!String(error?.message).startsWith("internal error")) throw error;
      throw new Error("the host has no address that is public, and private ones may not be called");
    }
  },
};
`;

/** The Worker itself; another one's `outboundService` names it. */
export function wayOut(): V4WorkerOptions {
  return {
    name: WAY_OUT,
    compatibilityDate: "2026-11-01",
    modules: [
      {
        type: "ESModule",
        path: "index.js",
        contents: CODE,
      },
    ],
    serviceBindings: { PUBLIC: { network: publicNetwork() } },
  };
}

/**
 * workerd's network service resolves a name and then connects to an address of its own choice among those that the lists let
 * through, so that no answer of the name's owner can differ between a check and the connection. Its `public` leaves out what
 * workerd knows as private; the blocks are added, so that one table says what is not public.
 */
export function publicNetwork() {
  return {
    allow: ["public"],
    deny: [...SPECIAL_NETWORKS],
    // As Miniflare's own network: NODE_EXTRA_CA_CERTS counts.
    tlsOptions: { trustBrowserCas: true, trustedCertificates: getCACertificates("extra") },
  };
}
