/** The release of Dure: as the OpenAPI document states it, and as the processor tells the shards that it visits. */
export const RELEASE = "0.1.0";
