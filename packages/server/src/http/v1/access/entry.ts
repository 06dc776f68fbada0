/** Set-up, sign-in, sign-out and joining by a link: the calls that are made before anybody knows who calls. */
import {
  joinLookSchema,
  joinSchema,
  joinViewSchema,
  type Me,
  meSchema,
  type PersonRole,
  PushError,
  setupSchema,
  setupStateSchema,
  signInSchema,
} from '@roost/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { listApps } from '../../../access/apps.ts'
import { writeAudit } from '../../../access/audit.ts'
import { readOffer, takeOffer } from '../../../access/member-invitations.ts'
import { addFirstOwner, addPerson, giveRole, hasPeople } from '../../../access/people.ts'
import type { Caller } from '../../../access/rights.ts'
import { closeSession } from '../../../access/sessions.ts'
import { isSetupCode, readSetupCode } from '../../../access/setup-code.ts'
import { requireStrong } from '../../../access/weak-passwords.ts'
import { identify, personOf, requireMay } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import { findServerToken } from '../../server-token.ts'
import { requireOwnOrigin } from '../../session-cookie.ts'
import { whatOf } from './door.ts'
import { meOf } from './me.ts'
import { checkSignIn, signIn } from './sign-in.ts'

const common = { tags: ['access'], security: [], querystring: z.strictObject({}) }

interface Visit {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

export async function entryRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context
  instance.addHook('onRequest', async request => context.limits.takeCall(request.ip))

  app.get(
    '/setup',
    {
      schema: {
        ...common,
        summary: 'Whether this installation has an owner',
        response: { 200: setupStateSchema },
      },
    },
    async () => ({ isDone: await hasPeople(db) }),
  )

  app.post(
    '/setup',
    {
      schema: {
        ...common,
        summary: 'Make the first owner, with the set-up code or a server token; signs in',
        body: setupSchema,
        response: { 201: meSchema },
      },
    },
    async (request, reply) => {
      const { name, password, setupCode } = request.body
      await requireRunner(context, request, setupCode)
      requireStrong(password, name)
      const passwordHash = await context.passwords.hash(password)
      const owner = await db.transaction(tx => addFirstOwner(tx, { name, passwordHash, at: clock.now() }))
      return reply
        .code(201)
        .send(
          await enter(
            context,
            { request, reply },
            { personId: owner.id, appId: null, words: `owner ${name}` },
          ),
        )
    },
  )

  app.post(
    '/session',
    {
      schema: { ...common, summary: 'Sign in', body: signInSchema, response: { 201: meSchema } },
    },
    async (request, reply) => {
      requireBrowserOrigin(request)
      const { id } = await checkSignIn(context, request, request.body)
      return reply
        .code(201)
        .send(await enter(context, { request, reply }, { personId: id, appId: null, words: null }))
    },
  )

