/**
 * Credential slots: a stable id that holds a gateway credential; replacing its content keeps the id, resumes what
 * was paused, and wakes the batches that waited for it.
 */
import { generateVapidKeys, parseP8, parseServiceAccount, parseVapidKeys } from '@roost/gateways'
import { type CredentialView, type NewCredential, PushError } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Queryable } from '../store/database.ts'
import { describePause, PAUSES_OF_CREDENTIAL } from './pauses.ts'
import type { Seal } from './seal.ts'

interface Content {
  readonly gateway: string
  readonly kind: string
  readonly environments: readonly string[]
  readonly settings: Readonly<Record<string, unknown>>
  /** JSON; what a gateway client needs besides the settings. */
  readonly secret: string
}

/** Contact for push services when an app names none; RFC 8292 asks for a mailto: or https: URI. */
const DEFAULT_VAPID_SUBJECT = 'mailto:push@example.com'

/** Checks an upload; throws `credential_invalid` with what is wrong, never with key material. */
export function readCredential(input: NewCredential): Content {
  switch (input.gateway) {
    case 'apns':
      return readApns(input)
    case 'fcm':
      return readFcm(input)
    case 'webpush':
      return readVapid(input)
  }
}

function refuse(problem: string): never {
  throw new PushError('credential_invalid', problem)
}

function readApns(input: Extract<NewCredential, { gateway: 'apns' }>): Content {
  const parsed = parseP8(input.p8)
  if (!parsed.ok) refuse(`p8: ${parsed.problem.message} ${parsed.problem.remedy}`)
  const { keyId, teamId, bundleId } = input
  return {
    gateway: 'apns',
    kind: input.kind,
    environments: input.environments,
    settings: { keyId, teamId, bundleId },
    secret: JSON.stringify({ p8: input.p8 }),
  }
}

function readFcm(input: Extract<NewCredential, { gateway: 'fcm' }>): Content {
  const parsed = parseServiceAccount(input.serviceAccount)
  if (!parsed.ok) refuse(`serviceAccount: ${parsed.problem.message} ${parsed.problem.remedy}`)
  return {
    gateway: 'fcm',
    kind: input.kind,
    environments: [],
    settings: { projectId: parsed.value.projectId, clientEmail: parsed.value.clientEmail },
    secret: JSON.stringify(input.serviceAccount),
  }
}

function readVapid(input: NewVapid): Content {
  if ((input.publicKey === undefined) !== (input.privateKey === undefined))
    refuse('give both publicKey and privateKey, or neither to have a pair made')
  const given = { publicKey: input.publicKey ?? '', privateKey: input.privateKey ?? '' }
  const keys = input.publicKey === undefined ? generateVapidKeys() : given
  const subject = input.subject ?? DEFAULT_VAPID_SUBJECT
  const parsed = parseVapidKeys({ ...keys, subject })
  if (!parsed.ok) refuse(`VAPID: ${parsed.problem.message} ${parsed.problem.remedy}`)
  return {
    gateway: 'webpush',
    kind: input.kind,
    environments: [],
    // One spelling, so that keys can be compared: what was uploaded may be standard base64.
    settings: { publicKey: parsed.value.publicKey, subject },
    secret: JSON.stringify({ privateKey: keys.privateKey }),
  }
}

interface StoredCredential {
  readonly id: string
  readonly gateway: string
  readonly kind: string
  readonly environments: string[]
  readonly settings: Record<string, unknown>
  readonly pauses: readonly { readonly part: string; readonly reason: string }[]
}

const VIEW = `id, gateway, kind, environments, settings, ${PAUSES_OF_CREDENTIAL} as pauses`

function viewOf(row: StoredCredential): CredentialView {
  return {
    id: row.id,
    gateway: row.gateway,
    kind: row.kind,
    environments: row.environments,
    expiresAt: null, // p8 keys, service accounts and VAPID keys carry no date; certificates will
    status: row.pauses.some(it => it.part === '') ? 'paused' : 'active',
    problems: row.pauses.map(it => describePause(row.gateway, it)),
    settings: row.settings,
  }
}

export async function addCredential(
  db: Queryable,
  seal: Seal,
  credential: { readonly appId: number; readonly input: NewCredential },
): Promise<CredentialView> {
  const content = readCredential(credential.input)
  const id = uuidv7()
  const { rows } = await db.query<StoredCredential>(
    `insert into credential (id, app_id, gateway, kind, environments, settings, sealed)
     values ($1, $2, $3, $4, $5, $6, $7) returning ${VIEW}`,
    [
      id,
      credential.appId,
      content.gateway,
      content.kind,
      content.environments,
      content.settings,
      seal.close(id, content.secret),
    ],
  )
  return viewOf(rows[0] as StoredCredential)
}

interface Replacement {
  readonly appId: number
  readonly id: string
  readonly input: NewCredential
}

/**
 * The slot keeps its id; what waited for it goes on. A webpush slot keeps its key pair too.
 * Throws `credential_unknown`, `credential_invalid`, `vapid_key_fixed`.
 */
export async function replaceCredential(
  db: Queryable,
  seal: Seal,
  credential: Replacement,
): Promise<CredentialView> {
  const content = await readReplacement(db, seal, credential)
  const { rows } = await db.query<StoredCredential>(
    `update credential
        set kind = $4, environments = $5, settings = $6, sealed = $7, version = version + 1
      where id = $1 and app_id = $2 and gateway = $3
     returning ${VIEW}`,
    [
      credential.id,
      credential.appId,
      content.gateway,
      content.kind,
      content.environments,
      content.settings,
      seal.close(credential.id, content.secret),
    ],
  )
  const row = rows[0]
  if (row === undefined)
    throw new PushError(
      'credential_unknown',
      `this app has no ${content.gateway} credential ${credential.id}`,
    )
  return viewOf(row)
}

async function readReplacement(db: Queryable, seal: Seal, credential: Replacement): Promise<Content> {
  const { id, appId, input } = credential
  const content = readCredential(input) // what is no credential is refused whatever the slot holds
  if (input.gateway !== 'webpush') return content
  const { rows } = await db.query<{ settings: VapidSettings; sealed: Buffer }>(
    "select settings, sealed from credential where id = $1 and app_id = $2 and gateway = 'webpush'",
    [id, appId],
  )
  const held = rows[0]
  return held === undefined ? content : readVapid(keepKeys({ input, held, seal, id }))
}

type NewVapid = Extract<NewCredential, { gateway: 'webpush' }>

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

export async function listCredentials(db: Queryable, appId: number): Promise<CredentialView[]> {
  const { rows } = await db.query<StoredCredential>(
    `select ${VIEW} from credential where app_id = $1 order by created_at, id`,
    [appId],
  )
  return rows.map(viewOf)
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
