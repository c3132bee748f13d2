/** What one server process does. All in one process by default. */
export const ROLES = ['broker', 'ingest', 'alerts', 'api'] as const;
export type Role = (typeof ROLES)[number];
