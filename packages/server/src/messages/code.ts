/**
 * Message codes of the compatible protocol, hex digits in groups of 4-8-8: `C3F8-C3863ED4-334AD4F1`. They are made of the id,
 * so they need no column and no index of their own: its 48 bits of time, by which the primary key finds it, and its last
 * 32 bits of randomness, which tell it from others of the same millisecond.
 */
import type { Queryable } from '../store/database.ts'

/** Of a UUID version 7. */
export function codeOf(messageId: string): string {
  const hex = messageId.replaceAll('-', '').toUpperCase()
  return `${hex.slice(0, 4)}-${hex.slice(4, 12)}-${hex.slice(24)}`
}

const FIND = `
  select id, app_id as "appId" from message
   where id between ($1::text || '-0000-0000-000000000000')::uuid and ($1::text || '-ffff-ffff-ffffffffffff')::uuid
     and right(id::text, 8) = $2`

export interface FoundMessage {
  readonly id: string
  readonly appId: number
}

/** null when there is none of this code, or when it is no code. Case makes no difference. */
export async function findByCode(db: Queryable, code: string): Promise<FoundMessage | null> {
  const hex = /^([0-9a-f]{4})-([0-9a-f]{8})-([0-9a-f]{8})$/.exec(code.toLowerCase())
  if (hex === null) return null
  const [, first = '', second = '', last = ''] = hex
  const time = first + second
  const { rows } = await db.query<FoundMessage>(FIND, [`${time.slice(0, 8)}-${time.slice(8)}`, last])
  return rows.length === 1 ? (rows[0] ?? null) : null
}
