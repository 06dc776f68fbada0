/**
 * What a run for a time that is yet to come would do for good: to addresses whose days are not over, with certificates that have
 * not ended. For whoever is about to start one by hand; nothing is changed.
 */
import type { RemovedCount } from '@roost/protocol'
import { readPolicy } from '../hygiene/policy.ts'
import { previewPolicy } from '../hygiene/preview.ts'
import type { Queryable } from '../store/database.ts'
import { JOBS, type JobName } from './jobs.ts'

/** Clocks differ, and somebody may mean "now". */
const AHEAD_MS = 3_600_000

export interface Moved {
  /** For which moment it would run, in ms. */
  readonly at: number
  /** ms */
  readonly now: number
}

export function isAhead({ at, now }: Moved): boolean {
  return at > now + AHEAD_MS
}

/** Lines for people. */
export async function foretell(db: Queryable, name: JobName, moved: Moved): Promise<string[]> {
  const at = new Date(moved.at).toISOString()
  const told = await TELLERS[name]?.(db, moved)
  if (told === undefined)
    return [
      `As if it were ${at}, ${name} ${JOBS[name].does}: also what is not due yet. What it does stays done.`,
    ]
  if (told.length === 0) return [`As if it were ${at}, ${name} would end nothing that has not ended.`]
  return [`As if it were ${at}, ${name} would do this for good:`, ...told.map(it => `  ${it}`)]
}

type Teller = (db: Queryable, moved: Moved) => Promise<string[]>

const TELLERS: Readonly<Partial<Record<JobName, Teller>>> = {
  'address-aging': tellOfAging,
  'credential-watch': tellOfCertificates,
}

async function tellOfAging(db: Queryable, { at }: Moved): Promise<string[]> {
  const { rows: apps } = await db.query<{ id: number; code: string }>('select id, code from app order by id')
  const lines: string[] = []
  for (const { id: appId, code } of apps) {
    const { removeInactive } = await readPolicy(db, appId)
    const { addresses, removed } = await previewPolicy(db, {
      appId,
      change: { removeInactive },
      at,
      isExact: true,
    })
    if (removed.length > 0)
      lines.push(`${code}: ${countsOf(removed)}; it has ${addresses} addresses for alerts`)
  }
  return lines
}

function countsOf(removed: readonly RemovedCount[]): string {
  return removed.map(it => `${it.count} ${it.reason} ${it.platform}`).join(', ')
}

const ENDING = `
  select p.code, c.id, c.gateway, c.kind, c.expires_at as "expiresAt"
    from credential c join app p on p.id = c.app_id
   where c.expires_at > $1 and c.expires_at <= $2 order by c.expires_at, c.id`

async function tellOfCertificates(db: Queryable, { at, now }: Moved): Promise<string[]> {
  type Row = Record<'code' | 'id' | 'gateway' | 'kind' | 'expiresAt', string>
  const { rows } = await db.query<Row>(ENDING, [new Date(now), new Date(at)])
  return rows.map(
    ({ code, id, gateway, kind, expiresAt }) =>
      `${code}: stop sending with the ${gateway} ${kind} ${id}, which is good until ${expiresAt}`,
  )
}
