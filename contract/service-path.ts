import * as z from "zod";
import { isServicePath, SERVICE_PATH_RULE } from "../domain/service/address.ts";
import { MAX_SERVICE_PATH_BYTES } from "./limits.ts";
import { formatBytes, says } from "./sentence.ts";

/** A path within an instance: a queue's target and a health check have one. */
export const ServicePath = z
  .string(says(`${SERVICE_PATH_RULE}: at most ${formatBytes(MAX_SERVICE_PATH_BYTES)}`))
  .max(MAX_SERVICE_PATH_BYTES)
  .refine(isServicePath);
