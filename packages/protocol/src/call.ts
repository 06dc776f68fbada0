/**
 * Calls: a person's devices ring until one of them answers, the caller gives up, or the time is over. docs/calls.md has the states, the
 * frames of the live channel and what comes by push.
 */
import { z } from 'zod'
import { BODY_CHARACTERS, TITLE_CHARACTERS } from './content.ts'
import { OWN_WORDS } from './field-fault.ts'
import { HWID_CHARACTERS, USER_ID_CHARACTERS } from './limits.ts'

export const RING_SECONDS_DEFAULT = 30
export const RING_SECONDS_MIN = 5
export const RING_SECONDS_MAX = 120
/** Of a group call. Each has devices of their own, and all of them ring. */
export const CALLEES_MAX = 20
/** As JSON. It goes with every push, and the smallest of the gateways takes 4 KB in all. */
export const CALL_DATA_BYTES = 2048
const CALLER_NAME_CHARACTERS = 128
const IMAGE_CHARACTERS = 1024

/** Of a callee, and of a call as a whole: the most that any of its callees has come to. */
export const CALL_STATES = ['ringing', 'accepted', 'rejected', 'busy', 'cancelled', 'timed_out'] as const
export const callStateSchema = z.enum(CALL_STATES)
export type CallState = z.infer<typeof callStateSchema>

/** What a device of a callee is told: of the others, one has answered. */
export const DEVICE_CALL_STATES = [...CALL_STATES, 'answered_elsewhere'] as const
export const deviceCallStateSchema = z.enum(DEVICE_CALL_STATES)
export type DeviceCallState = z.infer<typeof deviceCallStateSchema>

/** What a device says of a call: that it rings (so no push has to follow), or what its user has decided. `cancel` is the caller's. */
export const CALL_EVENTS = ['ringing', 'accept', 'reject', 'busy', 'cancel'] as const
export const callEventSchema = z.enum(CALL_EVENTS)
export type CallEvent = z.infer<typeof callEventSchema>

export const callMediaSchema = z.enum(['audio', 'video'])
export type CallMedia = z.infer<typeof callMediaSchema>

const userId = z.string().min(1).max(USER_ID_CHARACTERS)

export const callerSchema = z.strictObject({
  /** Shown while it rings. */
  name: z.string().trim().min(1).max(CALLER_NAME_CHARACTERS),
  /** Of this app: the devices of this user hear what becomes of the call. */
  userId: userId.optional(),
  /** https URL of a portrait, for browsers and Android. */
  image: z
    .url({ protocol: /^https$/, error: OWN_WORDS.https_url })
    .max(IMAGE_CHARACTERS)
    .optional(),
})
export type CallCaller = z.infer<typeof callerSchema>

const words = {
  title: z.string().min(1).max(TITLE_CHARACTERS).optional(),
  body: z.string().min(1).max(BODY_CHARACTERS).optional(),
}

/** By a language as in "pt" or "pt-BR". */
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/

export const callTextSchema = z.strictObject({
  ...words,
  sound: z.string().min(1).max(256).optional(),
  /** iOS: of the app's notification categories, with its buttons. */
  category: z.string().min(1).max(256).optional(),
  /** Android and Huawei: the app's notification channel. */
  channel: z.string().min(1).max(256).optional(),
  languages: z.record(z.string().regex(LANGUAGE), z.strictObject(words)).optional(),
})
export type CallText = z.infer<typeof callTextSchema>

export const newCallSchema = z.strictObject({
  /** Of the sender's own making; a repeat of the same call changes nothing. Default: a new one. */
  id: z.uuid().optional(),
  caller: callerSchema,
  /** Users; more than one is a group call, in which each rings and answers for themselves. */
  callees: z
    .array(userId)
    .min(1)
    .max(CALLEES_MAX)
    .refine(it => new Set(it).size === it.length, 'a callee is there twice'),
  media: callMediaSchema.default('audio'),
  /** For so long it rings. */
  ringSeconds: z.int().min(RING_SECONDS_MIN).max(RING_SECONDS_MAX).default(RING_SECONDS_DEFAULT),
  /** For the app: the room, a token to join it. */
  data: z
    .record(z.string(), z.unknown())
    .refine(
      it => new TextEncoder().encode(JSON.stringify(it)).byteLength <= CALL_DATA_BYTES,
      `at most ${CALL_DATA_BYTES} bytes as JSON`,
    )
    .optional(),
  /** Instead of the caller's name and "Incoming call". */
  ringing: callTextSchema.optional(),
  /** Instead of the caller's name and "Missed call". */
  missed: callTextSchema.optional(),
})
export type NewCall = z.infer<typeof newCallSchema>

