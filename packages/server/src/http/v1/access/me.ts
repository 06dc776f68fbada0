/** Who calls, and what is a person's own: password, sessions, second factor. */
import {
  begunFactorSchema,
  factorProofSchema,
  factorRemovalSchema,
  factorRequestSchema,
  type Me,
  meSchema,
  passwordChangeSchema,
  recoveryCodesSchema,
  renameSchema,
  sessionListSchema,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { listApps } from '../../../access/apps.ts'
import { nameKey, readPerson, renamePerson, setPassword } from '../../../access/people.ts'
import type { Caller } from '../../../access/rights.ts'
import {
  beginFactor,
  confirmFactor,
  countRecoveryCodes,
  removeFactor,
  requireFactor,
} from '../../../access/second-factor.ts'
import { endSession, endSessions, listSessions, openSession } from '../../../access/sessions.ts'
import { requireStrong } from '../../../access/weak-passwords.ts'
import { qrSvg } from '../../../test-devices/qr.ts'
import { callerOf, personOf } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import { tellAudit } from './door.ts'
import { requirePassword } from './sign-in.ts'

const tags = ['access']

export async function meOf({ db }: Pick<HttpContext, 'db'>, caller: Caller): Promise<Me> {
  const codes = new Map((await listApps(db)).map(it => [it.id, it.code]))
  const grants = caller.grants.map(({ appId, role, rights }) => ({
    app: appId === null ? null : (codes.get(appId) ?? null),
    role,
    rights: [...rights],
  }))
  if (caller.kind === 'token') return { person: null, token: { id: caller.id, name: caller.name }, grants }
  const { id, name, createdAt, hasFactor } = await readPerson(db, caller.id)
  const recoveryCodes = await countRecoveryCodes(db, id)
  return { person: { id, name, createdAt, hasSecondFactor: hasFactor, recoveryCodes }, token: null, grants }
}

export async function meRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, seal } = context

  app.get(
    '/me',
    { schema: { tags, summary: 'Who calls, and what they may do', response: { 200: meSchema } } },
    async request => meOf(context, callerOf(request)),
  )

  app.patch(
    '/me',
    {
      schema: {
        tags,
        summary: 'Take another name, to sign in with from then on',
        body: renameSchema,
        response: { 200: meSchema },
      },
    },
    async request => {
      const caller = personOf(request)
      const { name } = request.body
      const before = await db.transaction(tx => renamePerson(tx, { id: caller.id, name }))
      tellAudit(request, { subject: before, before, after: name })
      return meOf(context, caller)
    },
  )

  app.put(
    '/me/password',
    {
      schema: {
        tags,
        summary: 'Change the password; all sessions are over, and this one gets a new cookie',
        body: passwordChangeSchema,
        response: { 200: meSchema },
      },
    },
    async (request, reply) => {
      const caller = personOf(request)
      const { currentPassword, newPassword } = request.body
      const person = await readPerson(db, caller.id)
      await requirePassword(context, request, { person, password: currentPassword })
      requireStrong(newPassword, person.name)
      const passwordHash = await context.passwords.hash(newPassword)
      const session = {
        personId: person.id,
        client: request.ip,
        agent: request.headers['user-agent'],
        at: clock.now(),
      }
      const { token } = await db.transaction(async tx => {
        await setPassword(tx, person.id, passwordHash)
        await endSessions(tx, person.id)
        return openSession(tx, session)
      })
      context.sessionCookie.set(request, reply, token)
      return meOf(context, caller)
    },
  )

  app.get(
    '/me/sessions',
    { schema: { tags, summary: 'List your sessions', response: { 200: sessionListSchema } } },
    async request => {
      const { id: personId, sessionId } = personOf(request)
      return { sessions: await listSessions(db, { personId, sessionId, at: clock.now() }) }
    },
  )

  app.delete(
    '/me/sessions',
    { schema: { tags, summary: 'End all of your sessions but this one', response: { 204: z.null() } } },
    async (request, reply) => {
      const { id, sessionId } = personOf(request)
      await endSessions(db, id, sessionId)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/me/sessions/:session',
    {
      schema: {
        tags,
        summary: 'End one of your sessions',
        params: z.object({ session: z.uuid().toLowerCase() }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await endSession(db, { personId: personOf(request).id, id: request.params.session })
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/me/second-factor',
    {
      schema: {
        tags,
        summary: 'Begin a second factor; it is asked for once it was confirmed',
        body: factorRequestSchema,
        response: { 201: begunFactorSchema },
      },
    },
    async (request, reply) => {
      const person = await readPerson(db, personOf(request).id)
      await requirePassword(context, request, { person, password: request.body.password })
      const begun = await beginFactor(db, { personId: person.id, seal, name: person.name })
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...begun, qr: await qrSvg(begun.uri) })
    },
  )

  app.put(
    '/me/second-factor',
    {
      schema: {
        tags,
        summary: 'Confirm the second factor with its first code; answers recovery codes, once',
        body: factorProofSchema,
        response: { 200: recoveryCodesSchema },
      },
    },
    async request => {
      const { id: personId, name } = personOf(request)
      const code = request.body.oneTimeCode
      const tried = context.signIns.take(nameKey(name), request.ip)
      const recoveryCodes = await db.transaction(tx =>
        confirmFactor(tx, { personId, seal, code, at: clock.now() }),
      )
      tried.giveBack()
      return { recoveryCodes }
    },
  )

  app.post(
    '/me/second-factor/off',
    {
      schema: {
        tags,
        summary: 'Turn the second factor off, with a code or a recovery code',
        body: factorRemovalSchema,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const person = await readPerson(db, personOf(request).id)
      const { password, oneTimeCode: code } = request.body
      const tried = context.signIns.take(nameKey(person.name), request.ip)
      await requirePassword(context, request, { person, password })
      await db.transaction(async tx => {
        await requireFactor(tx, { personId: person.id, seal, code, at: clock.now() })
        await removeFactor(tx, person.id)
      })
      tried.giveBack()
      return reply.code(204).send(null)
    },
  )
}
