/**
 * Whether an instance that was waited for so long, and for no longer, has had its fair part of the time that its service gives it. Before
 * that its silence says nothing of it: whoever waited is in more of a hurry than the service, and one such would take well instances away
 * from all others. Both are milliseconds.
 */
export function isFairTime(hadMs: number, ownMs: number): boolean {
  return hadMs >= ownMs / 2;
}
