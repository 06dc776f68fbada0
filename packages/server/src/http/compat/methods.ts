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
  compatRegisterSchema,
  compatRegisterUserSchema,
  compatSetBadgeSchema,
  compatSetTagsSchema,
  compatTestDeviceSchema,
  compatUnregisterSchema,
  PushError,
} from '@roost/protocol'
import { readVapidPublicKey } from '../../credentials/credentials.ts'
import { messageIdOf, type ReceiptKind } from '../../insight/receipts.ts'
import { setBadge as setCountedBadge } from '../../messages/badges.ts'
import { removeActivityAddress, setActivityAddress } from '../../registry/activities.ts'
import { checkDevice as readPresence } from '../../registry/check.ts'
import { readTagsForClient } from '../../registry/default-tags.ts'
import { erase } from '../../registry/erase.ts'
import { countEvent } from '../../registry/events.ts'
import type { DeviceUpdate } from '../../registry/register.ts'
import { registerDevice as register } from '../../registry/registration.ts'
import { readTags } from '../../registry/tags.ts'
import { addTestDevice, refuseTooManyTestDevices } from '../../registry/test-devices.ts'
import { mergeFromDevice, withoutLateUser } from '../../registry/users.ts'
import { answerOf, type Call, type CompatMethod, method, updateFrom } from './call.ts'
import { getInboxMessages, inboxStatus } from './inbox.ts'

/** What a call that is not about the user says of its device. */
async function asideFrom(call: Call, request: CompatBase): Promise<DeviceUpdate> {
  return withoutLateUser(call.context.db, updateFrom(call, request))
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
const unregisterDevice = method(compatUnregisterSchema, async call => {
  const { context, request } = call
  const result = await context.registrations.apply({
    ...(await asideFrom(call, request)),
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

const applicationOpen = method(compatBaseSchema, async call => {
  await call.context.registrations.apply({
    ...(await asideFrom(call, call.request)),
    isOpen: !call.isReplay,
  })
  return null
})

const setTags = method(compatSetTagsSchema, async call => {
  const { tags, operations, skipped } = readTags(call.request.tags)
  const result = await call.context.registrations.apply({
    ...(await asideFrom(call, call.request)),
    tags,
    tagOperations: operations,
  })
  return { skipped: [...skipped, ...result.skipped] }
})

const getTags = method(compatGetTagsSchema, async ({ app, context, request }) => ({
  result: await readTagsForClient(context.db, {
    appId: app.id,
    hwid: request.hwid ?? null,
    userId: request.userId ?? null,
  }),
}))

const setBadge = method(compatSetBadgeSchema, async call => {
  const update = await asideFrom(call, call.request)
  const badge = call.request.badge ?? call.request.badges ?? 0
  await call.context.registrations.apply({ ...update, record: { ...update.record, badge } })
  await setCountedBadge(call.context.db, { appId: update.appId, hwid: update.hwid, badge })
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
const postEvent = method(compatEventSchema, async call => {
  const { app, context, request } = call
  const update = await asideFrom(call, request)
  await context.registrations.apply(update)
  await countEvent(context.db, {
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

const createTestDevice = method(compatTestDeviceSchema, async call => {
  const { app, context, request } = call
  const update = await asideFrom(call, request)
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
  call: Call,
  activity: { id: string | null; token: string; request: CompatBase },
): Promise<null> {
  const { app, context } = call
  const update = await asideFrom(call, activity.request)
  const target = { app, update, activityId: activity.id }
  if (activity.token === '') await removeActivityAddress(context, target)
  else await setActivityAddress(context, { ...target, token: activity.token })
  return null
}

const setActivityToken = method(compatActivityTokenSchema, async call => {
  const { request } = call
  return setActivity(call, { id: request.activity_id, token: request.activity_token ?? '', request })
})

const setActivityPushToStartToken = method(compatActivityStartTokenSchema, async call => {
  const { request } = call
  return setActivity(call, { id: null, token: request.activity_push_to_start_token ?? '', request })
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
  }),
)
