/** Removals: addresses that are not sent to any more, as a feed, and taking them back. */
import { z } from 'zod'
import { type ADDRESS_STATES, PROVIDERS } from './device.ts'

/** What takes an address out of the base, and `removal_undone`, which puts it back. */
export const REMOVAL_EVENTS = [
  'dead',
  'unregistered',
  'superseded',
  'moved',
  'quarantined',
  'removal_undone',
] as const satisfies readonly ((typeof ADDRESS_STATES)[number] | 'unregistered' | 'removal_undone')[]

/** What became of the device of an address that died, told a day later where uninstallations are tracked (R32). */
export const CONCLUSIONS = ['uninstalled', 'replaced'] as const

/** All that the feed tells. */
export const FEED_EVENTS = [...REMOVAL_EVENTS, ...CONCLUSIONS] as const

export const removalSchema = z.object({
  /** Its place in the feed; `after` goes on behind it. */
  id: z.string(),
  hwid: z.string(),
  at: z.string(),
  event: z.enum(FEED_EVENTS),
  /** The gateway's own word, or ours. Apple's Unregistered is no proof of an uninstallation (R32). */
  reason: z.string().nullable(),
  provider: z.enum(PROVIDERS),
  environment: z.string().nullable(),
  kind: z.string(),
  addressEnd: z.string(),
  messageId: z.string().nullable(),
})
export type Removal = z.infer<typeof removalSchema>

const time = z.iso.datetime({ offset: true })
const REASONS_MAX = 50

/** What to take back; one of messageId, reasons and from has to be given. */
export const undoFilterSchema = z
  .strictObject({
    /** Of what this message's answers removed. */
    messageId: z.uuid().optional(),
    /** As the feed has them. */
    reasons: z.array(z.string().min(1).max(256)).min(1).max(REASONS_MAX).optional(),
    /** ISO 8601; default and earliest 30 days ago. */
    from: time.optional(),
    /** ISO 8601; default now. */
    to: time.optional(),
    /** Only count. */
    dryRun: z.boolean().default(false),
  })
  .refine(it => it.messageId !== undefined || it.reasons !== undefined || it.from !== undefined, {
    message: 'name a messageId, reasons or from',
  })
export type UndoFilter = z.infer<typeof undoFilterSchema>

export const undoPreviewSchema = z.object({
  matched: z.int(),
  restorable: z.int(),
  byReason: z.array(
    z.object({
      reason: z.string().nullable(),
      provider: z.enum(PROVIDERS),
      matched: z.int(),
      /** The others have registered, moved on or been erased since. */
      restorable: z.int(),
    }),
  ),
})
export type UndoPreview = z.infer<typeof undoPreviewSchema>

export const undoSchema = z.object({
  id: z.string(),
  state: z.enum(['running', 'done']),
  /** Removals that were meant when it began; transactions that ran then may have added some. */
  total: z.int().nullable(),
  /** Removals that were looked at so far. */
  matched: z.int(),
  restored: z.int(),
  by: z.string(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
})
export type UndoView = z.infer<typeof undoSchema>
