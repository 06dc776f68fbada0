/** What a process does; others on the same database do the rest. */
import type { Config } from '../config.ts'
import { StartError } from '../store/folder.ts'

export const ROLES = ['api', 'send', 'jobs'] as const
export type Role = (typeof ROLES)[number]

/** An embedded database serves its own process: another one would have the same folder and find it taken. */
export function requireSharedDatabase(config: Config, roles: ReadonlySet<Role>): void {
  if (roles.size === ROLES.length || config.databaseUrl !== undefined) return
  throw new StartError(
    `a server with the roles ${[...roles].join(', ')} alone needs others beside it, and a database that they share`,
    'Set ROOST_DATABASE_URL and the same ROOST_SECRET for all of them, or start one with all roles.',
  )
}
