/** The kinds of credentials that can be uploaded, their fields, and the body of the upload that comes of them. */

/** How a field is filled in: typed, typed unseen, or read from a file (as text, base64 or JSON). */
export interface Field {
  readonly name: string
  readonly label: string
  readonly from: 'text' | 'secret' | 'text-file' | 'base64-file' | 'json-file'
  readonly hint?: string
  readonly isOptional?: boolean
  /** Of a file picker. */
  readonly accept?: string
}

export interface Kind {
  readonly id: string
  readonly label: string
  readonly gateway: string
  readonly kind: string
  readonly about: string
  readonly fields: readonly Field[]
}

const BUNDLE_ID = { name: 'bundleId', label: 'Bundle id', from: 'text', hint: 'com.example.app' } as const

export const KINDS: readonly Kind[] = [
  {
    id: 'p8',
    label: 'Apple: key (.p8)',
    gateway: 'apns',
    kind: 'p8',
    about:
      'developer.apple.com → Keys. It serves all apps of the team, both environments, and does not expire.',
    fields: [
      { name: 'p8', label: 'Key file', from: 'text-file', accept: '.p8', hint: 'AuthKey_XXXXXXXXXX.p8' },
      { name: 'keyId', label: 'Key id', from: 'text', hint: '10 characters, beside the key' },
      { name: 'teamId', label: 'Team id', from: 'text', hint: '10 characters, under Membership' },
      BUNDLE_ID,
    ],
  },
  {
    id: 'p12',
    label: 'Apple: certificate (.p12)',
    gateway: 'apns',
    kind: 'p12',
    about: 'Keychain Access → export certificate and key. App, environments and end are read from it.',
    fields: [
      { name: 'p12', label: 'Certificate file', from: 'base64-file', accept: '.p12,.pfx' },
      { name: 'password', label: 'Its password', from: 'secret', isOptional: true },
    ],
  },
  {
    id: 'service-account',
    label: 'Google: service account',
    gateway: 'fcm',
    kind: 'service-account',
    about: 'Firebase console → Project settings → Service accounts → Generate new private key.',
    fields: [{ name: 'serviceAccount', label: 'JSON file', from: 'json-file', accept: '.json' }],
  },
  {
    id: 'vapid',
    label: 'Browsers: VAPID key pair',
    gateway: 'webpush',
    kind: 'vapid',
    about:
      'Leave both keys empty to have a pair made. Bring your former pair when its subscriptions shall go on: they work with that one only.',
    fields: [
      {
        name: 'subject',
        label: 'Contact for push services',
        from: 'text',
        hint: 'mailto:you@example.com or https://example.com',
        isOptional: true,
      },
      { name: 'publicKey', label: 'Public key', from: 'text', isOptional: true },
      { name: 'privateKey', label: 'Private key', from: 'secret', isOptional: true },
    ],
  },
  {
    id: 'hms',
    label: 'Huawei: client id and secret',
    gateway: 'hms',
    kind: 'client',
    about: 'AppGallery Connect → Project settings → General information.',
    fields: [
      { name: 'appId', label: 'App id', from: 'text' },
      { name: 'clientId', label: 'Client id', from: 'text' },
      { name: 'clientSecret', label: 'Client secret', from: 'secret' },
    ],
  },
]

/** What a slot of the gateway can be replaced with. */
export function kindsFor(gateway: string): readonly Kind[] {
  return gateway === 'webpush' ? [VAPID_REPLACEMENT] : KINDS.filter(it => it.gateway === gateway)
}

/** Subscriptions live and die with the key pair that they were made with, so a slot never changes it. */
const VAPID_REPLACEMENT: Kind = {
  id: 'vapid',
  label: 'Browsers: VAPID key pair',
  gateway: 'webpush',
  kind: 'vapid',
  about: 'The key pair stays: subscriptions work with that one only. For another pair add a credential.',
  fields: [{ name: 'subject', label: 'Contact for push services', from: 'text' }],
}

/** The kind that replaces a credential best: the same, or for a PEM certificate the other form of it. */
export function kindFor({ gateway, kind }: { readonly gateway: string; readonly kind: string }): Kind {
  const ofGateway = kindsFor(gateway)
  return ofGateway.find(it => it.kind === kind) ?? ofGateway.at(-1) ?? (KINDS[0] as Kind)
}

export type Values = Readonly<Record<string, unknown>>

/** Whether all that must be there is. */
export function isComplete({ fields }: Kind, values: Values): boolean {
  return fields.every(({ name, isOptional }) => isOptional || (values[name] ?? '') !== '')
}

/** The body of the upload; what is empty is left out. */
export function uploadOf({ gateway, kind, fields }: Kind, values: Values): Record<string, unknown> {
  const given = fields.map(({ name }) => [name, values[name]] as const)
  return { gateway, kind, ...Object.fromEntries(given.filter(([, value]) => (value ?? '') !== '')) }
}

/** The value of a file for its field. Throws with words for people. */
export async function readFileFor({ from, label }: Field, file: Blob): Promise<unknown> {
  if (from === 'base64-file') return toBase64(new Uint8Array(await file.arrayBuffer()))
  const text = await file.text()
  if (from !== 'json-file') return text
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${label}: this is no JSON. Give the file as it was downloaded.`)
  }
}

/** Apple puts the key id into the name of the key's file. */
export function keyIdIn(fileName: string): string | undefined {
  return /^AuthKey_([A-Z0-9]{10})\.p8$/.exec(fileName)?.[1]
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
}
