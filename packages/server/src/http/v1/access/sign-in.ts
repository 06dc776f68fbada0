/** Whether somebody is who they say: password and second factor, tried as often as is let. */
import { PushError } from '@roost/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { findPerson, nameKey, type Person } from '../../../access/people.ts'
import type { Caller } from '../../../access/rights.ts'
import { requireFactor } from '../../../access/second-factor.ts'
import { findSession, openSession } from '../../../access/sessions.ts'
import type { HttpContext } from '../../context.ts'
import type { SignInTry } from '../../sign-in-limits.ts'

type Context = Pick<HttpContext, 'db' | 'clock' | 'seal' | 'passwords' | 'signIns'>

export interface Credentials {
  readonly name: string
  readonly password: string
  readonly oneTimeCode?: string | undefined
}

/** Throws `sign_in_refused`, `one_time_code_missing`, `rate_limited`. */
export async function checkSignIn(
  context: Context,
  request: FastifyRequest,
  { name, password, oneTimeCode }: Credentials,
): Promise<Person> {
  const tried = context.signIns.take(nameKey(name), request.ip)
  const person = await findPerson(context.db, name)
  await judge(context, tried, { person, password })
  if (person === undefined) throw wrong()
  if (person.hasFactor) await checkFactor(context, tried, { personId: person.id, oneTimeCode })
  tried.succeed()
  return person
}

/** Of whoever is signed in already. Throws `sign_in_refused`, `rate_limited`. */
export async function requirePassword(
  context: Context,
  request: FastifyRequest,
  { person, password }: { readonly person: Person; readonly password: string },
): Promise<void> {
  const tried = context.signIns.take(nameKey(person.name), request.ip)
  await judge(context, tried, { person, password })
  tried.giveBack()
}

async function judge(
  { passwords }: Context,
  tried: SignInTry,
  { person, password }: { readonly person: Person | undefined; readonly password: string },
): Promise<void> {
  const isRight = await passwords.isRight(person?.passwordHash, password, tried).catch((error: unknown) => {
    tried.giveBack() // it was not looked at
    throw error
  })
  if (!isRight) throw wrong()
}

/** One word for both, so that nobody learns which names there are. */
function wrong(): PushError {
  return new PushError('sign_in_refused', 'name or password is wrong')
}

async function checkFactor(
  { db, seal, clock }: Context,
  tried: SignInTry,
  { personId, oneTimeCode: code }: { readonly personId: number; readonly oneTimeCode: string | undefined },
): Promise<void> {
  if (code === undefined) {
    tried.giveBack() // of the second factor nothing was guessed
    throw new PushError('one_time_code_missing', 'this person has a second factor')
  }
  await requireFactor(db, { personId, seal, code, at: clock.now() })
}

/** Opens a session, sets its cookie, and answers as whom. */
export async function signIn(
  { db, clock, sessionCookie }: Pick<HttpContext, 'db' | 'clock' | 'sessionCookie'>,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  personId: number,
): Promise<Caller> {
  const at = clock.now()
  const session = { personId, client: request.ip, agent: request.headers['user-agent'], at }
  const { token } = await db.transaction(tx => openSession(tx, session))
  sessionCookie.set(request, reply, token)
  const caller = await findSession(db, token, at)
  if (caller === undefined) throw new PushError('session_over', 'the person was removed meanwhile')
  return caller
}
