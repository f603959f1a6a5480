import { isProblem, type Result, together, unavailable } from "../../../contract/problems.ts";
import { type ServiceState, serviceObject } from "../../../contract/rpc/service.ts";
import { RPC_VERSION } from "../../../contract/rpc.ts";
import type { ServiceSettings } from "../../../domain/service/settings.ts";
import { reach } from "../routing/reach.ts";
import type { Services } from "../services.ts";

type Objects = Pick<Services, "service">;

/** Tells the object of each service. One that has heard does nothing. */
export async function tellServices(services: Objects, told: readonly ServiceSettings[]): Promise<Result<void>> {
  const calls = told.map((settings) =>
    reach(nameOf(settings), { idempotent: true }, () =>
      services.service(settings).configure({ v: RPC_VERSION, settings }),
    ),
  );
  const heard = await together(calls);
  if (isProblem(heard)) return heard;
}

/** What the object of a service says of it. One that was never reached when it was told is told now. */
export async function stateOf(services: Objects, settings: ServiceSettings): Promise<Result<ServiceState>> {
  const ask = () =>
    reach(nameOf(settings), { idempotent: true }, () => services.service(settings).state({ v: RPC_VERSION }));
  const state = await ask();
  if (state !== null) return state;
  const told = await tellServices(services, [settings]);
  if (isProblem(told)) return told;
  return (await ask()) ?? unavailable.part();
}

function nameOf({ namespace, name }: ServiceSettings): string {
  return serviceObject(namespace, name);
}
