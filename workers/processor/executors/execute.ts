import type { HandedOver, Outcome, WorkItem } from "../../../contract/rpc.ts";
import type { Handler } from "../handler.ts";
import type { Control } from "../work-ports.ts";
import { handlerExecutor } from "./handler.ts";
import { type HttpPorts, httpExecutor } from "./http.ts";

/** Runs a job wherever its queue says. Never rejects. */
export function executor(handlers: Record<string, Handler>, http: HttpPorts) {
  const runHandler = handlerExecutor(handlers, http.now);
  const send = httpExecutor(http);
  return (item: WorkItem, control: Control): Promise<Outcome | HandedOver> => {
    switch (item.target.type) {
      case "handler":
        return runHandler(item, item.target.name, control);
      case "http":
        return send(item, item.target, control.signal);
    }
  };
}
