/** Values that examples of fields share, so that what one call answers is what the next one takes. */

export const EXAMPLE_JOB_ID = "job_01m81y5hxdfwy87v7akx98zqk9";
export const EXAMPLE_OTHER_JOB_ID = "job_01m81wc71wfy1r60ntfqgpprqa";
export const EXAMPLE_LEASE = "lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f";
export const EXAMPLE_FINGERPRINT = "87e367a373b5b01b";

/** Times of one job, from its acceptance on. */
export const ACCEPTED_AT = "2026-11-22T15:32:03.604Z";
export const STARTED_AT = "2026-11-22T15:32:03.711Z";
export const FINISHED_AT = "2026-11-22T15:32:04.249Z";
/** The hour of all of these. */
export const HOUR = "2026-11-22T15:00:00.000Z";
/** After all of these. */
export const LATER = "2026-12-01T00:00:00Z";

/** Cursors are opaque, and only the one who made them can read them. */
export const EXAMPLE_CURSOR = "eyJ2IjoxLCJsIjoiam9icyJ9";
