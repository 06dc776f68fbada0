/** The kinds of credentials that can be uploaded, their fields, and the body of the upload that comes of them. */

/** How a field is filled in: typed, typed unseen, or read from a file (as text, base64 or JSON). */
export interface Field {
  readonly name: FieldName
  readonly from: 'text' | 'secret' | 'text-file' | 'base64-file' | 'json-file'
  /** An example in no language; those in words are texts. */
  readonly sample?: string
  readonly isOptional?: boolean
  /** Of a file picker. */
  readonly accept?: string
}

/** Each has a text `field.…`. */
type FieldName =
  | 'p8'
  | 'keyId'
  | 'teamId'
  | 'bundleId'
  | 'p12'
  | 'password'
  | 'serviceAccount'
  | 'subject'
  | 'publicKey'
  | 'privateKey'
  | 'appId'
  | 'clientId'
  | 'clientSecret'

/** Each has the texts `kindOf.…` and `kindOf.….about`. */
export interface Kind {
  readonly id: 'p8' | 'p12' | 'service-account' | 'vapid' | 'hms'
  readonly about?: 'kindOf.vapid.replace'
  readonly gateway: string
  readonly kind: string
  readonly fields: readonly Field[]
}

export const KINDS: readonly Kind[] = [
  {
    id: 'p8',
    gateway: 'apns',
    kind: 'p8',
    fields: [
      { name: 'p8', from: 'text-file', accept: '.p8', sample: 'AuthKey_XXXXXXXXXX.p8' },
      { name: 'keyId', from: 'text' },
      { name: 'teamId', from: 'text' },
      { name: 'bundleId', from: 'text', sample: 'com.example.app' },
    ],
  },
  {
    id: 'p12',
    gateway: 'apns',
    kind: 'p12',
    fields: [
      { name: 'p12', from: 'base64-file', accept: '.p12,.pfx' },
      { name: 'password', from: 'secret', isOptional: true },
    ],
  },
  {
    id: 'service-account',
    gateway: 'fcm',
    kind: 'service-account',
    fields: [{ name: 'serviceAccount', from: 'json-file', accept: '.json' }],
  },
  {
    id: 'vapid',
    gateway: 'webpush',
    kind: 'vapid',
    fields: [
      { name: 'subject', from: 'text', isOptional: true },
      { name: 'publicKey', from: 'text', isOptional: true },
      { name: 'privateKey', from: 'secret', isOptional: true },
    ],
  },
  {
    id: 'hms',
    gateway: 'hms',
    kind: 'client',
    fields: [
      { name: 'appId', from: 'text' },
      { name: 'clientId', from: 'text' },
      { name: 'clientSecret', from: 'secret' },
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
  about: 'kindOf.vapid.replace',
  gateway: 'webpush',
  kind: 'vapid',
  fields: [{ name: 'subject', from: 'text' }],
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

/** The value of a file for its field; throws what `JSON.parse` throws. */
export async function readFileFor({ from }: Field, file: Blob): Promise<unknown> {
  if (from === 'base64-file') return toBase64(new Uint8Array(await file.arrayBuffer()))
  const text = await file.text()
  return from === 'json-file' ? (JSON.parse(text) as unknown) : text
}

/** Which of the offered kinds a file is of, by the ending of its name; undefined where none takes it. */
export function kindOfFile(name: string, offered: readonly Kind[]): Kind | undefined {
  const ending = /\.[^.]+$/.exec(name.toLowerCase())?.[0]
  return ending === undefined
    ? undefined
    : offered.find(({ fields }) => fields.some(({ accept }) => accept?.split(',').includes(ending)))
}

/** The one that a file goes into. */
export function fileFieldOf({ fields }: Kind): Field | undefined {
  return fields.find(({ accept }) => accept !== undefined)
}

/** What apps are built with (google-services.json) is no service account; it is the file that people bring most often in its place. */
export function isServiceAccount(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as Readonly<Record<string, unknown>>).type === 'service_account'
  )
}

/** Apple puts the key id into the name of the key's file. */
export function keyIdIn(fileName: string): string | undefined {
  return /^AuthKey_([A-Z0-9]{10})\.p8$/.exec(fileName)?.[1]
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
}
