/**
 * Symptoms: what is wrong at this moment and may be over in the next, looked at once a minute. A symptom that lasts opens an
 * alert; one that was not seen for ten minutes closes it. An alert that people have closed is not opened again before its
 * symptom was gone. An archived app has none: nothing is sent and nobody is heard, so its alerts close.
 *
 *   seen ──lasts──▶ alert open ──not seen for 10 min──▶ alert closed, symptom forgotten
 *     └──not seen for 3 min, before it has lasted──▶ forgotten
 */
import type { AlertKind } from '@roost/protocol'
import type { Database, Queryable } from '../../store/database.ts'
import { closeOpen, raiseAlert } from '../alerts.ts'
import { findCredentials } from './credentials.ts'
import { findDeathRates } from './death-rate.ts'
import { findOldQueues } from './queue-age.ts'
import { findQuotas } from './quota.ts'

export interface Symptom {
  readonly appId: number
  readonly kind: AlertKind
  readonly subject: string
  /** As it is now; an alert has what it was when it opened, unless `isRenewed`. */
  readonly data: Readonly<Record<string, unknown>>
  /** The data of the open alert follow what is seen. */
  readonly isRenewed?: boolean
  /** So long it has to be seen before an alert is opened, ms. */
  readonly lastsMs: number
}

const MINUTE_MS = 60_000
/** A look that came late or failed ends no symptom. */
const FORGOTTEN_AFTER_MS = 3 * MINUTE_MS
const OVER_AFTER_MS = 10 * MINUTE_MS

/** `at`: ms. Returns how many alerts were opened and closed. Safe to run in several processes at once. */
export async function watchSymptoms(
  db: Database,
  at: number,
): Promise<{ readonly opened: number; readonly closed: number }> {
  const found = [
    ...(await findDeathRates(db, at)),
    ...(await findOldQueues(db, at)),
    ...(await findQuotas(db, at)),
    ...(await findCredentials(db, at)),
  ]
  const archived = await archivedApps(db)
  const live = found.filter(({ appId }) => !archived.has(appId))
  return db.transaction(async tx => {
    await tx.query('delete from symptom where alert_id is null and seen_at < $1', [
      new Date(at - FORGOTTEN_AFTER_MS),
    ])
    let opened = 0
    for (const it of live) if (await note(tx, it, at)) opened++
    return { opened, closed: await closeWhatIsOver(tx, at) }
  })
}

async function archivedApps(db: Database): Promise<ReadonlySet<number>> {
  const { rows } = await db.query<{ id: number }>('select id from app where archived_at is not null')
  return new Set(rows.map(it => it.id))
}

/** A clock that was set back makes nothing last longer than it did. */
const NOTE = `
  insert into symptom as s (app_id, kind, subject, since, seen_at) values ($1, $2, $3, $4, $4)
  on conflict (app_id, kind, subject) do update
     set seen_at = excluded.seen_at, since = least(s.since, excluded.since)
  returning since, alert_id as "alertId"`

const RENEW = "update alert set data = $2::jsonb where id = $1 and state = 'open' and data <> $2::jsonb"

/** Returns whether an alert was opened. */
async function note(tx: Queryable, symptom: Symptom, at: number): Promise<boolean> {
  const { appId, kind, subject, data, lastsMs } = symptom
  const key = [appId, kind, subject]
  const { rows } = await tx.query<{ since: string; alertId: string | null }>(NOTE, [...key, new Date(at)])
  const { since, alertId } = rows[0] as (typeof rows)[number]
  if (alertId !== null && symptom.isRenewed === true)
    await tx.query(RENEW, [alertId, JSON.stringify({ ...data, since })])
  if (alertId !== null || at - Date.parse(since) < lastsMs) return false
  const id = await raiseAlert(tx, { appId, kind, subject, data: { ...data, since }, at })
  await tx.query('update symptom set alert_id = $4 where app_id = $1 and kind = $2 and subject = $3', [
    ...key,
    id,
  ])
  return true
}

async function closeWhatIsOver(tx: Queryable, at: number): Promise<number> {
  const { rows } = await tx.query<Pick<Symptom, 'appId' | 'kind' | 'subject'>>(
    `delete from symptom where alert_id is not null and seen_at < $1
     returning app_id as "appId", kind, subject`,
    [new Date(at - OVER_AFTER_MS)],
  )
  for (const it of rows) await closeOpen(tx, { ...it, at })
  return rows.length
}
