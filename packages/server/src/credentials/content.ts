/**
 * What is uploaded as a credential, read and proven as far as that goes without its gateway: that a key is one and of
 * the right kind, that it belongs to its certificate, and what a certificate says of itself.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import {
  type ApnsCertificate,
  type CredentialProblem,
  generateVapidKeys,
  parseHmsCredential,
  parseP8,
  parseP12,
  parsePemCertificate,
  parseServiceAccount,
  parseVapidKeys,
} from '@roost/gateways'
import { FIELD_FAULTS, type FieldFault, type NewCredential, PushError } from '@roost/protocol'

export interface Content {
  readonly gateway: string
  readonly kind: string
  readonly environments: readonly string[]
  /** What may be shown. */
  readonly settings: Readonly<Record<string, unknown>>
  /**
   * JSON; what a gateway client needs besides the settings: `{p8}`, `{cert, key}` (PEM), the service account's file,
   * `{privateKey}`, `{clientSecret}`.
   */
  readonly secret: string
  /** Of the public half. */
  readonly fingerprint: string | null
  readonly expiresAt: Date | null
}

type Upload<Gateway extends NewCredential['gateway']> = Extract<NewCredential, { gateway: Gateway }>
export type NewVapid = Upload<'webpush'>

/** Contact for push services when an app names none; RFC 8292 asks for a mailto: or https: URI. */
const DEFAULT_VAPID_SUBJECT = 'mailto:push@example.com'

/** Checks an upload as of `at`; throws `credential_invalid` with what is wrong, never with key material. */
export function readContent(input: NewCredential, at: number): Content {
  switch (input.gateway) {
    case 'apns':
      return input.kind === 'p8' ? readP8(input) : readCertificate(input, at)
    case 'fcm':
      return readFcm(input)
    case 'webpush':
      return readVapid(input)
    case 'hms':
      return readHms(input)
  }
}

function refuse(problem: string, fault?: Omit<FieldFault, 'text'>): never {
  throw new PushError('credential_invalid', problem, {
    ...(fault !== undefined && { faults: [{ ...fault, place: `body/${fault.place}`, text: problem }] }),
  })
}

/** `field`: of the upload; what is no code of a field is told in its own words. */
function refuseFor(field: string, { code: found, message, remedy }: CredentialProblem, place = field): never {
  const code = Object.hasOwn(FIELD_FAULTS, found) ? found : 'other'
  refuse(`${field}: ${message} ${remedy}`, { code, place, values: {} })
}

const FIELD_OF_VAPID: Readonly<Record<string, string>> = {
  vapid_public_key: 'publicKey',
  vapid_subject: 'subject',
}

function fingerprintOf(privateKey: KeyObject): string {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(publicKey).digest('hex')
}

function readP8(input: Extract<NewCredential, { kind: 'p8' }>): Content {
  const parsed = parseP8(input.p8)
  if (!parsed.ok) refuseFor('p8', parsed.problem)
  const { keyId, teamId, bundleId } = input
  return {
    gateway: 'apns',
    kind: input.kind,
    environments: input.environments,
    settings: { keyId, teamId, bundleId },
    secret: JSON.stringify({ p8: input.p8 }),
    fingerprint: fingerprintOf(parsed.value),
    expiresAt: null,
  }
}

type CertificateUpload = Extract<NewCredential, { kind: 'p12' | 'pem' }>

/** An expired one is taken too, and is paused: what waits for it goes on when it is replaced. */
function readCertificate(input: CertificateUpload, at: number): Content {
  const clock = { now: () => at }
  const parsed =
    input.kind === 'p12'
      ? parseP12(bytesOf(input.p12), input.password, clock)
      : parsePemCertificate(input.pem, input.password, clock)
  if (!parsed.ok)
    refuseFor(
      input.kind,
      parsed.problem,
      parsed.problem.code.endsWith('_wrong_password') ? 'password' : input.kind,
    )
  const certificate = parsed.value
  const { bundleId, cert, key, commonName, topics, fingerprint, expiresAt } = certificate
  requireAgreement(input, certificate)
  return {
    gateway: 'apns',
    kind: input.kind,
    environments: input.environments ?? certificate.environments,
    settings: { bundleId, commonName, topics },
    secret: JSON.stringify({ cert, key }),
    fingerprint,
    expiresAt,
  }
}

