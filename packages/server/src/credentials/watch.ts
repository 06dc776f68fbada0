/**
 * Looks after the credentials every minute: warns of certificates that expire, stops those that have expired (R17: what
 * waits for them is kept), and tells of what gateways refused. Each is told once for each content of a slot, a refusal once
 * for each time that it lasts. An archived app sends nothing, so nothing is told of it until it is taken out again.
 */
import type { Database } from '../store/database.ts'
import { noteHistory, ROOST } from './history.ts'
import {
  forgetEndedPauses,
  isNews,
  NOTICE_OF_PAUSE,
  pauseNotice,
  placeOf,
  refusalNotice,
  tellOnce,
} from './notices.ts'
import { pauseCredential } from './pauses.ts'
import { CERTIFICATE_EXPIRED, explainRefusal, warningDaysOf } from './problems.ts'

export interface Watched {
  /** How many credentials were told of now. */
  readonly expiring: number
  readonly expired: number
  readonly refused: number
}

/** `at`: ms. Safe to run twice and in several processes at once. */
export async function watchCredentials(db: Database, at: number): Promise<Watched> {
  await noteEndedPauses(db, at)
  return {
    expiring: await warnOfExpiry(db, at),
    expired: await stopExpired(db, at),
    refused: await tellRefused(db, at),
  }
}

/** A part heals while sending (a probe was taken), which nobody else writes into the history. */
async function noteEndedPauses(db: Database, at: number): Promise<void> {
  await db.transaction(async tx => {
    for (const { credentialId, place } of await forgetEndedPauses(tx, null))
      await noteHistory(tx, { credentialId, event: 'resumed', by: ROOST, at, reason: place })
  })
}

interface Row {
  readonly id: string
  readonly appId: number
  readonly version: number
  readonly gateway: string
  readonly kind: string
  readonly settings: Record<string, unknown>
  readonly expiresAt: string
}

const COLUMNS = `c.id, c.app_id as "appId", c.version, c.gateway, c.kind, c.settings, c.expires_at as "expiresAt"`
const IS_IN_USE = 'exists (select from app a where a.id = c.app_id and a.archived_at is null)'
const LONGEST_WARNING = "interval '30 days'"

function noticeOf(row: Row) {
  const { id, version, appId, gateway, kind, settings, expiresAt } = row
  return { key: { credentialId: id, version, appId }, data: { gateway, kind, settings, expiresAt } }
}

async function warnOfExpiry(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<Row>(
    `select ${COLUMNS} from credential c
      where c.expires_at > $1 and c.expires_at <= $1::timestamptz + ${LONGEST_WARNING} and ${IS_IN_USE}`,
    [new Date(at)],
  )
  return countOf(rows, row => {
    const days = warningDaysOf(Date.parse(row.expiresAt), at)
    const { key, data } = noticeOf(row)
    const notice = `expires in ${days} days`
    const told = { ...key, notice, type: 'credential.expiring', data: { ...data, days }, at } as const
    return db.transaction(tx => tellOnce(tx, told))
  })
}

async function stopExpired(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<Row>(
    `select ${COLUMNS} from credential c
      where c.expires_at <= $1 and ${IS_IN_USE}
        and not exists (select from credential_notice n
                         where n.credential_id = c.id and n.version = c.version and n.notice = 'expired')`,
    [new Date(at)],
  )
  return countOf(rows, row => {
    const { key, data } = noticeOf(row)
    return db.transaction(async tx => {
      if (!(await tellOnce(tx, { ...key, notice: 'expired', type: 'credential.expired', data, at })))
        return false
      await pauseCredential(tx, { ...key, part: '', reason: CERTIFICATE_EXPIRED, at })
      await noteHistory(tx, { ...key, event: 'paused', by: ROOST, at, reason: CERTIFICATE_EXPIRED })
      return true
    })
  })
}

async function tellRefused(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<Row & { part: string; reason: string }>(
    `select ${COLUMNS}, p.part, p.reason
       from credential_pause p join credential c on c.id = p.credential_id and c.version = p.version
      where p.reason <> $1 and ${IS_IN_USE}
        and not exists (select from credential_notice n
                         where n.credential_id = c.id and n.version = c.version
                           and n.notice = ${NOTICE_OF_PAUSE})`,
    [CERTIFICATE_EXPIRED],
  )
  return countOf(rows, ({ part, reason, ...row }) => {
    const { key, data } = noticeOf(row)
    const { message, remedy } = explainRefusal(row.gateway, { part, reason })
    return db.transaction(async tx => {
      const place = placeOf({ part, reason })
      if (!(await isNews(tx, { ...key, notice: pauseNotice(place), at }))) return false
      await noteHistory(tx, { ...key, event: 'paused', by: ROOST, at, reason: place })
      await tellOnce(tx, {
        ...key,
        notice: refusalNotice(place),
        type: 'credential.refused',
        data: { ...data, part, reason, message, remedy },
        at,
      })
      return true
    })
  })
}

async function countOf<Item>(
  items: readonly Item[],
  isDone: (item: Item) => Promise<boolean>,
): Promise<number> {
  let count = 0
  for (const item of items) if (await isDone(item)) count++
  return count
}
