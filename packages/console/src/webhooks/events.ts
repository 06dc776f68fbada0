/** The events that a webhook may be told of, in groups as people think of them. Source: `WEBHOOK_EVENTS` of the protocol. */
import type { WebhookEventType } from '@roost/protocol'

export const EVENT_GROUPS = [
  { name: 'credential', events: ['credential.expiring', 'credential.expired', 'credential.refused'] },
  {
    name: 'base',
    events: [
      'base.removals',
      'base.deaths_held',
      'base.death_rate',
      'base.mass_inactive',
      'base.wrong_credential',
      'base.address_flapping',
    ],
  },
  { name: 'sending', events: ['sending.quota', 'sending.queue_age', 'sending.incident'] },
  { name: 'call', events: ['call.changed'] },
  { name: 'webhook', events: ['webhook.disabled'] },
] as const satisfies readonly { readonly name: string; readonly events: readonly WebhookEventType[] }[]

export type OfferedEvent = (typeof EVENT_GROUPS)[number]['events'][number]

export const ALL_EVENTS: readonly OfferedEvent[] = EVENT_GROUPS.flatMap(({ events }) => [...events])

export type UrlFault = 'missing' | 'malformed' | 'insecure'

/** What the server would refuse, said while it is typed. */
export function faultOfUrl(text: string): UrlFault | undefined {
  if (text.trim() === '') return 'missing'
  const url = URL.parse(text.trim())
  if (url === null) return 'malformed'
  return url.protocol === 'https:' ? undefined : 'insecure'
}
