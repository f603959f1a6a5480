/** Where a worker or a consumer says what happens: the console is one. */
export interface Log {
  /** What is as it should be: a worker has begun, or has stopped. */
  info(message: string): void;
  /** An attempt has failed, as the code of a job may. */
  warn(message: string, error: unknown): void;
  /** Something went wrong outside of handlers. It is tried again, unless the message says otherwise. */
  error(message: string, error: unknown): void;
}

/** What is said goes to the console. */
export const consoleLog: Log = {
  info: (message) => console.info(message),
  warn: (message, error) => console.warn(message, error),
  error: (message, error) => console.error(message, error),
};

/** What is said is lost. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
