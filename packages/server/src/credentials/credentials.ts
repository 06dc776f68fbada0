/**
 * Credential slots: a stable id that holds a gateway credential. Replacing its content keeps the id, and what waited for
 * it goes on. Each change is noted with who made it.
 */
import { type CredentialCheck, type CredentialView, type NewCredential, PushError } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Queryable } from '../store/database.ts'
import { type Content, type NewVapid, readContent, readVapid } from './content.ts'
import { type Actor, noteHistory } from './history.ts'
import { PAUSES_OF_CREDENTIAL, type Pause, pauseCredential } from './pauses.ts'
import { CERTIFICATE_EXPIRED, problemsOf } from './problems.ts'
import type { Seal } from './seal.ts'

interface StoredCredential {
  readonly id: string
  readonly gateway: string
  readonly kind: string
  readonly environments: string[]
  readonly settings: Record<string, unknown>
  readonly version: number
  readonly fingerprint: string | null
  readonly expiresAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
  readonly checkedAt: string | null
  readonly checks: CredentialCheck[]
  readonly pauses: readonly Pick<Pause, 'part' | 'reason'>[]
}

const VIEW = `id, gateway, kind, environments, settings, version, fingerprint, expires_at as "expiresAt",
  created_at as "createdAt", coalesce(updated_at, created_at) as "updatedAt", checked_at as "checkedAt", checks,
  ${PAUSES_OF_CREDENTIAL} as pauses`

function viewOf(row: StoredCredential, at: number): CredentialView {
  const { pauses, ...shown } = row
  return {
    ...shown,
    status: pauses.some(it => it.part === '') ? 'paused' : 'active',
    problems: problemsOf(row, at),
  }
}

/** Who changes something, and when (ms). */
interface Change {
  readonly appId: number
  readonly by: Actor
  readonly at: number
}

