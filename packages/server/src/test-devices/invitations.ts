/**
 * Invitations: a code that is shown once makes the phone that scans it a test device.
 *
 * The code has 128 random bits and only its hash is kept; it is good for ten minutes and for one phone, which gets a ticket for it and goes
 * on with that. Neither says anything of the app or is good for anything else. The same phone may take it again (a page is loaded twice): it
 * gets another ticket.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  type InvitationStep,
  type InvitationView,
  type NewInvitation,
  PushError,
  type PushTestResult,
  type SelfCheckView,
  type TestNotification,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Database, Queryable } from '../store/database.ts'
import { done, failed, type KeptStep, type KeptSteps, viewOfSteps, withStep } from './steps.ts'

export const CODE_MINUTES = 10
/** From the taking on: for whoever has to turn something on first. */
const TAKEN_MINUTES = 30
/** For receipts that come late, and to look at. */
const KEPT_MS = 24 * 3_600_000
const MINUTE_MS = 60_000
/** An operator has a handful at once; more are a script that runs away. */
const OPEN_MAX = 100

export interface Invitation {
  readonly id: string
  readonly appId: number
  readonly name: string | null
  readonly description: string | null
  readonly opens: string | null
  readonly notification: TestNotification
  readonly hwid: string | null
  readonly deliveryId: string | null
  readonly steps: KeptSteps
  readonly result: PushTestResult | null
  readonly selfCheck: SelfCheckView | null
  readonly version: number
  readonly createdAt: string
  readonly expiresAt: string
}

const COLUMNS = `id, app_id as "appId", name, description, opens, notification, hwid, delivery_id as "deliveryId", steps, result,
  self_check as "selfCheck", version, created_at as "createdAt", expires_at as "expiresAt"`

export interface CreateInvitation {
  readonly appId: number
  readonly wanted: NewInvitation
  readonly notification: TestNotification
  /** ms */
  readonly at: number
}

/** The code is in the answer and nowhere else afterwards. Throws `rate_limited` when too many are open. */
export async function createInvitation(
  db: Database,
  { appId, wanted, notification, at }: CreateInvitation,
): Promise<{ invitation: Invitation; code: string }> {
  const code = randomBytes(16).toString('base64url')
  const invitation = await db.transaction(async tx => {
    await tx.query('select from app where id = $1 for update', [appId]) // so that two at once are counted
    await dropOldInvitations(tx, at)
    await refuseTooMany(tx, appId, at)
    const { rows } = await tx.query<Invitation>(
      `insert into test_invitation (id, app_id, name, description, opens, notification, code_hash, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning ${COLUMNS}`,
      [
        uuidv7(),
        appId,
        wanted.name ?? null,
        wanted.description ?? null,
        wanted.opens ?? null,
        JSON.stringify(notification),
        hashOf(code),
        new Date(at),
        new Date(at + CODE_MINUTES * MINUTE_MS),
      ],
    )
    return rows[0] as Invitation
  })
  return { invitation, code }
}

async function refuseTooMany(tx: Queryable, appId: number, at: number): Promise<void> {
  const { rows } = await tx.query<{ count: number }>(
    'select count(*) as count from test_invitation where app_id = $1 and expires_at > $2',
    [appId, new Date(at)],
  )
  if ((rows[0]?.count ?? 0) >= OPEN_MAX)
    throw new PushError(
      'rate_limited',
      `the app has ${OPEN_MAX} invitations that are open; that is the most`,
      {
        retryAfterSeconds: 60,
      },
    )
}

interface InvitationKey {
  readonly appId: number
  readonly id: string
}

/** Throws `invitation_unknown`. */
export async function readInvitation(db: Queryable, { appId, id }: InvitationKey): Promise<Invitation> {
  const { rows } = await db.query<Invitation>(
    `select ${COLUMNS} from test_invitation where id = $1 and app_id = $2`,
    [id, appId],
  )
  return known(rows[0])
}

/** Whoever looks on is told that it is over. Repeating it changes nothing. */
export async function endInvitation(db: Queryable, { appId, id }: InvitationKey, at: number): Promise<void> {
  await db.query(
    `update test_invitation set expires_at = least(expires_at, $3), version = version + 1 where id = $1 and app_id = $2`,
    [id, appId, new Date(at)],
  )
}

export function viewOf(invitation: Invitation, at: number): InvitationView {
  const { id, name, hwid, createdAt, expiresAt, steps, result, selfCheck } = invitation
  return {
    id,
    state: stateOf(invitation, at),
    name,
    hwid,
    createdAt,
    expiresAt,
    steps: viewOfSteps(steps),
    result,
    selfCheck,
  }
}

function stateOf({ steps, hwid, expiresAt }: Invitation, at: number): InvitationView['state'] {
  if (steps.opened?.state === 'done') return 'done'
  if (Date.parse(expiresAt) <= at) return 'over'
  return hwid === null ? 'open' : 'taken'
}

export interface ScanInvitation {
  readonly code: string
  /** By a phone that has scanned it before: it may be the one that has taken it. */
  readonly isAgain: boolean
  readonly at: number
}

