/** Gateway credentials as they are uploaded, and what may be shown of them. */
import { z } from 'zod'

export const ENVIRONMENTS = ['production', 'sandbox'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

const apnsP8 = z.strictObject({
  gateway: z.literal('apns'),
  kind: z.literal('p8'),
  environments: z.array(z.enum(ENVIRONMENTS)).min(1).default(['production', 'sandbox']),
  keyId: z.string().regex(/^[A-Z0-9]{10}$/, 'a key id is 10 capital letters and digits'),
  teamId: z.string().regex(/^[A-Z0-9]{10}$/, 'a team id is 10 capital letters and digits'),
  bundleId: z.string().regex(/^[A-Za-z0-9.-]{1,155}$/, 'a bundle id like com.example.app'),
  p8: z.string().min(1).max(8192),
})

const fcmServiceAccount = z.strictObject({
  gateway: z.literal('fcm'),
  kind: z.literal('service-account'),
  serviceAccount: z.record(z.string(), z.unknown()),
})

const vapid = z.strictObject({
  gateway: z.literal('webpush'),
  kind: z.literal('vapid'),
  publicKey: z.string().optional(),
  privateKey: z.string().optional(),
  subject: z.string().max(256).optional(),
})

export const newCredentialSchema = z.discriminatedUnion('gateway', [apnsP8, fcmServiceAccount, vapid])
export type NewCredential = z.infer<typeof newCredentialSchema>

export const credentialSchema = z.object({
  id: z.string(),
  gateway: z.string(),
  kind: z.string(),
  environments: z.array(z.string()),
  expiresAt: z.string().nullable(),
  status: z.enum(['active', 'paused']),
  /** What is wrong with it, in words. */
  problems: z.array(z.string()),
  /** What may be shown: key id, team id, bundle id, project id, VAPID public key. Never a secret. */
  settings: z.record(z.string(), z.unknown()),
})
export type CredentialView = z.infer<typeof credentialSchema>