  app.delete(
    '/session',
    { schema: { ...common, summary: 'Sign out', response: { 204: z.null() } } },
    async (request, reply) => {
      const cookies = context.sessionCookie.allOf(request)
      if (cookies.length > 0) requireOwnOrigin(request)
      for (const cookie of cookies) {
        const wasOurs = await closeSession(db, cookie.token)
        if (wasOurs || cookie.name === context.sessionCookie.name) context.sessionCookie.clear(reply, cookie)
      }
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/join/look',
    {
      schema: {
        ...common,
        summary: 'What a link invites to',
        body: joinLookSchema,
        response: { 200: joinViewSchema },
      },
    },
    async request => {
      const offer = await guessing(context, request, () => readOffer(db, request.body.code, clock.now()))
      const { appId, role, invitedBy, expiresAt } = offer
      const name = appId === null ? null : ((await listApps(db)).find(it => it.id === appId)?.name ?? null)
      return { app: name, role, invitedBy, expiresAt }
    },
  )

  app.post(
    '/join',
    {
      schema: {
        ...common,
        summary: 'Take an invitation as somebody new, or as whoever is signed in; signs in',
        body: joinSchema,
        response: { 201: meSchema },
      },
    },
    async (request, reply) => {
      const { code, name, password } = request.body
      await guessing(context, request, () => readOffer(db, code, clock.now()))
      const join =
        name !== undefined && password !== undefined
          ? await joinAsNew(context, { code, name, password })
          : await joinAsCaller(context, request, code)
      return reply.code(201).send(await enter(context, { request, reply }, join))
    },
  )
}

interface Entered {
  readonly personId: number
  /** Of the role that came with it; null: of the installation, or none. */
  readonly appId: number | null
  /** For the audit log. */
  readonly words: string | null
}

async function joinAsNew(
  { db, clock, passwords }: HttpContext,
  { code, name, password }: { readonly code: string; readonly name: string; readonly password: string },
): Promise<Entered> {
  requireStrong(password, name)
  const passwordHash = await passwords.hash(password)
  return db.transaction(async tx => {
    const at = clock.now()
    const offer = await takeOffer(tx, code, at)
    const person = await addPerson(tx, { name, passwordHash, at })
    await giveRole(tx, { personId: person.id, appId: offer.appId, role: offer.role })
    return { personId: person.id, appId: offer.appId, words: wordsOf(offer.role, offer.invitedBy) }
  })
}

/** Throws `input_invalid` when nobody is signed in: then a name and a password are needed. */
async function joinAsCaller(context: HttpContext, request: FastifyRequest, code: string): Promise<Entered> {
  if (context.sessionCookie.of(request) === undefined)
    throw new PushError('input_invalid', 'body: name and password are missing, and nobody is signed in')
  await identify(context, request)
  const { id: personId } = personOf(request)
  return context.db.transaction(async tx => {
    const { appId, role, invitedBy } = await takeOffer(tx, code, context.clock.now())
    await giveRole(tx, { personId, appId, role })
    return { personId, appId, words: wordsOf(role, invitedBy) }
  })
}

function wordsOf(role: PersonRole, invitedBy: string): string {
  return `${role}, invited by ${invitedBy}`
}

/** Opens a session with its cookie, notes it, and answers as whom. */
async function enter(
  context: HttpContext,
  visit: Visit,
  { personId, appId, words: after }: Entered,
): Promise<Me> {
  const caller: Caller = await signIn(context, visit, personId)
  const what = whatOf(visit.request)
  await writeAudit(context.db, { by: caller, appId, what, after, at: context.clock.now() })
  return meOf(context, caller)
}

/** The proof that it is whoever runs the server. Throws `setup_done`, `setup_code_refused`. */
async function requireRunner(
  context: HttpContext,
  request: FastifyRequest,
  given: string | undefined,
): Promise<void> {
  requireBrowserOrigin(request)
  const bearer = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (bearer !== undefined) {
    const caller = await findServerToken(context, request, { token: bearer, place: 'bearer token' })
    return requireMay(caller, null, 'access')
  }
  await guessing(context, request, async () => {
    const code = await readSetupCode(context.db, context.seal)
    if (code === undefined) throw new PushError('setup_done', 'this installation has an owner')
    if (given === undefined || !isSetupCode(given, code))
      throw new PushError('setup_code_refused', 'the set-up code is missing, or another one')
  })
}

/** A page elsewhere must not sign somebody in as somebody else; tools name no origin. */
function requireBrowserOrigin(request: FastifyRequest): void {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (origin !== undefined || site !== undefined) requireOwnOrigin(request)
}

/** A code that is wrong is counted as a wrong token is. */
async function guessing<T>(
  { limits }: HttpContext,
  request: FastifyRequest,
  look: () => Promise<T>,
): Promise<T> {
  limits.takeTokenTry(request.ip)
  const found = await look()
  limits.takeRightToken(request.ip)
  return found
}
