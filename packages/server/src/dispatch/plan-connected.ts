/**
 * Planning of those who have no address, or may show nothing, and are connected to their live channel: a campaign that goes by it reaches
 * them, too. Ranges are read by address, so these become deliveries at once, as devices that are named do. Each is put beside the others
 * of its platform, whose words it is to read.
 *
 * One that can be pushed to when its range is read has its delivery already: see `keepPlanned`.
 */
import type { Target } from '@roost/protocol'
import { compileAccepted } from '../audience/condition.ts'
import { conditionOf } from '../audience/segment-meaning.ts'
import { IS_ALIVE } from '../live/presence.ts'
import { PROVIDER_OF } from '../registry/address.ts'
import type { Queryable } from '../store/database.ts'
import { SENDABLE } from './chunk.ts'
import { type MessageAudience, scopeOf } from './lease.ts'

/** What a device reads that never told its platform. */
const WITHOUT_PLATFORM = PROVIDER_OF.ios

const CASES = Object.entries(PROVIDER_OF).map(
  ([platform, provider]) => `when '${platform}' then '${provider}'`,
)
/** SQL over `device d`: the gateway of its platform. */
export const PROVIDER_OF_PLATFORM = `case d.platform ${CASES.join(' ')} else '${WITHOUT_PLATFORM}' end`

interface Audience {
  readonly id: string
  readonly appId: number
  readonly target: Target
  /** ISO 8601. */
  readonly sendAt: string
}

export interface Connected {
  readonly hwid: string
  readonly provider: string
}

/** SQL: devices `d` of the app $1 that are connected by `p`. Uses the index live_presence_of_server. */
export const CONNECTED = `
       from live_server s
       join live_presence p on p.server = s.id and p.app_id = $1
      cross join lateral ( -- by key, whatever is known of the tables: offset 0 keeps them from being joined whole
        select d.* from device d where d.bucket = p.bucket and d.app_id = p.app_id and d.hwid = p.hwid offset 0) d
       left join lateral (
        select true as is_sent_to from address a
         where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and ${SENDABLE} limit 1) a on true
      where ${IS_ALIVE}`
/** SQL over `CONNECTED`: the device has no address that may be sent to. */
export const WITHOUT_ADDRESS = 'a.is_sent_to is null'

/** Of the audience, once its segments are kept. */
export async function readConnected(tx: Queryable, message: Audience): Promise<readonly Connected[]> {
  const values: unknown[] = [message.appId]
  const isMeant = await meantSql(tx, message, values)
  const { rows } = await tx.query<Connected>(
    `select d.hwid, ${PROVIDER_OF_PLATFORM} as provider ${CONNECTED} and ${WITHOUT_ADDRESS} and ${isMeant}
      order by d.bucket, d.hwid`,
    values,
  )
  return rows
}

async function meantSql(tx: Queryable, message: Audience, values: unknown[]): Promise<string> {
  const condition = conditionOf(message.target)
  if (condition === undefined) return 'true'
  const { rows } = await tx.query<Pick<MessageAudience, 'audience'>>(
    'select audience from message where id = $1',
    [message.id],
  )
  const audience = rows[0]?.audience ?? null
  const scope = await scopeOf(tx, { ...message, target: { condition }, audience })
  if (scope === null) return 'true'
  const compiled = compileAccepted(condition, { firstParameter: values.length + 1, scope })
  values.push(...compiled.values)
  return compiled.sql
}