/** In the caller's transaction. Throws `credential_invalid`. */
export async function addCredential(
  tx: Queryable,
  seal: Seal,
  { appId, input, by, at }: Change & { readonly input: NewCredential },
): Promise<CredentialView> {
  const content = readContent(input, at)
  const id = uuidv7()
  await tx.query(
    `insert into credential (id, app_id, gateway, kind, environments, settings, sealed, fingerprint, expires_at,
                             created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
    columnsOf({ id, appId, content, at }, seal),
  )
  await noteHistory(tx, { credentialId: id, event: 'added', by, at })
  await pauseWhenExpired(tx, { id, version: 1, content, at })
  return readCredential(tx, { appId, id, at })
}

interface Slot {
  readonly id: string
  readonly appId: number
  readonly content: Content
  readonly at: number
}

function columnsOf({ id, appId, content, at }: Slot, seal: Seal): unknown[] {
  return [
    id,
    appId,
    content.gateway,
    content.kind,
    content.environments,
    content.settings,
    seal.close(id, content.secret),
    content.fingerprint,
    content.expiresAt,
    new Date(at),
  ]
}

interface Replacement extends Change {
  readonly id: string
  readonly input: NewCredential
}

/**
 * The slot keeps its id; what waited for it goes on. A webpush slot keeps its key pair too. In the caller's transaction.
 * Throws `credential_unknown`, `credential_invalid`, `vapid_key_fixed`.
 */
export async function replaceCredential(
  tx: Queryable,
  seal: Seal,
  replacement: Replacement,
): Promise<CredentialView> {
  const { id, appId, by, at } = replacement
  const content = await readReplacement(tx, seal, replacement)
  const { rows } = await tx.query<{ version: number }>(
    `update credential
        set kind = $4, environments = $5, settings = $6, sealed = $7, fingerprint = $8, expires_at = $9,
            updated_at = $10, version = version + 1, checked_at = null, checks = '[]'
      where id = $1 and app_id = $2 and gateway = $3
     returning version`,
    columnsOf({ id, appId, content, at }, seal),
  )
  const version = rows[0]?.version
  if (version === undefined) unknown(id, `${content.gateway} `)
  await noteHistory(tx, { credentialId: id, event: 'replaced', by, at })
  await pauseWhenExpired(tx, { id, version, content, at })
  return readCredential(tx, replacement)
}

/** A certificate that has expired would only be refused by the gateway, delivery by delivery. */
async function pauseWhenExpired(
  tx: Queryable,
  stored: { readonly id: string; readonly version: number; readonly content: Content; readonly at: number },
): Promise<void> {
  const { id, version, content, at } = stored
  if (content.expiresAt === null || content.expiresAt.getTime() > at) return
  await pauseCredential(tx, { credentialId: id, version, part: '', reason: CERTIFICATE_EXPIRED, at })
}

async function readReplacement(tx: Queryable, seal: Seal, replacement: Replacement): Promise<Content> {
  const { id, appId, input, at } = replacement
  const content = readContent(input, at) // what is no credential is refused whatever the slot holds
  if (input.gateway !== 'webpush') return content
  const { rows } = await tx.query<{ settings: VapidSettings; sealed: Buffer }>(
    "select settings, sealed from credential where id = $1 and app_id = $2 and gateway = 'webpush'",
    [id, appId],
  )
  const held = rows[0]
  return held === undefined ? content : readVapid(keepKeys({ input, held, seal, id }))
}

interface VapidSettings {
  readonly publicKey: string
  readonly subject: string
}

/** R28: subscriptions live and die with the key that they were made with, so a slot never changes it. */
function keepKeys({
  input,
  held,
  seal,
  id,
}: {
  readonly input: NewVapid
  readonly held: { readonly settings: VapidSettings; readonly sealed: Buffer }
  readonly seal: Seal
  readonly id: string
}): NewVapid {
  const { publicKey, subject } = held.settings
  if (input.publicKey !== undefined && canonicalKey(input.publicKey) !== publicKey)
    throw new PushError(
      'vapid_key_fixed',
      `credential ${id} holds the key pair of ${publicKey}, not of this key`,
    )
  const { privateKey } = JSON.parse(seal.open(id, held.sealed)) as { privateKey: string }
  return { ...input, publicKey, privateKey, subject: input.subject ?? subject }
}

/** Base64url without padding; clients and tools write keys in standard base64, too. */
function canonicalKey(key: string): string {
  return Buffer.from(key, 'base64').toString('base64url')
}

/** Throws `credential_unknown`. */
export async function readCredential(
  db: Queryable,
  { appId, id, at }: { readonly appId: number; readonly id: string; readonly at: number },
): Promise<CredentialView> {
  const { rows } = await db.query<StoredCredential>(
    `select ${VIEW} from credential where id = $1 and app_id = $2`,
    [id, appId],
  )
  return viewOf(rows[0] ?? unknown(id), at)
}

/** As they are at `at`, ms. */
export async function listCredentials(db: Queryable, appId: number, at: number): Promise<CredentialView[]> {
  const { rows } = await db.query<StoredCredential>(
    `select ${VIEW} from credential where app_id = $1 order by created_at, id`,
    [appId],
  )
  return rows.map(row => viewOf(row, at))
}

/** Of several apps, as they are at `at`, ms. */
export async function listCredentialsOf(
  db: Queryable,
  appIds: readonly number[],
  at: number,
): Promise<ReadonlyMap<number, readonly CredentialView[]>> {
  const { rows } = await db.query<StoredCredential & { readonly appId: number }>(
    `select ${VIEW}, app_id as "appId" from credential where app_id = any($1::integer[]) order by created_at, id`,
    [appIds],
  )
  const ofApp = (appId: number) =>
    rows.filter(it => it.appId === appId).map(({ appId: _, ...row }) => viewOf(row, at))
  return new Map(appIds.map(appId => [appId, ofApp(appId)]))
}

/**
 * R28: web subscriptions can be reached with the key that they were made with and no other, so a credential that some
 * still need stays. So does one that messages wait for (R17: nothing is lost): without it they would find no credential and
 * be skipped. In the caller's transaction. Throws `credential_unknown`, `credential_in_use`, `credential_awaited`.
 */
export async function deleteCredential(
  tx: Queryable,
  { appId, id, by, at }: Change & { readonly id: string },
): Promise<void> {
  // The lock makes a second delete wait, and find nothing.
  const { rowCount } = await tx.query('select from credential where id = $1 and app_id = $2 for update', [
    id,
    appId,
  ])
  if (rowCount === 0) unknown(id)
  const { rows } = await tx.query<{ count: number }>(
    `select count(*) as count from address
      where app_id = $1 and provider = 'webpush' and state in ('active', 'suspect') and credential_id = $2`,
    [appId, id],
  )
  const users = rows[0]?.count ?? 0
  if (users > 0)
    throw new PushError(
      'credential_in_use',
      `${users} web subscriptions were made with the key of credential ${id}`,
      { values: { count: users } },
    )
  const waiting = await tx.query<{ count: number }>(
    `select count(distinct b.message_id) as count
       from batch_hold h join batch b on b.id = h.batch_id where h.credential_id = $1`,
    [id],
  )
  const messages = waiting.rows[0]?.count ?? 0
  if (messages > 0)
    throw new PushError(
      'credential_awaited',
      `${messages} message${messages === 1 ? ' waits' : 's wait'} for credential ${id}`,
      { values: { count: messages } },
    )
  await noteHistory(tx, { credentialId: id, event: 'deleted', by, at })
  await tx.query('delete from credential_pause where credential_id = $1', [id])
  await tx.query('delete from credential_notice where credential_id = $1', [id])
  await tx.query('delete from credential where id = $1', [id])
}

function unknown(id: string, gateway = ''): never {
  throw new PushError('credential_unknown', `this app has no ${gateway}credential ${id}`)
}

/** The app's newest VAPID public key: what browsers shall subscribe with; null when it has none. */
export async function readVapidPublicKey(db: Queryable, appId: number): Promise<string | null> {
  const { rows } = await db.query<{ key: string }>(
    `select settings ->> 'publicKey' as key from credential
      where app_id = $1 and gateway = 'webpush' order by created_at desc, id desc limit 1`,
    [appId],
  )
  return rows[0]?.key ?? null
}

/**
 * R28: which stored key a web subscription was made with: the one that the client names, else the newest.
 * Null when the app has no such key.
 */
export async function findVapidCredential(
  db: Queryable,
  wanted: { readonly appId: number; readonly publicKey: string | null },
): Promise<string | null> {
  const { rows } = await db.query<{ id: string }>(
    `select id from credential
      where app_id = $1 and gateway = 'webpush' and ($2::text is null or settings ->> 'publicKey' = $2)
      order by created_at desc, id desc limit 1`,
    [wanted.appId, wanted.publicKey === null ? null : canonicalKey(wanted.publicKey)],
  )
  return rows[0]?.id ?? null
}