const shared = {
  id: z.string(),
  media: callMediaSchema,
  caller: callerSchema,
  createdAt: z.string(),
  /** When it stops by itself. */
  ringUntil: z.string(),
  data: z.record(z.string(), z.unknown()),
}

export const CALL_ROADS = ['socket', 'push', 'voip'] as const

export const calleeSchema = z.object({
  userId: z.string(),
  state: callStateSchema,
  /** Of the device that answered; null when it was none. */
  by: z.string().nullable(),
  changedAt: z.string(),
  devices: z.array(
    z.object({
      hwid: z.string(),
      state: deviceCallStateSchema,
      /** By which it was to ring; empty when it has no address and was not connected. */
      roads: z.array(z.enum(CALL_ROADS)),
      /** When it said that it rings; null when it did not. */
      rangAt: z.string().nullable(),
    }),
  ),
})
export type CalleeView = z.infer<typeof calleeSchema>

export const callSchema = z.object({ ...shared, state: callStateSchema, callees: z.array(calleeSchema) })
export type CallView = z.infer<typeof callSchema>

/** What the devices of the caller are told of each callee. */
const calleeStateSchema = z.object({
  userId: z.string(),
  state: callStateSchema,
  by: z.string().nullable(),
})

/** A call in a list: without its data, and the devices of its callees. */
export const listedCallSchema = callSchema
  .omit({ data: true })
  .extend({ callees: z.array(calleeStateSchema) })
export type ListedCall = z.infer<typeof listedCallSchema>

/** The newest first. */
export const callListSchema = z.object({
  calls: z.array(listedCallSchema),
  /** To give as `after`; null on the last page. */
  next: z.string().nullable(),
})
export type CallList = z.infer<typeof callListSchema>

/** A call as one device sees it. */
export const deviceCallSchema = z.object({
  ...shared,
  role: z.enum(['callee', 'caller']),
  state: deviceCallStateSchema,
  /** It goes up with every change: what has a lower one is older. */
  version: z.int(),
  /** How much longer it rings, ms, for devices whose clock is wrong; 0 when it does not ring. */
  ringMs: z.int(),
  /** Of the caller's devices alone. */
  callees: z.array(calleeStateSchema).optional(),
})
export type DeviceCall = z.infer<typeof deviceCallSchema>

export const deviceCallListSchema = z.object({ calls: z.array(deviceCallSchema) })

/** By a back end: on behalf of a callee. */
export const callAnswerSchema = z.strictObject({
  userId,
  /** The device that has answered; without it the callee has, on none of the devices. */
  hwid: z.string().min(1).max(HWID_CHARACTERS).optional(),
})
export type CallAnswer = z.infer<typeof callAnswerSchema>

/** From a device, over the live channel. */
export const callFrameSchema = z.object({
  type: z.literal('call'),
  callId: z.uuid(),
  event: callEventSchema,
})
export type CallFrame = z.infer<typeof callFrameSchema>

/** To a device, over the live channel. */
export type CallServerFrame =
  /** The call as it is by now. */
  | { readonly type: 'call'; readonly userId: string | null; readonly call: DeviceCall }
  /** What became of what the device has said. */
  | {
      readonly type: 'call-answer'
      readonly callId: string
      readonly event: CallEvent
      /** False: it came too late, or is not this device's to say. */
      readonly taken: boolean
      /** Null when the device has no such call. */
      readonly call: DeviceCall | null
      /** Of docs/errors.md; absent when it was taken. */
      readonly code?: string
      readonly detail?: string
    }
