/**
 * The methods of the device protocol that this version serves. All of them take a device that was never seen:
 * clients stop registering when one of these fails for an unknown hwid.
 */
import {
  type CompatBase,
  compatActivityStartTokenSchema,
  compatActivityTokenSchema,
  compatBaseSchema,
  compatEventSchema,
  compatGetTagsSchema,
  compatMergeUserSchema,
  compatReceiptSchema,
  compatReceiptsSchema,
  compatRegisterSchema,
  compatRegisterUserSchema,
  compatSetBadgeSchema,
  compatSetTagsSchema,
  compatTestDeviceSchema,
  compatUnregisterSchema,
  PushError,
  type ReceiptKind,
} from '@roost/protocol'
import type { z } from 'zod'
import { readVapidPublicKey } from '../../credentials/credentials.ts'
import { type ReceiptClaim, receiptOf } from '../../insight/receipts.ts'
import { setBadge as setCountedBadge } from '../../messages/badges.ts'
import { checkDevice as readPresence } from '../../registry/check.ts'
import { erase } from '../../registry/erase/erase.ts'
import { removeActivityAddress, setActivityAddress } from '../../registry/register/activities.ts'
import { registerDevice as register } from '../../registry/register/registration.ts'
import type { DeviceUpdate } from '../../registry/register/update.ts'
import { readTagsForClient } from '../../registry/tags/default-tags.ts'
import { readTags } from '../../registry/tags/tags.ts'
import { addTestDevice, refuseTooManyTestDevices } from '../../registry/test-devices.ts'
import { mergeFromDevice, withoutLateUser } from '../../registry/users.ts'
import { answerOf, type Call, type CompatMethod, method, updateFrom } from './call.ts'
import { getInboxMessages, inboxStatus } from './inbox.ts'

/**
 * A method that is not about the user: it gets what its call says of the device aside from that. Where the call names
 * somebody else than the device belongs to, the answer says in `ignored` that this changed nothing.
 */
function aside<Schema extends z.ZodType<CompatBase>>(
  schema: Schema,
  handle: (
    call: Call & { readonly request: z.infer<Schema>; readonly update: DeviceUpdate },
  ) => Promise<object | null>,
): CompatMethod {
  return method(schema, async call => {
    const { update, isUserIgnored } = await withoutLateUser(call.context.db, updateFrom(call, call.request))
    const answer = await handle({ ...call, update })
    return isUserIgnored ? { ...answer, ignored: ['userId'] } : answer
  })
}

const registerDevice = method(compatRegisterSchema, async call => {
  const { app, context, request } = call
  const result = await register(context, {
    app,
    update: { ...updateFrom(call, request), clientSeq: request.client_seq ?? null },
    tokens: request,
    tags: request.tags ?? {},
  })
  return answerOf(result)
})

/** Succeeds for devices never seen, since clients call it before they register for the first time. */
const unregisterDevice = aside(compatUnregisterSchema, async ({ context, request, update }) => {
  const result = await context.registrations.apply({
    ...update,
    isUnregister: true,
    clientSeq: request.client_seq ?? null,
  })
  return answerOf(result)
})

/** Everything of the device goes; one that is not there is as it should be. */
const deleteDevice = method(compatBaseSchema, async ({ app, context, request }) => {
  // The device token is public: looking through all messages for made-up names is not for everybody to ask for.
  if (!(await readPresence(context.db, { appId: app.id, hwid: request.hwid })).isKnown) return null
  const wanted = { appId: app.id, target: { hwid: request.hwid }, by: 'device', at: context.clock.now() }
  await erase(context.db, wanted).catch((error: unknown) => {
    if (!(error instanceof PushError && error.code === 'device_unknown')) throw error
  })
  return null
})

const applicationOpen = aside(compatBaseSchema, async ({ context, update, isReplay }) => {
  await context.registrations.apply({ ...update, isOpen: !isReplay })
  if (!isReplay) context.openings.note(update)
  return null
})

const setTags = aside(compatSetTagsSchema, async ({ context, request, update }) => {
  const { tags, operations, skipped } = readTags(request.tags)
  const result = await context.registrations.apply({ ...update, tags, tagOperations: operations })
  return { skipped: [...skipped, ...result.skipped] }
})

const getTags = method(compatGetTagsSchema, async ({ app, context, request }) => ({
  result: await readTagsForClient(context.db, {
    appId: app.id,
    hwid: request.hwid ?? null,
    userId: request.userId ?? null,
  }),
}))

