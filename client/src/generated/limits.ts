// Made from the API's definition by `npm run openapi`. Not to be edited.

/** Limits of the API that the client keeps by itself. Sizes are in bytes, times in seconds. */

export const INVOCATION_SECONDS = 870;
export const MAX_BATCH_JOBS = 1000;
export const MAX_BODY_BYTES = 1048576;
export const MAX_BOOKMARKS = 16;
export const MAX_CLAIM = 100;
export const MAX_ERROR_CODE_BYTES = 128;
export const MAX_ERROR_MESSAGE_BYTES = 4096;
export const MAX_REPORTS = 100;
export const MAX_RESULT_BYTES = 262144;
export const MAX_SPAWN = 100;
export const MAX_WAIT_SECONDS = 60;
export const WHOLE_INVOCATION_SECONDS = 840;
