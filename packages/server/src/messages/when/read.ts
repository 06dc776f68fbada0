/** How far a message by the clock of each device has come. */
import type { SlotView } from '@roost/protocol'
import type { Queryable } from '../../store/database.ts'

/** What a batch has not come to is known as it was counted; of the others, what has no outcome. Stragglers are no slot. */
const SLOTS = `
  select nullif(slot_at, 'epoch') as at, sum(slot_devices)::integer as devices,
         sum(case when is_read then targeted - over else greatest(0, slot_devices - over) end)::integer as waiting
    from batch, lateral (select accepted + dead + failed + skipped + uncertain as over) o
   where message_id = $1 and isfinite(slot_at)
   group by slot_at order by slot_at`

/** The earliest first; none for a message that has one moment for all, or whose sending has not begun. */
export async function readSlots(db: Queryable, messageId: string): Promise<SlotView[]> {
  return (await db.query<SlotView>(SLOTS, [messageId])).rows
}
