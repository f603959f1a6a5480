import { isProblem, type Result } from "../../../contract/problems.ts";
import type { Db } from "../../db/client.ts";
import { deleteServices, servicesOfNamespace } from "../../db/services.ts";
import type { Services } from "../services.ts";
import { tellServices } from "./service-object.ts";
import { forgottenService } from "./service-settings.ts";

/** Services of one step: each is a call of its object. */
const SERVICES_PER_STEP = 20;

/**
 * Deletes some services of a namespace that goes, and answers how many. Their objects are told first: what is in D1 no more nobody
 * would tell of.
 */
export async function deleteSomeServices(services: Services, namespace: string, db: Db): Promise<Result<number>> {
  const some = await servicesOfNamespace(db, namespace, SERVICES_PER_STEP);
  if (some.length === 0) return 0;
  const told = await tellServices(
    services,
    some.map((settings) => ({ ...forgottenService(settings), deleted: true, version: settings.version + 1 })),
  );
  if (isProblem(told)) return told;
  await deleteServices(
    db,
    namespace,
    some.map(({ name }) => name),
  );
  return some.length;
}