/** The page behind the code was opened. Throws `invitation_unknown`, `invitation_taken`. */
export async function scanInvitation(
  db: Database,
  { code, isAgain, at }: ScanInvitation,
): Promise<Invitation> {
  return db.transaction(async tx => {
    const invitation = await lockByCode(tx, code, at)
    if (invitation.hwid !== null && isAgain) return invitation
    if (invitation.hwid !== null) throw taken()
    return noteStep(tx, invitation, 'scanned', done(at))
  })
}

export interface TakeInvitation {
  readonly code: string
  readonly hwid: string
  /** The application code of the app on the phone, and that of the invitation. */
  readonly application: string
  readonly applicationOf: (appId: number) => Promise<string>
  readonly at: number
}

/** Throws `invitation_unknown`, `invitation_taken`, and `input_invalid` for a phone with another app. */
export async function takeInvitation(
  db: Database,
  { code, hwid, application, applicationOf, at }: TakeInvitation,
): Promise<{ ticket: string; expiresAt: string }> {
  const ticket = randomBytes(16).toString('base64url')
  const taking = await db.transaction(async tx => {
    const invitation = await lockByCode(tx, code, at)
    if (invitation.hwid !== null && invitation.hwid !== hwid) throw taken()
    const wanted = await applicationOf(invitation.appId)
    if (application !== wanted) {
      const failure = otherApp(wanted, application)
      await noteStep(tx, invitation, 'app_opened', failed(at, failure))
      return new PushError('input_invalid', `application: ${failure.detail}`)
    }
    await noteStep(tx, invitation, 'app_opened', done(at))
    const { rows } = await tx.query<{ expiresAt: string }>(
      `update test_invitation
          set hwid = $2, ticket_hash = $3, expires_at = case when hwid is null then $4 else expires_at end
        where id = $1 returning expires_at as "expiresAt"`,
      [invitation.id, hwid, hashOf(ticket), new Date(at + TAKEN_MINUTES * MINUTE_MS)],
    )
    return { ticket, expiresAt: rows[0]?.expiresAt ?? '' }
  })
  if (taking instanceof PushError) throw taking // what failed is kept
  return taking
}

function otherApp(wanted: string, application: string) {
  return {
    reason: 'other_app',
    detail: `the app on the phone has the code ${application.slice(0, 64)}, and the invitation is of ${wanted}`,
    remedy: 'Open the link in the app that it is meant for, or correct the application code in it.',
  }
}

function taken(): PushError {
  return new PushError('invitation_taken', 'another phone has taken this invitation')
}

async function lockByCode(tx: Queryable, code: string, at: number): Promise<Invitation> {
  return lockBy(tx, 'code_hash', hashOf(code), at)
}

/** Throws `invitation_unknown`, also when its time is over. */
export async function lockByTicket(tx: Queryable, ticket: string, at: number): Promise<Invitation> {
  return lockBy(tx, 'ticket_hash', hashOf(ticket), at)
}

async function lockBy(
  tx: Queryable,
  column: 'code_hash' | 'ticket_hash',
  hash: Buffer,
  at: number,
): Promise<Invitation> {
  const { rows } = await tx.query<Invitation>(
    `select ${COLUMNS} from test_invitation where ${column} = $1 and expires_at > $2 for update`,
    [hash, new Date(at)],
  )
  return known(rows[0])
}

function known(invitation: Invitation | undefined): Invitation {
  if (invitation === undefined)
    throw new PushError('invitation_unknown', 'there is no such invitation, or its time is over')
  return invitation
}

/** The invitation is locked. Returns it as it is then. */
export async function noteStep(
  tx: Queryable,
  { id, steps }: Pick<Invitation, 'id' | 'steps'>,
  step: InvitationStep,
  kept: KeptStep,
): Promise<Invitation> {
  const { rows } = await tx.query<Invitation>(
    `update test_invitation set steps = $2, version = version + 1 where id = $1 returning ${COLUMNS}`,
    [id, JSON.stringify(withStep(steps, step, kept))],
  )
  return rows[0] as Invitation
}

/** The same for one that is not locked; nothing when it was erased meanwhile. */
export async function addStep(db: Database, id: string, step: InvitationStep, kept: KeptStep): Promise<void> {
  await db.transaction(async tx => {
    const { rows } = await tx.query<Invitation>(
      `select ${COLUMNS} from test_invitation where id = $1 for update`,
      [id],
    )
    if (rows[0] !== undefined) await noteStep(tx, rows[0], step, kept)
  })
}

/**
 * The test push of an invitation gets its id before it leaves, so that no receipt is faster. False when another call has begun one
 * meanwhile.
 */
export async function beginDelivery(
  db: Queryable,
  invitation: Invitation,
  deliveryId: string,
): Promise<boolean> {
  const { rowCount } = await db.query(
    'update test_invitation set delivery_id = $2 where id = $1 and delivery_id is not distinct from $3',
    [invitation.id, deliveryId, invitation.deliveryId],
  )
  return rowCount > 0
}

export async function keepResult(db: Queryable, id: string, result: PushTestResult): Promise<void> {
  await db.query('update test_invitation set result = $2, version = version + 1 where id = $1', [
    id,
    JSON.stringify(result),
  ])
}

/** Of all apps. Returns how many went. */
export async function dropOldInvitations(db: Queryable, at: number): Promise<number> {
  return (await db.query('delete from test_invitation where created_at < $1', [new Date(at - KEPT_MS)]))
    .rowCount
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
