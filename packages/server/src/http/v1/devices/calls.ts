/**
 * What devices do over the compatible protocol, for back ends: registering, changing, unregistering, opening, events,
 * receipts, Live Activities. Unlike a device, a back end is told when it names a device that is not there.
 */
import {
  activityTokenSchema,
  countedReceiptsSchema,
  deviceEventSchema,
  devicePatchSchema,
  deviceRegistrationSchema,
  deviceSchema,
  type NewReceipt,
  newEventSchema,
  newReceiptSchema,
  newReceiptsSchema,
  PushError,
  REST_BODY_BYTES,
  skippedTagsSchema,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { messageIdOf, type ReceiptClaim, receiptOf } from '../../../insight/receipts.ts'
import { setBadge } from '../../../messages/badges.ts'
import { checkDevice } from '../../../registry/check.ts'
import { listEvents } from '../../../registry/events.ts'
import { readDevice } from '../../../registry/read.ts'
import { removeActivityAddress, setActivityAddress } from '../../../registry/register/activities.ts'
import { registerDevice } from '../../../registry/register/registration.ts'
import { type DeviceUpdate, toldOf, updateOf } from '../../../registry/register/update.ts'
import { readTags } from '../../../registry/tags/tags.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { tokensFrom, updateFrom } from './said.ts'
import { deviceParamsSchema, newDeviceParamsSchema } from './schema.ts'

const tags = ['devices']
const storedSchema = deviceSchema.extend({ skippedTags: skippedTagsSchema })
/** `newHwid`: several phones go by this hwid, so this one is to register under that one; null nearly always. */
const registeredSchema = storedSchema.extend({ newHwid: z.string().nullable() })
const activityParamsSchema = deviceParamsSchema.extend({ activity: z.string().min(1).max(128) })

interface Params {
  readonly app: string
  readonly hwid: string
}

interface Key {
  readonly appId: number
  readonly hwid: string
  readonly at: number
}

/** People copy the id of a message with its dashes. One literal: a spread is a copy of the whole, for each of a thousand. */
function claimOf(
  { appId, hwid, at: now }: Key,
  { kind, hash, signature, reason, at }: NewReceipt,
): ReceiptClaim {
  return {
    appId,
    hwid,
    kind,
    hash: hash.includes('-') ? hash.replaceAll('-', '') : hash,
    signature,
    reason,
    at: at === undefined ? now : Date.parse(at),
  }
}

export async function deviceCallRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, registrations } = context

  const keyOf = async ({ app: code, hwid }: Params) => {
    const { id: appId } = await context.apps.find(code)
    return { appId, hwid, at: clock.now() }
  }
  /** Throws `device_unknown`. */
  const knownKeyOf = async (params: Params) => {
    const key = await keyOf(params)
    if (!(await checkDevice(db, key)).isKnown)
      throw new PushError('device_unknown', `this app has no device "${key.hwid}"`)
    return key
  }
  const targetOf = async (params: Params, environment?: string) => {
    const key = await knownKeyOf(params)
    const update: DeviceUpdate = {
      ...toldOf(key),
      record: environment === undefined ? null : { environment },
    }
    return { app: await context.apps.find(params.app), update }
  }

  app.put(
    '/apps/:app/devices/:hwid',
    {
      schema: {
        tags,
        summary: 'Register a device, with or without its push token',
        params: newDeviceParamsSchema,
        body: deviceRegistrationSchema,
        response: { 200: registeredSchema },
      },
    },
    async ({ params, body }) => {
      const key = await keyOf(params)
      const { skipped, newHwid } = await registerDevice(context, {
        app: await context.apps.find(params.app),
        update: updateFrom(key, body),
        tokens: tokensFrom(body),
        tags: body.tags ?? {},
      })
      return { ...(await readDevice(db, key)), skippedTags: [...skipped], newHwid }
    },
  )

  app.patch(
    '/apps/:app/devices/:hwid',
    {
      schema: {
        tags,
        summary: 'Change what is known of a device: its user, tags, permission and more',
        params: deviceParamsSchema,
        body: devicePatchSchema,
        response: { 200: storedSchema },
      },
    },
    async ({ params, body }) => {
      const key = await knownKeyOf(params)
      const read = readTags(body.tags ?? {})
      const { skipped } = await registrations.apply({
        ...updateFrom(key, body),
        tags: read.tags,
        tagOperations: read.operations,
      })
      if (body.badge !== undefined) await setBadge(db, { ...key, badge: body.badge })
      return { ...(await readDevice(db, key)), skippedTags: [...read.skipped, ...skipped] }
    },
  )

  app.post(
    '/apps/:app/devices/:hwid/unregister',
    {
      schema: {
        tags,
        summary: 'End the addresses of a device; the device itself stays',
        params: deviceParamsSchema,
        response: { 200: deviceSchema },
      },
    },
    async ({ params }) => {
      const key = await knownKeyOf(params)
      await registrations.apply({ ...toldOf(key), isUnregister: true })
      return readDevice(db, key)
    },
  )

  app.post(
    '/apps/:app/devices/:hwid/opens',
    {
      schema: {
        tags,
        summary: 'Note that its app was opened',
        params: deviceParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      // Whoever passes an opening on passes on that the device is in use.
      const update = { ...updateOf(await knownKeyOf(params)), isOpen: true }
      await registrations.apply(update)
      context.openings.note(update)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/apps/:app/devices/:hwid/events',
    {
      schema: {
        tags,
        summary: 'Post an event of a device',
        params: deviceParamsSchema,
        body: newEventSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params, body }, reply) => {
      const key = await knownKeyOf(params)
      await context.events.post({ ...key, name: body.name, attributes: body.attributes ?? null })
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/apps/:app/devices/:hwid/events',
    {
      schema: {
        tags,
        summary: 'List the events of a device by kind, the last one first',
        params: deviceParamsSchema,
        response: { 200: z.object({ events: z.array(deviceEventSchema) }) },
      },
    },
    async ({ params }) => ({ events: await listEvents(db, await knownKeyOf(params)) }),
  )

  app.post(
    '/apps/:app/devices/:hwid/receipts',
    {
      schema: {
        tags,
        summary: 'Pass on that a message was delivered, displayed, opened …; counted once',
        params: deviceParamsSchema,
        body: newReceiptSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params, body }, reply) => {
      const key = await knownKeyOf(params)
      const claim = claimOf(key, body)
      if (messageIdOf(claim.hash) === null)
        throw new PushError('input_invalid', 'body/hash: it is no hash or id of a message')
      const receipt = receiptOf(claim, context.signer, clock.now())
      if (receipt !== null) await context.receipts.add(receipt)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/apps/:app/receipts',
    {
      bodyLimit: REST_BODY_BYTES,
      schema: {
        tags,
        summary: 'Pass on receipts of many devices, 1000 at most; each is counted once',
        params: appParamsSchema,
        body: newReceiptsSchema,
        response: { 202: countedReceiptsSchema },
      },
    },
    async ({ params, body }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      const now = clock.now()
      const receipts = body.receipts.flatMap(
        it => receiptOf(claimOf({ appId, hwid: it.hwid, at: now }, it), context.signer, now) ?? [],
      )
      const counted = await context.receipts.addAll(receipts)
      return reply.code(202).send({ received: body.receipts.length, counted })
    },
  )

  app.put(
    '/apps/:app/devices/:hwid/activities/:activity',
    {
      schema: {
        tags,
        summary: 'Set the address that updates a Live Activity',
        params: activityParamsSchema,
        body: activityTokenSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params, body }, reply) => {
      const target = await targetOf(params, body.environment)
      const address = { activityId: params.activity, token: body.token, field: 'body/token' }
      await setActivityAddress(context, { ...target, ...address })
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/apps/:app/devices/:hwid/activities/:activity',
    {
      schema: {
        tags,
        summary: 'End the address of a Live Activity',
        params: activityParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      await removeActivityAddress(context, { ...(await targetOf(params)), activityId: params.activity })
      return reply.code(204).send(null)
    },
  )

  app.put(
    '/apps/:app/devices/:hwid/activity-start',
    {
      schema: {
        tags,
        summary: 'Set the address that starts Live Activities',
        params: deviceParamsSchema,
        body: activityTokenSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params, body }, reply) => {
      const target = await targetOf(params, body.environment)
      await setActivityAddress(context, {
        ...target,
        activityId: null,
        token: body.token,
        field: 'body/token',
      })
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/apps/:app/devices/:hwid/activity-start',
    {
      schema: {
        tags,
        summary: 'End the address that starts Live Activities',
        params: deviceParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      await removeActivityAddress(context, { ...(await targetOf(params)), activityId: null })
      return reply.code(204).send(null)
    },
  )
}
