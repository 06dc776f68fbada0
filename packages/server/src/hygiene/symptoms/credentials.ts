/**
 * Symptom: a certificate ends within a month or has ended, or a gateway refuses a credential. Webhooks are told of it by events of
 * their own (`credential.*`, with the days that are left); the alert is for who looks at what is open.
 */
import { CERTIFICATE_EXPIRED, explainRefusal } from '../../credentials/problems.ts'
import type { Queryable } from '../../store/database.ts'
import type { Symptom } from './watch.ts'

const EXPIRING = `
  select c.app_id as "appId", c.id as "credentialId", c.gateway, c.kind, c.expires_at as "expiresAt",
         c.expires_at <= $1 as "isExpired"
    from credential c where c.expires_at <= $1::timestamptz + interval '30 days'`

/** One of a credential, the oldest: parts of Web Push are origins, which come from clients, and nobody shall fill the list. */
const REFUSED = `
  select distinct on (c.id) c.app_id as "appId", c.id as "credentialId", c.gateway, c.kind, p.part, p.reason,
         (count(*) over (partition by c.id))::integer as parts
    from credential_pause p join credential c on c.id = p.credential_id and c.version = p.version
   where p.reason <> $1
   order by c.id, p.at, p.part`

interface Known {
  readonly appId: number
  readonly credentialId: string
  readonly gateway: string
  readonly kind: string
}

function meaningOf({ gateway, part, reason }: { gateway: string; part: string; reason: string }) {
  const { message, remedy } = explainRefusal(gateway, { part, reason })
  return { message, remedy }
}

export async function findCredentials(db: Queryable, at: number): Promise<Symptom[]> {
  const expiring = await db.query<Known & { expiresAt: string; isExpired: boolean }>(EXPIRING, [new Date(at)])
  const refused = await db.query<Known & { part: string; reason: string; parts: number }>(REFUSED, [
    CERTIFICATE_EXPIRED,
  ])
  return [
    ...expiring.rows.map(({ appId, ...data }) => ({
      appId,
      kind: 'credential_expiring' as const,
      subject: data.credentialId,
      data,
      isRenewed: true, // it ends while the alert is open
      lastsMs: 0,
    })),
    ...refused.rows.map(({ appId, ...data }) => ({
      appId,
      kind: 'credential_refused' as const,
      subject: data.credentialId,
      data: { ...data, ...meaningOf(data) },
      lastsMs: 0,
    })),
  ]
}