/** Line breaks as `base64` prints them are no fault. */
function bytesOf(base64: string): Buffer {
  const text = base64.replace(/\s+/g, '')
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text))
    refuse('p12: this is not base64; send the bytes of the .p12 file in it')
  return Buffer.from(text, 'base64')
}

function requireAgreement(input: CertificateUpload, certificate: ApnsCertificate): void {
  const { bundleId, environments } = certificate
  if (input.bundleId !== undefined && input.bundleId !== bundleId)
    refuse(
      `bundleId: the certificate is for ${bundleId}, not for ${input.bundleId}. Upload the certificate of this app, or leave bundleId out.`,
      { code: 'certificate_other_app', place: 'bundleId', values: { bundleId } },
    )
  const missing = (input.environments ?? []).find(it => !environments.includes(it))
  if (missing !== undefined)
    refuse(
      `environments: the certificate serves ${environments.join(' and ')}, not ${missing}. Create one for "Sandbox & Production", or leave environments out.`,
      {
        code: 'certificate_other_environment',
        place: 'environments',
        values: { environments: environments.join(', ') },
      },
    )
}

function readFcm(input: Upload<'fcm'>): Content {
  const parsed = parseServiceAccount(input.serviceAccount)
  if (!parsed.ok) refuseFor('serviceAccount', parsed.problem)
  const { projectId, clientEmail, privateKeyId, privateKey } = parsed.value
  return {
    gateway: 'fcm',
    kind: input.kind,
    environments: [],
    settings: {
      projectId,
      clientEmail,
      privateKeyId,
      ...(input.messagesPerMinute !== undefined && { messagesPerMinute: input.messagesPerMinute }),
    },
    secret: JSON.stringify(input.serviceAccount),
    fingerprint: fingerprintOf(privateKey),
    expiresAt: null,
  }
}

export function readVapid(input: NewVapid): Content {
  if ((input.publicKey === undefined) !== (input.privateKey === undefined))
    refuse('give both publicKey and privateKey, or neither to have a pair made', {
      code: 'vapid_half',
      place: input.publicKey === undefined ? 'publicKey' : 'privateKey',
      values: {},
    })
  const given = { publicKey: input.publicKey ?? '', privateKey: input.privateKey ?? '' }
  const keys = input.publicKey === undefined ? generateVapidKeys() : given
  const subject = input.subject ?? DEFAULT_VAPID_SUBJECT
  const parsed = parseVapidKeys({ ...keys, subject })
  if (!parsed.ok) refuseFor('VAPID', parsed.problem, FIELD_OF_VAPID[parsed.problem.code] ?? 'privateKey')
  const { publicKey } = parsed.value
  return {
    gateway: 'webpush',
    kind: input.kind,
    environments: [],
    // One spelling, so that keys can be compared: what was uploaded may be standard base64.
    settings: { publicKey, subject },
    secret: JSON.stringify({ privateKey: keys.privateKey }),
    fingerprint: createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex'),
    expiresAt: null,
  }
}

/** There is no public half, and a fingerprint of the secret could be tried against guesses. */
function readHms({ kind, appId, clientId, clientSecret }: Upload<'hms'>): Content {
  const parsed = parseHmsCredential({ appId, clientId, clientSecret })
  if (!parsed.ok) refuseFor('HMS', parsed.problem, 'clientSecret')
  return {
    gateway: 'hms',
    kind,
    environments: [],
    settings: { appId, clientId },
    secret: JSON.stringify({ clientSecret }),
    fingerprint: null,
    expiresAt: null,
  }
}
