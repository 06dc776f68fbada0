/** What is held of somebody, by kinds that people know: the tables of the server are its own affair. */
import type { PersonalData } from './calls.ts'

const KINDS = ['devices', 'addresses', 'history', 'messages', 'receipts', 'events', 'other'] as const
export type HeldKind = (typeof KINDS)[number]

const KIND_OF: Readonly<Record<string, HeldKind>> = {
  device: 'devices',
  test_device: 'devices',
  address: 'addresses',
  ledger: 'history',
  former_user: 'history',
  message: 'messages',
  delivery_exception: 'messages',
  delivery_queue: 'messages',
  acceptance: 'messages',
  receipt: 'receipts',
  device_event: 'events',
}

export interface Held {
  readonly kind: HeldKind
  readonly rows: number
}

/** How many rows of each kind, without those of which there is nothing. */
export function heldOf(data: PersonalData): readonly Held[] {
  const counts = new Map<HeldKind, number>()
  for (const [table, rows] of Object.entries(data)) {
    const kind = KIND_OF[table] ?? 'other'
    counts.set(kind, (counts.get(kind) ?? 0) + rows.length)
  }
  return KINDS.flatMap(kind => {
    const rows = counts.get(kind)
    return rows ? [{ kind, rows }] : []
  })
}
