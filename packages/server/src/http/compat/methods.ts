/**
 * The methods of the device protocol that this version serves. All of them take a device that was never seen:
 * clients stop registering when one of these fails for an unknown hwid.
 */
import {
  type CompatBase,
  compatBaseSchema,
  compatReceiptSchema,
  compatRegisterSchema,
  compatRegisterUserSchema,
  compatSetTagsSchema,
  compatUnregisterSchema,
  PushError,
} from '@roost/protocol'
import type { z } from 'zod'
import type { App } from '../../access/apps.ts'
import { findVapidCredential, readVapidPublicKey } from '../../credentials/credentials.ts'
import { messageIdOf, type ReceiptKind } from '../../insight/receipts.ts'
import { platformOf, readAddress } from '../../registry/address.ts'
import { bucketOf } from '../../registry/buckets.ts'
import type { DeviceUpdate, UpdateResult } from '../../registry/register.ts'
import { readTags, refusedTags } from '../../registry/tags.ts'
import type { HttpContext } from '../context.ts'

interface Call {
  readonly app: App
  readonly context: HttpContext
  readonly request: unknown
}

export type CompatMethod = (call: Call) => Promise<unknown>

/** Runs `handle` with the request in its checked shape; throws `input_invalid` naming the fields. */
function method<Schema extends z.ZodType>(
  schema: Schema,
  handle: (call: Call & { readonly request: z.infer<Schema> }) => Promise<unknown>,
): CompatMethod {
  return async call => {
    const parsed = schema.safeParse(call.request)
    if (!parsed.success) {
      const places = parsed.error.issues.map(issue => `request.${issue.path.join('.')}: ${issue.message}`)
      throw new PushError('input_invalid', places.join('; '))
    }
    return handle({ ...call, request: parsed.data })
  }
}

/** What every call says of its device. The SDKs send the hwid as userId for people who are not logged in. */
function updateFrom({ app, context }: Call, request: CompatBase): DeviceUpdate {
  return {
    appId: app.id,
    hwid: request.hwid,
    platform: request.device_type === undefined ? null : platformOf(request.device_type),
    userId: request.userId === request.hwid || request.userId === '' ? null : (request.userId ?? null),
    language: request.language ?? null,
    timezoneSeconds: request.timezone ?? null,
    appVersion: request.app_version ?? null,
    osVersion: request.os_version ?? null,
    deviceModel: request.device_model ?? null,
    isLogout: false,
    isUnregister: false,
    clientSeq: null,
    tags: null,
    isOpen: false,
    address: null,
    credentialId: null,
    at: context.clock.now(),
  }
}

/** R5: the device learns that a later call of its own came first; there is nothing for it to do. */
function answerOf({ isStale }: UpdateResult): { readonly stale: true } | null {
  return isStale ? { stale: true } : null
}

const registerDevice = method(compatRegisterSchema, async call => {
  const { app, context, request } = call
  const address = readAddress(request, context)
  const isWeb = address?.provider === 'webpush'
  const credentialId = isWeb
    ? await findVapidCredential(context.db, { appId: app.id, publicKey: address.applicationServerKey })
    : null
  if (isWeb && credentialId === null)
    throw new PushError(
      'address_malformed',
      'application_server_key is none of this app: subscribe with the key that getConfig gives',
    )
  const { tags } = readTags(request.tags ?? {})
  const result = await context.registrations.apply({
    ...updateFrom(call, request),
    address,
    credentialId,
    tags,
    clientSeq: request.client_seq ?? null,
  })
  return answerOf(result)
})

/** Succeeds for devices never seen, since clients call it before they register for the first time. */
const unregister = method(compatUnregisterSchema, async call => {
  const { context, request } = call
  const result = await context.registrations.apply({
    ...updateFrom(call, request),
    isUnregister: true,
    clientSeq: request.client_seq ?? null,
  })
  return answerOf(result)
})

const applicationOpen = method(compatBaseSchema, async call => {
  await call.context.registrations.apply({ ...updateFrom(call, call.request), isOpen: true })
  return null
})

const setTags = method(compatSetTagsSchema, async call => {
  const { tags, skipped } = readTags(call.request.tags)
  const result = await call.context.registrations.apply({ ...updateFrom(call, call.request), tags })
  return { skipped: result.areTagsRefused ? [...skipped, ...refusedTags(tags)] : skipped }
})

/** Naming the hwid as user is how a client says "nobody is logged in"; other calls that do so change nothing. */
const registerUser = method(compatRegisterUserSchema, async call => {
  const isLogout = call.request.userId === call.request.hwid
  const result = await call.context.registrations.apply({
    ...updateFrom(call, call.request),
    isLogout,
    clientSeq: call.request.client_seq ?? null,
  })
  return answerOf(result)
})

const checkDevice = method(compatBaseSchema, async ({ app, context, request }) => {
  const { rows } = await context.db.query<{ exist: boolean; push_token_exist: boolean }>(
    `select exists (select from device where bucket = $1 and app_id = $2 and hwid = $3) as exist,
            exists (select from address where bucket = $1 and app_id = $2 and hwid = $3
                       and state in ('active', 'suspect')) as push_token_exist`,
    [bucketOf(request.hwid), app.id, request.hwid],
  )
  return rows[0]
})

const getConfig = method(compatBaseSchema, async ({ app, context }) => {
  const key = await readVapidPublicKey(context.db, app.id)
  return { features: key === null ? {} : { vapid_key: key } }
})

/** A hash that is none of ours is no error: clients pass on whatever a push carried. */
function receipt(kind: ReceiptKind): CompatMethod {
  return method(compatReceiptSchema, async ({ app, context, request }) => {
    const messageId = messageIdOf(request.hash)
    if (messageId === null) return null
    await context.receipts.add({
      appId: app.id,
      hwid: request.hwid,
      messageId,
      kind,
      at: context.clock.now(),
    })
    return null
  })
}

export const METHODS: ReadonlyMap<string, CompatMethod> = new Map(
  Object.entries({
    registerDevice,
    unregisterDevice: unregister,
    applicationOpen,
    setTags,
    registerUser,
    checkDevice,
    getConfig,
    messageDeliveryEvent: receipt('delivered'),
    pushStat: receipt('opened'),
  }),
)
