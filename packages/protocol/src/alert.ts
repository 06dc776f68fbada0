/** Alerts: something is wrong with the base or its credentials that people have to look at. */
import { z } from 'zod'

/**
 * `deaths_held`: so many addresses were called dead at once that none of them was ended (R16). `wrong_credential`: more than
 * one in a hundred addresses is of another app or project (R14). `address_flapping`: devices take an address from each
 * other (R4). `webhook_disabled`: a webhook took nothing for days and is told no more. These open and close by themselves:
 * `death_rate`: many more addresses died within a day than they do in this app. `mass_inactive`: very many became inactive in
 * one day (R15). `quota`: messages wait for the quota of a project. `queue_age`: what is due is not sent.
 * `credential_expiring`: a certificate ends within 30 days, or has ended. `credential_refused`: a gateway refuses a credential.
 * `message_incident`: more than a fifth of a campaign's deliveries came to nothing by one cause (D6); it is closed by people.
 */
export const ALERT_KINDS = [
  'deaths_held',
  'wrong_credential',
  'address_flapping',
  'webhook_disabled',
  'death_rate',
  'mass_inactive',
  'quota',
  'queue_age',
  'credential_expiring',
  'credential_refused',
  'message_incident',
] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

/** `released`: the held deaths were made deaths. `forgotten`: they were taken back. `closed`: there was nothing held (any more). */
export const ALERT_STATES = ['open', 'released', 'forgotten', 'closed'] as const

export const alertSchema = z.object({
  id: z.string(),
  kind: z.enum(ALERT_KINDS),
  state: z.enum(ALERT_STATES),
  /** What to do about it. */
  remedy: z.string(),
  data: z.record(z.string(), z.unknown()),
  openedAt: z.string(),
  closedAt: z.string().nullable(),
  /** The label of the API token that closed it; `roost` when what it told of was over. */
  closedBy: z.string().nullable(),
  /** Addresses whose death it still holds. */
  held: z.int(),
})
export type AlertView = z.infer<typeof alertSchema>
