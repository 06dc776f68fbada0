/** The history of credential slots: who changed what and when. It outlives the slot, and holds nothing secret. */
import { type CredentialHistory, PushError } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'

/** Who asked for a change. */
export interface Actor {
  /** Of the API token; null for what Roost does by itself. */
  readonly tokenId: number | null
  readonly label: string
}

export const ROOST: Actor = { tokenId: null, label: 'roost' }

export interface Happening {
  readonly credentialId: string
  readonly event: 'added' | 'replaced' | 'paused' | 'resumed' | 'deleted'
  readonly by: Actor
  /** ms. */
  readonly at: number
  readonly reason?: string
}

/** Notes the credential as it stands. Call it in the transaction of the change. */
export async function noteHistory(tx: Queryable, happening: Happening): Promise<void> {
  const { credentialId, event, by, at, reason } = happening
  await tx.query(
    `insert into credential_history (app_id, credential_id, version, event, at, token_id, by, kind, environments,
                                     settings, fingerprint, expires_at, reason)
     select app_id, id, version, $2, $3, $4, $5, kind, environments, settings, fingerprint, expires_at, $6
       from credential where id = $1`,
    [credentialId, event, new Date(at), by.tokenId, by.label, reason ?? null],
  )
}

/** The oldest first. Throws `credential_unknown` for a slot that this app never had. */
export async function readHistory(
  db: Queryable,
  { appId, id }: { readonly appId: number; readonly id: string },
): Promise<CredentialHistory> {
  const { rows } = await db.query<CredentialHistory['entries'][number]>(
    `select at, event, by, token_id as "tokenId", version, kind, environments, settings, fingerprint,
            expires_at as "expiresAt", reason
       from credential_history where app_id = $1 and credential_id = $2 order by id`,
    [appId, id],
  )
  if (rows.length === 0) throw new PushError('credential_unknown', `this app never had a credential ${id}`)
  return { entries: rows }
}
