/** Receipts: what devices tell of a message, in the words of REST and of the statistics. */
import { z } from 'zod'
import { HWID_CHARACTERS } from './limits.ts'

/**
 * `delivered`: it came to the device. `displayed`: it was shown. `dismissed`: it was swiped away. `attachment_failed`: it came
 * without its picture. `landed`: what it opens was reached.
 */
export const RECEIPT_KINDS = [
  'delivered',
  'displayed',
  'opened',
  'dismissed',
  'attachment_failed',
  'landed',
] as const
export type ReceiptKind = (typeof RECEIPT_KINDS)[number]

/** Entries of one call. */
export const RECEIPTS_PER_CALL = 1000
/** Devices queue receipts for as long; what is older is none any more. */
export const RECEIPT_DAYS = 30
const REASON_CHARACTERS = 100
const SIGNATURE_CHARACTERS = 100
const HASH_CHARACTERS = 256

export const newReceiptSchema = z.strictObject({
  kind: z.enum(RECEIPT_KINDS),
  /** As the push carried it (`p`), or the id of the message. */
  hash: z.string().min(1).max(HASH_CHARACTERS),
  /** As the push carried it (`rk`). A receipt with a wrong one is none; one without is counted apart. */
  signature: z.string().max(SIGNATURE_CHARACTERS).optional(),
  /** Of `attachment_failed`. */
  reason: z.string().min(1).max(REASON_CHARACTERS).optional(),
  /** When it happened; at most 30 days ago. Default: now. */
  at: z.iso.datetime({ offset: true }).optional(),
})
export type NewReceipt = z.infer<typeof newReceiptSchema>

export const newReceiptsSchema = z.strictObject({
  receipts: z
    .array(newReceiptSchema.extend({ hwid: z.string().min(1).max(HWID_CHARACTERS) }))
    .min(1)
    .max(RECEIPTS_PER_CALL),
})

export const countedReceiptsSchema = z.object({
  received: z.int(),
  /** The others were told before, or are of no message or device of this app. */
  counted: z.int(),
})

/** What devices say beside `hash` in the compatible calls; ours, and nothing hangs on any of it. */
export const compatReceiptFields = {
  receipt_key: z.string().max(SIGNATURE_CHARACTERS).optional().catch(undefined),
  /** Seconds since it happened, by the device's own clock, which may be wrong by years. */
  age: z.number().min(0).optional().catch(undefined),
}

export const compatReceiptEntrySchema = z.object({
  ...compatReceiptFields,
  kind: z.enum(RECEIPT_KINDS),
  hash: z.string().min(1).max(HASH_CHARACTERS),
  reason: z.string().min(1).max(REASON_CHARACTERS).optional().catch(undefined),
})
