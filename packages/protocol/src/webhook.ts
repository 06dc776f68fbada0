/**
 * Webhooks: what Roost tells another server of, and the form in which it does.
 * The signature is that of the Standard Webhooks convention (standardwebhooks.com), which has libraries in most languages.
 */
import { z } from 'zod'
import { OWN_WORDS } from './field-fault.ts'

export const WEBHOOK_EVENTS = [
  'credential.expiring',
  'credential.expired',
  'credential.refused',
  'base.deaths_held',
  'base.wrong_credential',
  'base.address_flapping',
  'base.removals',
  'base.death_rate',
  'base.mass_inactive',
  'sending.quota',
  'sending.queue_age',
  'sending.incident',
  'webhook.disabled',
  'call.changed',
] as const
export type WebhookEventType = (typeof WEBHOOK_EVENTS)[number]
/** Sent on demand only. */
export const WEBHOOK_TEST = 'webhook.test'

const URL_CHARACTERS = 2048

const url = z.url({ protocol: /^https$/, error: OWN_WORDS.https_url }).max(URL_CHARACTERS)
const events = z.array(z.enum(WEBHOOK_EVENTS)).min(1)

export const newWebhookSchema = z.strictObject({ url, events: events.default([...WEBHOOK_EVENTS]) })
export type NewWebhook = z.infer<typeof newWebhookSchema>

export const webhookChangeSchema = z.strictObject({
  url: url.optional(),
  events: events.optional(),
  isActive: z.boolean().optional(),
})
export type WebhookChange = z.infer<typeof webhookChangeSchema>

export const webhookSchema = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  isActive: z.boolean(),
  createdAt: z.string(),
  /** Attempts in a row that nothing was taken of, and since when. */
  failures: z.int(),
  failingSince: z.string().nullable(),
  /** When Roost gave up on it; null when it did not. */
  disabledAt: z.string().nullable(),
})
export type WebhookView = z.infer<typeof webhookSchema>

/** The secret is shown here and never again. */
export const createdWebhookSchema = webhookSchema.extend({ secret: z.string() })

const FORMER_HOURS_MAX = 168

export const newSecretSchema = z.strictObject({
  /** How long the former secret signs beside the new one. 0: it was betrayed. */
  formerHours: z.int().min(0).max(FORMER_HOURS_MAX).default(24),
})

const REDELIVERED_MAX = 100

/** What to deliver again: these events, or all that were given up of this time on. */
export const redeliverySchema = z
  .strictObject({
    eventIds: z.array(z.uuid()).min(1).max(REDELIVERED_MAX).optional(),
    /** ISO 8601. */
    failedSince: z.iso.datetime({ offset: true }).optional(),
  })
  .refine(it => it.eventIds !== undefined || it.failedSince !== undefined, {
    message: 'name eventIds or failedSince',
  })
export type Redelivery = z.infer<typeof redeliverySchema>

export const webhookDeliverySchema = z.object({
  eventId: z.string(),
  type: z.string(),
  at: z.string(),
  state: z.enum(['waiting', 'delivered', 'failed']),
  attempts: z.number(),
  attemptedAt: z.string().nullable(),
  /** Null unless it is waiting. */
  nextAttemptAt: z.string().nullable(),
  status: z.number().nullable(),
  error: z.string().nullable(),
})
export type WebhookDelivery = z.infer<typeof webhookDeliverySchema>
