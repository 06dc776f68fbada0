/** Gateway credentials as they are uploaded, and what may be shown of them. */
import { z } from 'zod'
import { OWN_WORDS } from './field-fault.ts'

export const ENVIRONMENTS = ['production', 'sandbox'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

/** A .p12 with its chain has 3 to 6 KiB; base64 adds a third. */
const CERTIFICATE_CHARACTERS = 64 * 1024

const bundleId = z.string().regex(/^[A-Za-z0-9.-]{1,155}$/, OWN_WORDS.bundle_id)
const environments = z
  .array(z.enum(ENVIRONMENTS))
  .min(1)
  .refine(all => new Set(all).size === all.length, 'each environment once')

const apnsP8 = z.strictObject({
  gateway: z.literal('apns'),
  kind: z.literal('p8'),
  environments: environments.default(['production', 'sandbox']),
  keyId: z.string().regex(/^[A-Z0-9]{10}$/, OWN_WORDS.key_id),
  teamId: z.string().regex(/^[A-Z0-9]{10}$/, OWN_WORDS.team_id),
  bundleId,
  p8: z.string().min(1).max(8192),
})

/** What a certificate says of itself is read from it; what is given too has to agree. */
const ofCertificate = { environments: environments.optional(), bundleId: bundleId.optional() }

const apnsP12 = z.strictObject({
  gateway: z.literal('apns'),
  kind: z.literal('p12'),
  /** The file in base64. */
  p12: z.string().min(1).max(CERTIFICATE_CHARACTERS),
  password: z.string().max(1024).default(''),
  ...ofCertificate,
})

const apnsPem = z.strictObject({
  gateway: z.literal('apns'),
  kind: z.literal('pem'),
  /** Certificate and private key, in any order; more certificates are its chain. */
  pem: z.string().min(1).max(CERTIFICATE_CHARACTERS),
  /** When the private key is encrypted. */
  password: z.string().max(1024).optional(),
  ...ofCertificate,
})

const fcmServiceAccount = z.strictObject({
  gateway: z.literal('fcm'),
  kind: z.literal('service-account'),
  serviceAccount: z.record(z.string(), z.unknown()),
  /** The project's quota, where Google has raised it or others use it, too. Default: the server's. */
  messagesPerMinute: z.int().min(10).max(1_000_000_000).optional(),
})

const vapid = z.strictObject({
  gateway: z.literal('webpush'),
  kind: z.literal('vapid'),
  publicKey: z.string().optional(),
  privateKey: z.string().optional(),
  subject: z.string().max(256).optional(),
})

const hmsClient = z.strictObject({
  gateway: z.literal('hms'),
  kind: z.literal('client'),
  appId: z.string().min(1).max(64),
  clientId: z.string().min(1).max(64),
  clientSecret: z.string().min(1).max(256),
})

export const newCredentialSchema = z.discriminatedUnion('gateway', [
  z.discriminatedUnion('kind', [apnsP8, apnsP12, apnsPem]),
  fcmServiceAccount,
  vapid,
  hmsClient,
])
export type NewCredential = z.infer<typeof newCredentialSchema>

/** What was refused, and why in the gateway's own words; `part` is an environment or a push service, and empty where it is all. */
const OF_REFUSAL = ['part', 'reason'] as const

/** What may be wrong with a credential, each with the names of its values. */
export const CREDENTIAL_PROBLEMS = {
  apns_bundle_id_wrong: OF_REFUSAL,
  apns_environment_wrong: OF_REFUSAL,
  fcm_project_wrong: OF_REFUSAL,
  vapid_key_wrong: OF_REFUSAL,
  content_unreadable: OF_REFUSAL,
  certificate_expired: OF_REFUSAL,
  apns_key_refused: OF_REFUSAL,
  apns_key_of_other_environment: OF_REFUSAL,
  apns_topic_refused: OF_REFUSAL,
  apns_certificate_of_other_environment: OF_REFUSAL,
  apns_certificate_refused: OF_REFUSAL,
  clock_wrong: OF_REFUSAL,
  apns_forbidden: OF_REFUSAL,
  fcm_api_disabled: OF_REFUSAL,
  fcm_permission_missing: OF_REFUSAL,
  fcm_key_refused: OF_REFUSAL,
  fcm_project_unknown: OF_REFUSAL,
  fcm_third_party_refused: OF_REFUSAL,
  hms_permission_missing: OF_REFUSAL,
  hms_client_refused: OF_REFUSAL,
  /** What no other code tells. */
  refused: OF_REFUSAL,
  /** `days`: so many begin before the end. */
  certificate_expiring: ['expiresAt', 'days'],
} as const satisfies Record<string, readonly string[]>
export type CredentialProblemCode = keyof typeof CREDENTIAL_PROBLEMS

/** What is wrong, in words that can be passed on to whoever can mend it. */
export const credentialProblemSchema = z.object({
  /** To test for; those of CREDENTIAL_PROBLEMS, and of newer servers others. */
  code: z.string(),
  severity: z.enum(['warning', 'error']),
  message: z.string(),
  remedy: z.string(),
  /** When it concerns only this one. */
  environment: z.string().optional(),
  /** What `message` names, for who writes it in another language. */
  values: z.record(z.string(), z.union([z.string(), z.number()])),
})
export type CredentialProblemView = z.infer<typeof credentialProblemSchema>

/** What a gateway answered when it was asked. `unreachable` is no fault of the credential. */
export const credentialCheckSchema = z.object({
  environment: z.string().nullable(),
  outcome: z.enum(['accepted', 'refused', 'unreachable']),
  /** The gateway's own word. */
  reason: z.string().nullable(),
  at: z.string(),
})
export type CredentialCheck = z.infer<typeof credentialCheckSchema>

export const credentialSchema = z.object({
  id: z.string(),
  gateway: z.string(),
  kind: z.string(),
  environments: z.array(z.string()),
  expiresAt: z.string().nullable(),
  status: z.enum(['active', 'paused']),
  problems: z.array(credentialProblemSchema),
  /** What may be shown: key id, team id, bundle id, topics, project id, VAPID public key. Never a secret. */
  settings: z.record(z.string(), z.unknown()),
  /** Of the public half; another content has another one. */
  fingerprint: z.string().nullable(),
  /** +1 at each replacement. */
  version: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
  /** Null until the first check. */
  checkedAt: z.string().nullable(),
  checks: z.array(credentialCheckSchema),
})
export type CredentialView = z.infer<typeof credentialSchema>

export const CREDENTIAL_EVENTS = ['added', 'replaced', 'paused', 'resumed', 'deleted'] as const

export const credentialHistorySchema = z.object({
  entries: z.array(
    z.object({
      at: z.string(),
      event: z.enum(CREDENTIAL_EVENTS),
      /** The label of the API token that did it; "roost" when nobody asked. */
      by: z.string(),
      tokenId: z.number().nullable(),
      version: z.number(),
      kind: z.string(),
      environments: z.array(z.string()),
      settings: z.record(z.string(), z.unknown()),
      fingerprint: z.string().nullable(),
      expiresAt: z.string().nullable(),
      reason: z.string().nullable(),
    }),
  ),
})
export type CredentialHistory = z.infer<typeof credentialHistorySchema>
