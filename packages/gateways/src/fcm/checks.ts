/**
 * What Google is known to refuse in a message, said before it is sent and in words: its own answer to some of these
 * names no field and could as well be about the token. And what the app would take for ours.
 *
 * Names are not checked against a list: Google adds fields, and tells an unknown one by its name.
 * Source: Firebase, "REST Resource: projects.messages".
 */
import { isObject } from '../answer.ts'
import { describeDeviceField } from '../device-fields.ts'
import { MAX_TTL_SECONDS } from './settings.ts'

type Fields = Readonly<Record<string, unknown>>

const ANALYTICS_LABEL = /^[a-zA-Z0-9-_.~%]{1,50}$/
const DURATION = /^\d+(?:\.\d{1,9})?s$/
const PLATFORMS = ['android', 'webpush', 'apns']

/** What is wrong with the message, field by field; `undefined` when nothing is known to be. */
export function describeFault(message: Fields): string | undefined {
  const android = objectIn(message, 'android')
  return (
    shapeFault(message) ??
    dataFault('data', message.data) ??
    dataFault('android.data', android?.data) ??
    dataFault('webpush.data', objectIn(message, 'webpush')?.data) ??
    describeDeviceField('apns.payload', objectIn(message, 'apns')?.payload) ??
    ttlFault(android?.ttl) ??
    priorityFault(android?.priority) ??
    textFault('android.collapse_key', android?.collapse_key) ??
    textFault('android.restricted_package_name', android?.restricted_package_name) ??
    headersFault(message) ??
    labelFault(message) ??
    linkFault(message)
  )
}

function shapeFault(message: Fields): string | undefined {
  const names = ['data', 'notification', 'fcm_options', ...PLATFORMS]
  const name = names.find(it => message[it] !== undefined && !isObject(message[it]))
  return name === undefined ? undefined : `${name} is no object`
}

function dataFault(path: string, data: unknown): string | undefined {
  if (data === undefined) return undefined
  if (!isObject(data)) return `${path} is no object`
  for (const [key, value] of Object.entries(data)) {
    if (typeof value !== 'string') return `${path}: the value of "${key}" is no text; FCM takes texts only`
    if (isReserved(key)) return `${path}: the key "${key}" is reserved by Google`
  }
  return describeDeviceField(path, data)
}

function isReserved(key: string): boolean {
  const isName = key === 'from' || key === 'message_type'
  return isName || key.startsWith('google.') || key.startsWith('gcm.notification.')
}

function ttlFault(ttl: unknown): string | undefined {
  if (ttl === undefined) return undefined
  if (typeof ttl !== 'string' || !DURATION.test(ttl)) {
    return `android.ttl is ${JSON.stringify(ttl)}; it is written "3600s"`
  }
  if (Number.parseFloat(ttl) <= MAX_TTL_SECONDS) return undefined
  return `android.ttl is ${ttl}; 0s to ${MAX_TTL_SECONDS}s (28 days) are allowed`
}

function priorityFault(priority: unknown): string | undefined {
  if (priority === undefined) return undefined
  if (typeof priority === 'string' && /^(?:normal|high)$/i.test(priority)) return undefined
  return `android.priority is ${JSON.stringify(priority)}; NORMAL and HIGH are allowed`
}

function textFault(path: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return undefined
  return `${path} is ${JSON.stringify(value)}; it is a text`
}

function headersFault(message: Fields): string | undefined {
  for (const part of ['apns', 'webpush']) {
    const headers = objectIn(message, part)?.headers
    if (headers === undefined) continue
    if (!isObject(headers)) return `${part}.headers is no object`
    const wrong = Object.keys(headers).find(name => typeof headers[name] !== 'string')
    if (wrong !== undefined) return `${part}.headers: the value of "${wrong}" is no text`
  }
  return undefined
}

function labelFault(message: Fields): string | undefined {
  for (const part of ['', ...PLATFORMS]) {
    const label = optionsIn(message, part)?.analytics_label
    if (label === undefined || (typeof label === 'string' && ANALYTICS_LABEL.test(label))) continue
    const path = part === '' ? 'fcm_options' : `${part}.fcm_options`
    return `${path}.analytics_label: 1 to 50 letters, digits and - _ . ~ % are allowed`
  }
  return undefined
}

function linkFault(message: Fields): string | undefined {
  const link = optionsIn(message, 'webpush')?.link
  if (link === undefined || (typeof link === 'string' && link.startsWith('https://'))) return undefined
  return 'webpush.fcm_options.link: an https address is wanted'
}

function optionsIn(message: Fields, part: string): Fields | undefined {
  return objectIn(part === '' ? message : (objectIn(message, part) ?? {}), 'fcm_options')
}

function objectIn(fields: Fields, name: string): Fields | undefined {
  const value = fields[name]
  return isObject(value) ? value : undefined
}
