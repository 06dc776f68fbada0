/** What the form of the tester holds, and the body of `POST …/push-test` that comes of it. */

export interface TestForm {
  readonly to: 'device' | 'address'
  readonly hwid: string
  /** The token; for Web Push the subscription as JSON. */
  readonly address: string
  readonly environment: string
  readonly title: string
  readonly body: string
  readonly url: string
  /** JSON, or empty. */
  readonly options: string
  readonly isDryRun: boolean
}

export const EMPTY_FORM: TestForm = {
  to: 'address',
  hwid: '',
  address: '',
  environment: 'production',
  title: '',
  body: '',
  url: '',
  options: '',
  isDryRun: false,
}

/** Only these check without delivering. */
export function hasDryRun(gateway: string): boolean {
  return gateway === 'fcm' || gateway === 'hms'
}

interface Chosen {
  readonly id: string
  readonly gateway: string
}

/** A field that holds no JSON object. */
export class NoObject extends Error {
  readonly field: 'options' | 'subscription'

  constructor(field: 'options' | 'subscription') {
    super(`${field} is no JSON object`)
    this.field = field
  }
}

/** Throws `NoObject`. */
export function inputOf(form: TestForm, { id, gateway }: Chosen): object {
  const { title, body, url, options } = form
  const shown = Object.entries({ title, body, url }).filter(([, text]) => text.trim() !== '')
  return {
    credential: { id },
    address: form.to === 'device' ? { hwid: form.hwid.trim() } : addressOf(form, gateway),
    notification: { ...Object.fromEntries(shown), ...parseObject('options', options || '{}') },
    ...(form.isDryRun && hasDryRun(gateway) && { validateOnly: true }),
  }
}

function addressOf({ address, environment }: TestForm, gateway: string): object {
  if (gateway === 'webpush') {
    const { endpoint, keys, p256dh, auth } = parseObject('subscription', address)
    // Browsers put the keys into an object of their own.
    const both =
      typeof keys === 'object' && keys !== null ? (keys as Record<string, unknown>) : { p256dh, auth }
    return { provider: gateway, subscription: { endpoint, p256dh: both.p256dh, auth: both.auth } }
  }
  return { provider: gateway, token: address.trim(), ...(gateway === 'apns' && { environment }) }
}

function parseObject(field: NoObject['field'], text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // told below
  }
  throw new NoObject(field)
}
