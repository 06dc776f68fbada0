/** Invitations of members: a link that gives whoever opens it first a role, in an app or in the installation, once and within 7 days. */
import { randomBytes } from 'node:crypto'
import {
  MEMBER_INVITATION_DAYS,
  type MemberInvitationView,
  type PersonRole,
  PushError,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Queryable } from '../store/database.ts'
import { hashToken } from './tokens.ts'

const LIFE_MS = MEMBER_INVITATION_DAYS * 86_400_000
const CODE_BYTES = 24

const COLUMNS = `id, role, note, invited_by as "invitedBy", created_at as "createdAt", expires_at as "expiresAt"`

export interface NewMemberInvitation {
  readonly appId: number | null
  readonly role: PersonRole
  readonly note: string | undefined
  readonly invitedBy: string
  readonly at: number
}

/** The code is in the answer and nowhere else afterwards. */
export async function inviteMember(
  db: Queryable,
  { appId, role, note, invitedBy, at }: NewMemberInvitation,
): Promise<{ readonly invitation: MemberInvitationView; readonly code: string }> {
  const code = randomBytes(CODE_BYTES).toString('base64url')
  const { rows } = await db.query<MemberInvitationView>(
    `insert into member_invitation (id, app_id, role, hash, note, invited_by, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${COLUMNS}`,
    [uuidv7(), appId, role, hashToken(code), note ?? null, invitedBy, new Date(at), new Date(at + LIFE_MS)],
  )
  return { invitation: rows[0] as MemberInvitationView, code }
}

/** Those that are open, of this app or of the installation. */
export async function listMemberInvitations(
  db: Queryable,
  { appId, at }: { readonly appId: number | null; readonly at: number },
): Promise<MemberInvitationView[]> {
  const { rows } = await db.query<MemberInvitationView>(
    `select ${COLUMNS} from member_invitation
      where app_id is not distinct from $1 and expires_at > $2 order by id desc`,
    [appId, new Date(at)],
  )
  return rows
}

/** Throws `member_invitation_unknown`. */
export async function withdrawMemberInvitation(
  db: Queryable,
  { appId, id }: { readonly appId: number | null; readonly id: string },
): Promise<void> {
  const { rowCount } = await db.query(
    'delete from member_invitation where id = $1 and app_id is not distinct from $2',
    [id, appId],
  )
  if (rowCount === 0) throw new PushError('member_invitation_unknown', `there is no invitation ${id}`)
}

interface Offer {
  readonly id: string
  readonly appId: number | null
  readonly role: PersonRole
  readonly invitedBy: string
  readonly expiresAt: string
}

const OFFER = `id, app_id as "appId", role, invited_by as "invitedBy", expires_at as "expiresAt"`

/** Throws `member_invitation_unknown`. */
export async function readOffer(db: Queryable, code: string, at: number): Promise<Offer> {
  const { rows } = await db.query<Offer>(
    `select ${OFFER} from member_invitation where hash = $1 and expires_at > $2`,
    [hashToken(code), new Date(at)],
  )
  return rows[0] ?? refuse()
}

/** Of two who open it at once, one. In a transaction that fails it is still there. Throws `member_invitation_unknown`. */
export async function takeOffer(tx: Queryable, code: string, at: number): Promise<Offer> {
  const { rows } = await tx.query<Offer>(
    `delete from member_invitation where hash = $1 and expires_at > $2 returning ${OFFER}`,
    [hashToken(code), new Date(at)],
  )
  return rows[0] ?? refuse()
}

function refuse(): never {
  throw new PushError('member_invitation_unknown', 'this link was used, withdrawn, or its time is over')
}

/** Returns how many. */
export async function dropOldMemberInvitations(db: Queryable, at: number): Promise<number> {
  return (await db.query('delete from member_invitation where expires_at <= $1', [new Date(at)])).rowCount
}
