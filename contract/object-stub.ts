import { LOCATIONS } from "../domain/variable.ts";

/** The variables that say where Durable Objects lie. Both Workers have the same. */
export interface PlacementVariables {
  /** Where an object is made that is not there yet, as near as Cloudflare can; empty: near whoever calls it first. */
  LOCATION?: string;
  /** Where objects must stay; empty: anywhere. The objects of another jurisdiction are others, with other data. */
  JURISDICTION?: string;
}

/**
 * The stub of the object of this name. All stubs are made here: an object lies where the first of them says and never moves, and in
 * another jurisdiction the same name is another object.
 */
export function objectStub<T extends Rpc.DurableObjectBranded | undefined>(
  namespace: DurableObjectNamespace<T>,
  name: string,
  { LOCATION = "", JURISDICTION = "" }: PlacementVariables,
): DurableObjectStub<T> {
  const within = JURISDICTION === "" ? namespace : namespace.jurisdiction(JURISDICTION as DurableObjectJurisdiction);
  if (!LOCATIONS.includes(LOCATION)) return within.getByName(name);
  return within.getByName(name, { locationHint: LOCATION as DurableObjectLocationHint });
}
