/** What is told of a content of a credential: each thing once, whoever notices it first. */
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

/** Of a refusal: the same whether a message met it or a check. */
export function refusalNotice(part: string, reason: string): string {
  return `refused ${part} ${reason}`
}
