/**
 * What is told of a content of a credential: each thing once, whoever notices it first. A refusal that is over is
 * forgotten: a key lives for years, and when it is refused again that is news.
 */
import type { WebhookEventType } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { recordEvent } from '../webhooks/outbox.ts'

export interface Notice {
  readonly credentialId: string
  readonly version: number
  /** Names what is told; the same name is not told twice of a version. */
  readonly notice: string
  /** ms. */
  readonly at: number
}

/** True for the one caller that is first; do in the same transaction what goes with it. */
export async function isNews(tx: Queryable, { credentialId, version, notice, at }: Notice): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into credential_notice (credential_id, version, notice, at) values ($1, $2, $3, $4)
     on conflict do nothing`,
    [credentialId, version, notice, new Date(at)],
  )
  return rowCount > 0
}

export interface Told extends Notice {
  readonly appId: number
  readonly type: WebhookEventType
  readonly data: Readonly<Record<string, unknown>>
}

/** Tells the webhooks, unless they were told; true when they are told now. In the caller's transaction. */
export async function tellOnce(tx: Queryable, told: Told): Promise<boolean> {
  if (!(await isNews(tx, told))) return false
  const { appId, type, data, at, credentialId } = told
  await recordEvent(tx, { appId, type, data: { credentialId, ...data }, at })
  return true
}

/** What is refused, for people: the reason, and the part when it is not all. */
export function placeOf({ part, reason }: { readonly part: string; readonly reason: string }): string {
  return part === '' ? reason : `${part}: ${reason}`
}

/** The same of a row `p` of `credential_pause`. */
const PLACE_OF_PAUSE = "case when p.part = '' then p.reason else p.part || ': ' || p.reason end"

/** Of a refusal: the same whether a message met it or a check. */
export function refusalNotice(place: string): string {
  return `refused ${place}`
}

/** Of a pause. */
export function pauseNotice(place: string): string {
  return `paused ${place}`
}

/** The notice of a row `p` of `credential_pause`. */
export const NOTICE_OF_PAUSE = `'paused ' || ${PLACE_OF_PAUSE}`

const FORGET_ENDED_PAUSES = `
  with ended as (
    delete from credential_notice n using credential c
     where c.id = n.credential_id and c.version = n.version and ($1::uuid is null or c.id = $1)
       and n.notice like 'paused %'
       and not exists (select from credential_pause p
                        where p.credential_id = n.credential_id and p.version = n.version
                          and ${NOTICE_OF_PAUSE} = n.notice)
    returning n.credential_id, n.version, substr(n.notice, length('paused ') + 1) as place
  ), forgotten as (
    delete from credential_notice n using ended
     where n.credential_id = ended.credential_id and n.version = ended.version
       and n.notice = 'refused ' || ended.place
  )
  select credential_id as "credentialId", place from ended`

interface Ended {
  readonly credentialId: string
  readonly place: string
}

/** Of every credential, or of one; returns the pauses that were told of and are over. */
export async function forgetEndedPauses(tx: Queryable, credentialId: string | null): Promise<Ended[]> {
  const { rows } = await tx.query<Ended>(FORGET_ENDED_PAUSES, [credentialId])
  return rows
}

const FORGET_REFUSALS = `
  delete from credential_notice n
   where n.credential_id = $1 and n.version = $2
     and exists (select from unnest($3::text[]) prefix where starts_with(n.notice, prefix))
     and not exists (select from credential_notice p
                      where p.credential_id = n.credential_id and p.version = n.version
                        and p.notice = 'paused ' || substr(n.notice, length('refused ') + 1))`

/** Of the environments that the gateway takes again, null: everything; what is still paused stays told. */
export async function forgetRefusals(
  tx: Queryable,
  {
    credentialId,
    version,
    environments,
  }: Pick<Notice, 'credentialId' | 'version'> & { readonly environments: readonly (string | null)[] },
): Promise<void> {
  const prefixes = environments.map(it => refusalNotice(it === null ? '' : `${it}: `))
  await tx.query(FORGET_REFUSALS, [credentialId, version, prefixes])
}
