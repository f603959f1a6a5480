import { Pool } from "undici";

/** A namespace with a key of its own, and a client that takes refusals for answers. */
export interface Tenant {
  namespace: string;
  /** The answer's status and text. `key: null` sends none. */
  call(path: string, init?: CallInit): Promise<{ status: number; text: string; retryAfterMs: number }>;
  /** The same, of a call that has to succeed: its JSON. */
  done(path: string, init?: CallInit): Promise<unknown>;
  close(): Promise<void>;
}

export interface CallInit {
  method?: "GET" | "POST" | "PUT";
  body?: unknown;
  headers?: Record<string, string>;
  /** Without a key. */
  anonymous?: true;
  /** Ends the call as a client that goes away does. */
  signal?: AbortSignal;
}

/** Makes the namespace and its key. `connections` is how many calls the client may have open. */
export async function makeTenant(
  url: string,
  { rootKey, namespace, connections }: { rootKey: string; namespace: string; connections: number },
): Promise<Tenant> {
  const root = clientOf(url, { key: rootKey, connections: 1, namespace });
  await root.done(`/v1/namespaces/${namespace}`, { method: "PUT", body: {} });
  const made = (await root.done("/v1/keys", {
    method: "POST",
    body: { name: "bench", scopes: ["admin"], namespace },
  })) as { key: string };
  await root.close();
  return clientOf(url, { key: made.key, connections, namespace });
}

function clientOf(url: string, caller: { key: string; connections: number; namespace: string }): Tenant {
  const pool = new Pool(url, { connections: caller.connections, pipelining: 1 });
  const call: Tenant["call"] = async (path, { method = "GET", body, headers = {}, anonymous, signal } = {}) => {
    const response = await pool.request({
      path,
      method,
      headers: {
        ...(anonymous === undefined ? { authorization: `Bearer ${caller.key}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
    const retryAfter = Number(response.headers["retry-after"] ?? 0);
    return { status: response.statusCode, text: await response.body.text(), retryAfterMs: retryAfter * 1000 };
  };
  return {
    namespace: caller.namespace,
    call,
    done: async (path, init) => {
      const { status, text } = await call(path, init);
      if (status >= 300) throw new Error(`${path}: ${status} ${text.slice(0, 300)}`);
      return text === "" ? null : JSON.parse(text);
    },
    close: () => pool.destroy(),
  };
}
