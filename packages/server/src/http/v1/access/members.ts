/** Members and their roles, and the links that invite further ones: of the installation, and of each app. */
import {
  madeMemberInvitationSchema,
  memberInvitationListSchema,
  memberListSchema,
  memberSchema,
  newMemberInvitationSchema,
  PushError,
  RIGHTS_OF,
  renameSchema,
  roleChangeSchema,
} from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  inviteMember,
  listMemberInvitations,
  withdrawMemberInvitation,
} from '../../../access/member-invitations.ts'
import { changeRole, listMembers, readMember, removePerson, renamePerson } from '../../../access/people.ts'
import { may, mayAll } from '../../../access/rights.ts'
import { callerOf } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import { scopeOf, tellAudit } from './door.ts'
import { type Place, placeParams } from './place.ts'

const tags = ['access']
const id = z.coerce.number().int().min(1).max(2_147_483_647)

/** Once below /v1, once below an app. */
export function memberRoutes(instance: FastifyInstance, context: HttpContext, place: Place): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context
  const params = placeParams(place)
  const ofPerson = z.object({ ...params, person: id })
  const idOf = async (request: FastifyRequest) => (await scopeOf(context, request))?.id ?? null

  app.get(
    `${place.path}/members`,
    {
      schema: {
        tags,
        summary: `List the members of ${place.name}`,
        ...(place.isApp && { params: z.object(params) }),
        response: { 200: memberListSchema },
      },
    },
    async request => ({ members: await listMembers(db, await idOf(request)) }),
  )

  app.put(
    `${place.path}/members/:person`,
    {
      schema: {
        tags,
        summary: `Give a person another role in ${place.name}, or none`,
        params: ofPerson,
        body: roleChangeSchema,
        response: { 200: memberSchema },
      },
    },
    async request => {
      const appId = await idOf(request)
      const personId = request.params.person
      const { role } = request.body
      if (role !== null) requireOwnRights(request, appId, role)
      // Whoever may see all people can take one from another app.
      const seenFrom = may(callerOf(request), null, 'access') ? null : appId
      return db.transaction(async tx => {
        const person = await readMember(tx, { id: personId, appId: seenFrom })
        const before = await changeRole(tx, { personId, appId, role })
        tellAudit(request, { subject: person.name, before: before ?? 'no role', after: role ?? 'no role' })
        return { ...person, role, ...(appId === null && { installationRole: role }) }
      })
    },
  )

  if (!place.isApp)
    app.patch(
      '/members/:person',
      {
        schema: {
          tags,
          summary: 'Give a person another name, which they sign in with from then on',
          params: ofPerson,
          body: renameSchema,
          response: { 200: memberSchema },
        },
      },
      async request => {
        const { name } = request.body
        const personId = request.params.person
        return db.transaction(async tx => {
          const before = await renamePerson(tx, { id: personId, name })
          tellAudit(request, { subject: before, before, after: name })
          return readMember(tx, { id: personId, appId: null })
        })
      },
    )

  app.delete(
    `${place.path}/members/:person`,
    {
      schema: {
        tags,
        summary: place.isApp
          ? 'Take the role in an app away from a person'
          : 'Remove a person, with all roles and sessions',
        params: ofPerson,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const appId = await idOf(request)
      const personId = request.params.person
      await db.transaction(async tx => {
        const { name, role } = await readMember(tx, { id: personId, appId })
        if (appId === null) await removePerson(tx, personId)
        else await changeRole(tx, { personId, appId, role: null })
        tellAudit(request, { subject: name, before: role ?? 'no role', after: null })
      })
      return reply.code(204).send(null)
    },
  )

  app.get(
    `${place.path}/member-invitations`,
    {
      schema: {
        tags,
        summary: `List the open invitations to ${place.name}`,
        ...(place.isApp && { params: z.object(params) }),
        response: { 200: memberInvitationListSchema },
      },
    },
    async request => {
      const appId = await idOf(request)
      return { invitations: await listMemberInvitations(db, { appId, at: clock.now() }) }
    },
  )

  app.post(
    `${place.path}/member-invitations`,
    {
      schema: {
        tags,
        summary: `Invite somebody to ${place.name}: a link for one person, for seven days`,
        ...(place.isApp && { params: z.object(params) }),
        body: newMemberInvitationSchema,
        response: { 201: madeMemberInvitationSchema },
      },
    },
    async (request, reply) => {
      const appId = await idOf(request)
      const { role, note } = request.body
      requireOwnRights(request, appId, role)
      const invitedBy = callerOf(request).name
      const { invitation, code } = await inviteMember(db, { appId, role, note, invitedBy, at: clock.now() })
      const link = `${request.protocol}://${request.host}/#join=${code}`
      return reply.code(201).send({ ...invitation, code, link })
    },
  )

  app.delete(
    `${place.path}/member-invitations/:invitation`,
    {
      schema: {
        tags,
        summary: `Withdraw an invitation to ${place.name}`,
        params: z.object({ ...params, invitation: z.uuid().toLowerCase() }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await withdrawMemberInvitation(db, { appId: await idOf(request), id: request.params.invitation })
      return reply.code(204).send(null)
    },
  )
}

/** A token that may only manage access must not make itself an owner. Throws `not_allowed`. */
function requireOwnRights(request: FastifyRequest, appId: number | null, role: keyof typeof RIGHTS_OF): void {
  if (!mayAll(callerOf(request), appId, RIGHTS_OF[role]))
    throw new PushError('not_allowed', `the role ${role} allows more than whoever gives it may do`)
}
