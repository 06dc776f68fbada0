/**
 * What the pushes of a call show and carry. Whatever was given for the call is data and no template: a caller may be called `{{x}}`.
 */
import type { CallCaller, CallMedia, CallText, Content, DeviceCallState, NewMessage } from '@roost/protocol'
import { PushError } from '@roost/protocol'
import { isTemplate } from '../messages/template.ts'
import type { StoredCall } from './store.ts'

/** What the devices of one callee are told of a call. */
export interface ToldCall {
  readonly id: string
  readonly version: number
  readonly userId: string
  /** Of the devices that it is told to. */
  readonly state: DeviceCallState
  readonly media: CallMedia
  readonly caller: CallCaller
  readonly data: Readonly<Record<string, unknown>>
  readonly texts: CallTexts
  /** ms. */
  readonly createdAt: number
  readonly ringUntil: number
}

export interface CallTexts {
  readonly ringing?: CallText | undefined
  readonly missed?: CallText | undefined
}

/** What one callee is told; `version` counts the change that it tells of. */
export function toldOf(
  call: Omit<StoredCall, 'appId' | 'callees'>,
  { userId, state }: Pick<ToldCall, 'userId' | 'state'>,
): ToldCall {
  const { callId: id, version, media, caller, data, createdAt, ringUntil } = call
  const { ringing, missed } = call.texts
  return { id, version, userId, state, media, caller, data, texts: { ringing, missed }, createdAt, ringUntil }
}

/** All pushes of a call replace each other. 41 bytes. */
export function collapseKeyOf({ id }: Pick<ToldCall, 'id'>): string {
  return `call-${id}`
}

/** In the order that docs/calls.md promises. */
const BUTTONS = [{ title: 'Accept' }, { title: 'Decline' }]
const URGENT = {
  webPush: { urgency: 'high' },
  apns: { priority: 10, sound: 'default', interruptionLevel: 'time-sensitive' },
} as const

export function ringingContent(call: ToldCall): Content {
  const { media, caller, texts } = call
  const body = media === 'video' ? 'Incoming video call' : 'Incoming call'
  return {
    ...textOf(texts.ringing, { title: literal(caller.name), body }),
    ...(caller.image !== undefined && { icon: literal(caller.image) }),
    ...URGENT,
    ...(texts.ringing?.sound !== undefined && { apns: { ...URGENT.apns, sound: texts.ringing.sound } }),
    buttons: BUTTONS,
    data: dataOf(call),
  }
}

/** PushKit shows nothing by itself: the app tells the system what it is called. */
export function voipContent(call: ToldCall): Content {
  // A push type of this house alone: a sender who could choose it would send it to tokens of another kind.
  return {
    title: literal(call.caller.name),
    apns: { pushType: 'voip' as 'alert', priority: 10 },
    data: dataOf(call),
  }
}

export function missedContent(call: ToldCall): Content {
  const { caller, texts } = call
  return {
    ...textOf(texts.missed, { title: literal(caller.name), body: 'Missed call' }),
    ...(texts.missed?.sound === undefined && { apns: { sound: 'default' } }),
    data: dataOf(call),
  }
}

/** In the place of what rings: nothing to be heard. */
export function overContent(call: ToldCall, aftermath: 'answered' | 'declined'): Content {
  return {
    title: literal(call.caller.name),
    body: aftermath === 'answered' ? 'Answered on another device' : 'Declined',
    apns: { interruptionLevel: 'passive' },
    data: dataOf(call),
  }
}

type Words = Pick<CallText, 'title' | 'body'>

/** What is left out of a text is as without it, but for its languages, which say all of theirs. */
function textOf(given: CallText | undefined, otherwise: Words): Words & Omit<CallText, 'title' | 'body'> {
  return { ...otherwise, ...given }
}

function dataOf({ texts: _, createdAt, ringUntil, ...call }: ToldCall): Record<string, unknown> {
  const told = {
    ...call,
    createdAt: new Date(createdAt).toISOString(),
    ringUntil: new Date(ringUntil).toISOString(),
  }
  return { call: literal(told) }
}

const RAW_END = /\{%-?\s*endraw/

/** Texts anywhere in a value may be templates of a message; here they are what they say. Throws `input_invalid` for what can't be. */
export function literal<Value>(value: Value): Value {
  if (typeof value === 'string') return rawOf(value) as Value
  if (Array.isArray(value)) return value.map(it => literal<unknown>(it)) as Value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, literal<unknown>(part)]),
  ) as Value
}

function rawOf(text: string): string {
  if (!isTemplate(text)) return text
  if (RAW_END.test(text))
    throw new PushError(
      'input_invalid',
      'body: a text has "{% endraw %}" in it, which ends what is no template',
    )
  return `{% raw %}${text}{% endraw %}`
}

/** What all of them ask for besides. */
export const CALL_MESSAGE = {
  priority: 'high',
  rules: { kind: 'transactional' },
} as const satisfies Partial<NewMessage>