const setBadge = aside(compatSetBadgeSchema, async ({ context, request, update }) => {
  const badge = request.badge ?? request.badges ?? 0
  await context.registrations.apply({ ...update, record: { ...update.record, badge } })
  await setCountedBadge(context.db, { appId: update.appId, hwid: update.hwid, badge })
  return null
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

const mergeUser = method(compatMergeUserSchema, async call => {
  const { app, context, request } = call
  await mergeFromDevice(context, {
    appId: app.id,
    update: { ...updateFrom(call, request), userId: request.newUserId },
    from: request.oldUserId,
    into: request.newUserId,
    areAllMeant: request.merge ?? false,
  })
  return null
})

const checkDevice = method(compatBaseSchema, async ({ app, context, request }) => {
  const { isKnown, hasAddress } = await readPresence(context.db, { appId: app.id, hwid: request.hwid })
  return { exist: isKnown, push_token_exist: hasAddress }
})

const getConfig = method(compatBaseSchema, async ({ app, context }) => {
  const key = await readVapidPublicKey(context.db, app.id)
  return { features: key === null ? {} : { vapid_key: key } }
})

/** Every field that clients look for is there; nothing is asked of them in return yet. */
const postEvent = aside(compatEventSchema, async ({ app, context, request, update }) => {
  await context.registrations.apply(update)
  await context.events.post({
    appId: app.id,
    hwid: request.hwid,
    name: request.event,
    attributes: request.attributes ?? null,
    at: update.at,
  })
  return { code: '', required: false }
})

/** Clients ask at each start. In-app messages and pop-ups are not served, so there are none. */
const getInApps = method(compatBaseSchema, async () => ({ inApps: [] }))
const getPopupForms = method(compatBaseSchema, async () => ({ popup_forms: [] }))

const createTestDevice = aside(compatTestDeviceSchema, async ({ app, context, request, update }) => {
  const device = {
    appId: app.id,
    hwid: request.hwid,
    name: request.name ?? request.hwid,
    description: request.description ?? null,
    at: update.at,
  }
  await refuseTooManyTestDevices(context.db, device)
  const { device_type } = request
  if ((request.push_token ?? '').trim() === '') await context.registrations.apply(update)
  else if (device_type === undefined)
    throw new PushError(
      'input_invalid',
      'request.device_type: it says whose push_token this is; it is missing',
    )
  else await register(context, { app, update, tokens: { ...request, device_type }, tags: {} })
  await addTestDevice(context.db, device)
  return null
})

async function setActivity(
  { app, context, update }: Call & { readonly update: DeviceUpdate },
  activity: { readonly id: string | null; readonly token: string },
): Promise<null> {
  const target = { app, update, activityId: activity.id }
  if (activity.token === '') await removeActivityAddress(context, target)
  else await setActivityAddress(context, { ...target, token: activity.token })
  return null
}

const setActivityToken = aside(compatActivityTokenSchema, async call => {
  const { request } = call
  return setActivity(call, { id: request.activity_id, token: request.activity_token ?? '' })
})

const setActivityPushToStartToken = aside(compatActivityStartTokenSchema, async call => {
  return setActivity(call, { id: null, token: call.request.activity_push_to_start_token ?? '' })
})

/** What a device says of one, in the words of all these calls; `age` in seconds. */
interface SaidOfReceipt {
  readonly kind: ReceiptKind
  readonly hash: string
  readonly receipt_key?: string | undefined
  readonly age?: number | undefined
  readonly reason?: string | undefined
}

function claimOf({ app, context }: Call, hwid: string, said: SaidOfReceipt): ReceiptClaim {
  const { kind, hash, receipt_key: signature, age = 0, reason } = said
  return { appId: app.id, hwid, hash, kind, signature, reason, at: context.clock.now() - age * 1000 }
}

/** A hash that is none of ours is no error: clients pass on whatever a push carried. */
function receipt(kind: ReceiptKind): CompatMethod {
  return method(compatReceiptSchema, async call => {
    const { context, request } = call
    const claim = claimOf(call, request.hwid, { ...request, kind })
    const told = receiptOf(claim, context.signer, context.clock.now())
    if (told !== null) await context.receipts.add(told)
    return null
  })
}

const postReceipts = method(compatReceiptsSchema, async call => {
  const { context, request } = call
  const told = request.receipts.flatMap(
    it =>
      receiptOf(
        claimOf(call, request.hwid, { ...it, age: it.age ?? request.age }),
        context.signer,
        context.clock.now(),
      ) ?? [],
  )
  await context.receipts.addAll(told)
  return null
})

export const METHODS: ReadonlyMap<string, CompatMethod> = new Map(
  Object.entries({
    registerDevice,
    unregisterDevice,
    deleteDevice,
    applicationOpen,
    setTags,
    getTags,
    setBadge,
    registerUser,
    mergeUser,
    checkDevice,
    getConfig,
    postEvent,
    getInboxMessages,
    inboxStatus,
    getInApps,
    getPopupForms,
    createTestDevice,
    setActivityToken,
    setActivityPushToStartToken,
    messageDeliveryEvent: receipt('delivered'),
    pushStat: receipt('opened'),
    postReceipts,
  }),
)
