/**
 * Many devices at once: bulk calls (up to 10 000 entries, answered later, one result each), imports, exports, and what
 * is erased.
 */
import { z } from 'zod'
import { PLATFORMS } from './device.ts'
import { HWID_CHARACTERS, USER_ID_CHARACTERS } from './limits.ts'

export const BULK_ENTRIES = 10_000
export const BULK_BODY_BYTES = 16 * 1024 * 1024
/** What one part of an import may carry; it has to arrive within a minute. */
export const IMPORT_PART_BYTES = 16 * 1024 * 1024

export const IMPORT_MAPPINGS = ['roost', 'pushwoosh', 'onesignal', 'parse', 'tokens', 'browser'] as const
export type ImportMapping = (typeof IMPORT_MAPPINGS)[number]
export const TRANSFER_FORMATS = ['csv', 'ndjson'] as const
export type TransferFormat = (typeof TRANSFER_FORMATS)[number]

export const newImportSchema = z.strictObject({
  mapping: z.enum(IMPORT_MAPPINGS),
  format: z.enum(TRANSFER_FORMATS),
  /** Of rows that name none. */
  platform: z.enum(PLATFORMS).nullable().default(null),
  /** APNs: of rows that name none; production when absent. */
  environment: z.enum(['production', 'sandbox']).nullable().default(null),
  /** When the file was made: what Roost has heard of a device later is not undone. Default: now. */
  asOf: z.iso.datetime({ offset: true }).optional(),
  /** Of the whole file, in hex: an import of the same file that is there already is answered instead of a new one. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'it must be 64 hex digits in lower case, as sha256sum prints them')
    .optional(),
  /** Begin a new one even so. */
  isAgain: z.boolean().default(false),
})
export type NewImport = z.infer<typeof newImportSchema>

export const importSchema = z.object({
  id: z.string(),
  /** How its rows are read. */
  mapping: z.enum(IMPORT_MAPPINGS),
  state: z.enum(['open', 'done']),
  /** Everything before this byte is stored; go on here. */
  byteOffset: z.number(),
  rows: z.number(),
  stored: z.number(),
  /** Rows of which Roost has heard later itself; it keeps what it knows. */
  older: z.number(),
  /** Of the stored ones: last heard of so long ago that the app's policy would end them; they begin a new term instead. */
  overdue: z.number(),
  refused: z.number(),
  asOf: z.string(),
  startedAt: z.string(),
  finishedAt: z.string().nullable(),
})
export type ImportView = z.infer<typeof importSchema>

/** What an import of a file, or of its first part, would bring. Nothing is stored. */
export const importDryRunSchema = z.object({
  rows: z.number(),
  accepted: z.number(),
  refused: z.number(),
  /** With a token that can be sent to. */
  withToken: z.number(),
  /** Of these: last heard of so long ago that the app's policy would end them; they begin a new term instead. */
  overdue: z.number(),
  /** How many rows are refused for each reason, most first. */
  reasons: z.array(z.object({ code: z.string(), detail: z.string(), rows: z.number() })),
  /** How many would be taken, most first. */
  cohorts: z.array(
    z.object({
      platform: z.string(),
      appVersion: z.string(),
      /** The age of the last sign of life: `today`, `within 7 days`, …, `longer ago`, `unknown`. */
      lastSeen: z.string(),
      rows: z.number(),
      withToken: z.number(),
    }),
  ),
})
export type ImportDryRun = z.infer<typeof importDryRunSchema>

export interface ImportRefusal {
  readonly row: number
  /** Of the file, counted from 1; null of a refusal of before lines were counted. */
  readonly line: number | null
  /** Which is wrong, by the name that it has in Roost's own form; null when it is the row as such. */
  readonly field: string | null
  readonly code: string
  readonly detail: string
}

export const BULK_TARGET_CHARACTERS = {
  hwid: HWID_CHARACTERS,
  pushToken: 4096,
  userId: USER_ID_CHARACTERS,
} as const

const hwid = z.string().min(1).max(BULK_TARGET_CHARACTERS.hwid)
const userId = z.string().min(1).max(BULK_TARGET_CHARACTERS.userId)
const pushToken = z.string().min(1).max(BULK_TARGET_CHARACTERS.pushToken)

/** Exactly one of the three names the device; a user is all of their devices. */
export const bulkTargetSchema = z.union([
  z.strictObject({ hwid }),
  z.strictObject({ pushToken }),
  z.strictObject({ userId }),
])
export type BulkTarget = z.infer<typeof bulkTargetSchema>

export const bulkUnregisterSchema = z.strictObject({
  /** Of the request, chosen by the caller: a repeat finds the request that is there, also when the first answer was lost. Default: a new one. */
  id: z.uuid().optional(),
  /** Targets; what is none is taken as well and refused in its result, so that it costs the others nothing. */
  devices: z
    .array(z.union([bulkTargetSchema, z.unknown()]))
    .min(1)
    .max(BULK_ENTRIES),
})

export const BULK_OUTCOMES = ['done', 'unknown', 'refused'] as const

export interface BulkResult {
  /** `unknown`: there is no such device, and nothing was to do. */
  readonly outcome: (typeof BULK_OUTCOMES)[number]
  readonly detail?: string
}

export const bulkRequestSchema = z.object({
  id: z.string(),
  kind: z.enum(['register', 'tags', 'unregister']),
  state: z.enum(['waiting', 'done']),
  entries: z.number(),
  counts: z.object({ done: z.number(), unknown: z.number(), refused: z.number() }).nullable(),
  /** In the order of the entries; null while it waits, or when they were not asked for. */
  results: z.array(z.object({ outcome: z.enum(BULK_OUTCOMES), detail: z.string().optional() })).nullable(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
})
export type BulkRequestView = z.infer<typeof bulkRequestSchema>

export const erasureTargetSchema = z.union([z.strictObject({ hwid }), z.strictObject({ userId })])
export type ErasureTarget = z.infer<typeof erasureTargetSchema>

export const erasureSchema = z.object({
  id: z.string(),
  /** `devices`: those that were silent for as long as the app's policy lets them (`eraseDays`), in one record. */
  subject: z.enum(['device', 'user', 'devices']),
  at: z.string(),
  by: z.string(),
  /** Rows by table. */
  counts: z.record(z.string(), z.number()),
  /** When the names that were still looked for in deliveries under way were forgotten, too. */
  sweptAt: z.string().nullable(),
})
export type ErasureView = z.infer<typeof erasureSchema>
