/**
 * What a phone does with a push: whether it shows something, which words, and whether it reports the delivery.
 *
 * The rules differ by platform. An iOS app reports from its notification service extension, which runs for shown
 * notifications with `mutable-content` only. An Android client, the same one on Huawei's phones, ignores data without
 * `pw_msg`, and calls the text `title` and the title `header`. A web client reports every push that has a hash, silent
 * ones too.
 */
import { type AcceptedPush, isRecord } from '../gateway/air.ts'
import type { Fields } from './device-api.ts'

export type PhoneKind = 'ios' | 'android' | 'web' | 'hms'

export interface Display {
  readonly title: string | undefined
  readonly body: string | undefined
  /** False for a push that works in the background only. */
  readonly isVisible: boolean
  readonly reportsDelivery: boolean
}

/** Undefined when the client ignores the push altogether. */
export function displayOf(kind: PhoneKind, push: AcceptedPush): Display | undefined {
  return push.payload === undefined ? undefined : READERS[kind](push.payload)
}

type Reader = (payload: Fields) => Display | undefined

const readAndroid: Reader = payload => {
  const shown = isRecord(payload.notification) ? payload.notification : undefined
  if (payload.pw_msg !== '1' && shown === undefined) return undefined
  const isVisible = !isTrue(payload.silent) && !isTrue(payload.pw_silent)
  const title = text(shown?.title) ?? text(payload.header)
  return { title, body: text(shown?.body) ?? text(payload.title), isVisible, reportsDelivery: true }
}

const READERS: Readonly<Record<PhoneKind, Reader>> = {
  ios: payload => {
    const aps = isRecord(payload.aps) ? payload.aps : {}
    const alert = isRecord(aps.alert) ? aps.alert : { body: aps.alert }
    const isVisible = aps.alert !== undefined
    const reportsDelivery = isVisible && aps['mutable-content'] === 1
    return { title: text(alert.title), body: text(alert.body), isVisible, reportsDelivery }
  },
  android: readAndroid,
  hms: readAndroid,
  web: payload => {
    const root = isRecord(payload.data) ? { ...payload, ...payload.data } : payload
    const isVisible = !isTrue(root.silent)
    return {
      title: text(root.header) ?? text(root.title),
      body: text(root.body),
      isVisible,
      reportsDelivery: true,
    }
  },
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function isTrue(value: unknown): boolean {
  return value === true || value === 1 || value === '1' || value === 'true'
}
