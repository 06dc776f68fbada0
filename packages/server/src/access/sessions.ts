/**
 * Sessions of people: 256 random bits in a cookie, of which the SHA-256 is stored. A session is looked up with each call, so one that is
 * ended is over at once on all servers. It ends when nobody used it for 7 days, and after 30 in any case.
 */
import { randomBytes } from 'node:crypto'
import {
  type PersonRole,
  PushError,
  SESSION_DAYS_MAX,
  SESSION_IDLE_DAYS,
  type SessionView,
} from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Queryable } from '../store/database.ts'
import { type Caller, grantOfRole } from './rights.ts'
import { hashToken } from './tokens.ts'

const DAY_MS = 86_400_000
export const SESSION_SECONDS_MAX = SESSION_DAYS_MAX * 86_400
/** Each call uses it; a write for each would be dear. */
const SEEN_NOTED_EVERY_MS = 5 * 60_000
/** Older ones make room. */
const SESSIONS_PER_PERSON = 50
const AGENT_CHARACTERS = 256
/** What we hand out; anything else is no session, and costs no query. */
const TOKEN = /^[\w-]{43}$/

export interface NewSession {
  readonly personId: number
  readonly client: string
  readonly agent: string | undefined
  readonly at: number
}

/** Returns what goes into the cookie and nowhere else, and the id. */
export async function openSession(
  tx: Queryable,
  { personId, client, agent, at }: NewSession,
): Promise<{ readonly id: string; readonly token: string }> {
  const id = uuidv7()
  const token = randomBytes(32).toString('base64url')
  await tx.query(
    `insert into person_session (id, person_id, hash, client, agent, created_at, seen_at)
     values ($1, $2, $3, $4, $5, $6, $6)`,
    [id, personId, hashToken(token), client, agent?.slice(0, AGENT_CHARACTERS) ?? null, new Date(at)],
  )
  await tx.query(
    `delete from person_session where id in
       (select id from person_session where person_id = $1 order by seen_at desc, id desc offset $2)`,
    [personId, SESSIONS_PER_PERSON],
  )
  return { id, token }
}

const FIND = `
  select s.id, s.person_id as "personId", p.name, s.seen_at as "seenAt",
         (select coalesce(json_agg(json_build_object('appId', r.app_id, 'role', r.role)), '[]')
            from person_role r where r.person_id = p.id) as roles
    from person_session s join person p on p.id = s.person_id
   where s.hash = $1 and s.seen_at > $2 and s.created_at > $3`

interface Found {
  readonly id: string
  readonly personId: number
  readonly name: string
  readonly seenAt: string
  readonly roles: readonly { readonly appId: number | null; readonly role: PersonRole }[]
}

/** Undefined when it is over, or never was. */
export async function findSession(db: Queryable, token: string, at: number): Promise<Caller | undefined> {
  if (!TOKEN.test(token)) return undefined
  const { rows } = await db.query<Found>(FIND, [hashToken(token), ...limitsAt(at)])
  const found = rows[0]
  if (found === undefined) return undefined
  if (at - Date.parse(found.seenAt) >= SEEN_NOTED_EVERY_MS) await noteSeen(db, found.id, at)
  const grants = found.roles.map(it => grantOfRole(it.appId, it.role))
  return { kind: 'person', id: found.personId, name: found.name, sessionId: found.id, grants }
}

/** Whether it is not over; to ask is no use of it. */
export async function isSessionOpen(db: Queryable, id: string, at: number): Promise<boolean> {
  const { rowCount } = await db.query(
    'select from person_session where id = $1 and seen_at > $2 and created_at > $3',
    [id, ...limitsAt(at)],
  )
  return rowCount > 0
}

/** Used since, and begun since. */
function limitsAt(at: number): [Date, Date] {
  return [new Date(at - SESSION_IDLE_DAYS * DAY_MS), new Date(at - SESSION_DAYS_MAX * DAY_MS)]
}

/** A database that can only be read must not sign people out. */
async function noteSeen(db: Queryable, id: string, at: number): Promise<void> {
  await db
    .query('update person_session set seen_at = $2 where id = $1 and seen_at < $2', [id, new Date(at)])
    .catch(() => undefined)
}

export async function listSessions(
  db: Queryable,
  { personId, sessionId, at }: { readonly personId: number; readonly sessionId: string; readonly at: number },
): Promise<SessionView[]> {
  const { rows } = await db.query<SessionView>(
    `select id, created_at as "createdAt", seen_at as "seenAt", client, agent, id = $2 as "isThis"
       from person_session where person_id = $1 and seen_at > $3 and created_at > $4
      order by seen_at desc, id desc`,
    [personId, sessionId, ...limitsAt(at)],
  )
  return rows
}

/** By what its cookie holds; one that is over already is fine. Returns whether there was one. */
export async function closeSession(db: Queryable, token: string): Promise<boolean> {
  const { rowCount } = await db.query('delete from person_session where hash = $1', [hashToken(token)])
  return rowCount > 0
}

/** Throws `session_unknown`. */
export async function endSession(
  db: Queryable,
  { personId, id }: { readonly personId: number; readonly id: string },
): Promise<void> {
  const { rowCount } = await db.query('delete from person_session where person_id = $1 and id = $2', [
    personId,
    id,
  ])
  if (rowCount === 0) throw new PushError('session_unknown', `you have no session ${id}`)
}

/** All of a person, or all but one. */
export async function endSessions(
  db: Queryable,
  personId: number,
  except: string | null = null,
): Promise<void> {
  await db.query('delete from person_session where person_id = $1 and id is distinct from $2', [
    personId,
    except,
  ])
}

/** Returns how many. */
export async function dropOldSessions(db: Queryable, at: number): Promise<number> {
  const { rowCount } = await db.query(
    'delete from person_session where seen_at <= $1 or created_at <= $2',
    limitsAt(at),
  )
  return rowCount
}
