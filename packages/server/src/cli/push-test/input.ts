/** What is sent, and to whom: from options and files, in the shape of `POST …/push-test`. */
import { readFile } from 'node:fs/promises'
import { type NewPushTest, newPushTestSchema } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'

export interface AddressOptions {
  readonly token?: string
  readonly subscription?: string
  readonly sandbox?: boolean
  readonly kind?: string
  readonly hwid?: string
}

export interface NotificationOptions {
  readonly title?: string
  readonly body?: string
  readonly image?: string
  readonly open?: string
  readonly sound?: string
  readonly badge?: string
  readonly data?: string
  readonly silent?: boolean
  readonly pushType?: string
  readonly ttl?: string
  readonly collapseKey?: string
  readonly priority?: string
  readonly notification?: string
}

type Fields = Readonly<Record<string, unknown>>

/** Throws StartError with every fault. */
export function validate(input: Fields): NewPushTest {
  const parsed = newPushTestSchema.safeParse(input)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new StartError(
    `this can't be sent:\n  ${faults.join('\n  ')}`,
    'Correct these; "roost push-test --help" has examples.',
  )
}

export async function addressFrom(options: AddressOptions, gateway: string): Promise<Fields> {
  const { token, subscription, sandbox, kind, hwid } = options
  const named = [token, subscription, hwid].filter(it => it !== undefined)
  if (named.length !== 1)
    throw new StartError(
      named.length === 0 ? 'no address is named' : 'more than one address is named',
      'Give one of --token, --subscription and --hwid.',
    )
  if (hwid !== undefined) return { hwid }
  return {
    provider: gateway,
    ...(token === undefined ? {} : { token }),
    ...(subscription === undefined ? {} : { subscription: flat(await readJsonFile(subscription)) }),
    ...(sandbox ? { environment: 'sandbox' } : {}),
    ...(kind === undefined ? {} : { kind }),
  }
}

/** Browsers put the keys of a subscription into an object of their own. */
function flat({ endpoint, keys, p256dh, auth }: Fields): Fields {
  return { endpoint, ...(typeof keys === 'object' && keys !== null ? pick(keys) : { p256dh, auth }) }
}

function pick(keys: object): Fields {
  const { p256dh, auth } = keys as Fields
  return { p256dh, auth }
}

/** Something to see when nothing is said, since "did it arrive?" is the question. */
const DEFAULT_CONTENT = { title: 'Roost', body: 'This is a test.' }

export async function notificationFrom(options: NotificationOptions): Promise<Fields> {
  const { title, body, image, open, sound, priority, collapseKey, pushType } = options
  const file = options.notification === undefined ? {} : await readJsonFile(options.notification)
  const content = defined({
    title,
    body,
    image,
    url: open,
    sound,
    priority,
    collapseKey,
    badge: numberIn('--badge', options.badge),
    ttlSeconds: numberIn('--ttl', options.ttl),
    data: options.data === undefined ? undefined : parseJson('--data', options.data),
    apns: pushType === undefined ? undefined : { ...(file.apns as object | undefined), pushType },
  })
  const all = { ...file, ...content }
  const shows = ['title', 'body', 'data', 'badge', 'sound', 'apns', 'fcm', 'webPush', 'hms'].some(
    it => it in all,
  )
  return shows || options.silent ? all : { ...DEFAULT_CONTENT, ...all }
}

function numberIn(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d+$/.test(text)) return Number(text)
  throw new StartError(`${name}: "${text}" is no whole number from 0 on`, 'Write it in digits.')
}

function defined(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

/** Throws StartError. */
export async function readTextFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: Error) => {
    throw new StartError(`${file} can't be read: ${error.message}`, 'Check the name and the permissions.')
  })
}

/** Throws StartError. What is wrong inside is not quoted: keys are in these files. */
export async function readJsonFile(file: string): Promise<Fields> {
  return parseJson(file, await readTextFile(file))
}

function parseJson(name: string, text: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new StartError(`${name}: this is no JSON`, 'Give the file as it was downloaded, whole.')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new StartError(`${name}: this is no JSON object`, 'It begins with { and ends with }.')
}
