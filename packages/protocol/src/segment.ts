/** Segments: conditions with a name, for messages, sizes and exports. docs/segments.md tells how they behave. */
import { z } from 'zod'
import { type Condition, conditionSchema } from './condition.ts'

export const SEGMENT_MODES = ['live', 'nightly'] as const
export type SegmentMode = (typeof SEGMENT_MODES)[number]

export const EXPRESSION_CHARACTERS = 100_000

const name = z.string().trim().min(1).max(200)
const expression = z.string().min(1).max(EXPRESSION_CHARACTERS)
/** Of the day in the app's time zone, at which a nightly one is computed. */
const hour = z.int().min(0).max(23)

export const newSegmentSchema = z
  .strictObject({
    name,
    /** `live`: asked when it is used; `nightly`: computed once a day. Default: live. */
    mode: z.enum(SEGMENT_MODES).optional(),
    condition: conditionSchema.optional(),
    /** The condition in the expression language, instead. */
    expression: expression.optional(),
    /** Of a nightly one; default 3. */
    hour: hour.optional(),
  })
  .refine(
    it => (it.condition === undefined) !== (it.expression === undefined),
    'give either a "condition" or an "expression"',
  )
  .refine(it => it.hour === undefined || it.mode === 'nightly', 'only a nightly segment has an "hour"')
export type NewSegment = z.infer<typeof newSegmentSchema>

export const segmentPatchSchema = z
  .strictObject({
    name: name.optional(),
    mode: z.enum(SEGMENT_MODES).optional(),
    condition: conditionSchema.optional(),
    expression: expression.optional(),
    hour: hour.optional(),
  })
  .refine(
    it => it.condition === undefined || it.expression === undefined,
    'give either a "condition" or an "expression"',
  )
export type SegmentPatch = z.infer<typeof segmentPatchSchema>

export const segmentSchema = z.object({
  id: z.string(),
  name: z.string(),
  mode: z.enum(SEGMENT_MODES),
  condition: z.custom<Condition>(),
  /** The same, in the expression language. */
  expression: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  /** Of a nightly one; null when it is live. */
  nightly: z
    .object({
      hour: z.int(),
      nextRunAt: z.string(),
      /** Who is in it: as of `computedAt`. Null until its condition was computed once; so long it is asked live. */
      snapshot: z
        .object({ computedAt: z.string(), finishedAt: z.string(), durationMs: z.int(), members: z.int() })
        .nullable(),
      /** What is being computed, 0 to 1; null when nothing is. */
      running: z.object({ startedAt: z.string(), progress: z.number(), members: z.int() }).nullable(),
      /** Why the last run came to nothing; null when it did not. */
      failure: z.object({ startedAt: z.string(), failedAt: z.string(), error: z.string() }).nullable(),
    })
    .nullable(),
})
export type SegmentView = z.infer<typeof segmentSchema>

export const segmentReachSchema = z.object({
  /** In the segment. */
  devices: z.int(),
  /** Of these: have, or had, an address. */
  withAddress: z.int(),
  /** Of these: it is alive. */
  valid: z.int(),
  /** Of these: may show something. They are sent to. */
  permitted: z.int(),
})
export type SegmentReach = z.infer<typeof segmentReachSchema>

export const segmentSizeSchema = z.object({
  estimate: z.int(),
  /** 95 of 100 estimates are off by less; 0 when all was counted, 100 when nobody was met by chance. */
  errorPercent: z.number(),
  /** Null for an estimate; small bases are counted whole at once. */
  exact: z.int().nullable(),
  asOf: z.string(),
  /** Null when it was not asked for. */
  reach: segmentReachSchema.nullable(),
})
export type SegmentSize = z.infer<typeof segmentSizeSchema>

export const EXPORT_STATES = ['waiting', 'running', 'done', 'failed'] as const

export const newSegmentExportSchema = z.strictObject({
  /** `spreadsheet`: CSV whose cells no spreadsheet takes for formulas. Default: csv. */
  format: z.enum(['csv', 'ndjson', 'spreadsheet']).optional(),
  /** `full`: whole tokens; default: their last characters. */
  tokens: z.enum(['masked', 'full']).optional(),
})
export type NewSegmentExport = z.infer<typeof newSegmentExportSchema>

export const segmentExportSchema = z.object({
  id: z.string(),
  state: z.enum(EXPORT_STATES),
  /** 0 to 1. */
  progress: z.number(),
  /** Written so far. */
  devices: z.int(),
  fileName: z.string().nullable(),
  bytes: z.int().nullable(),
  /** Who has it may read the file until `expiresAt`; null until it is done, and afterwards. */
  url: z.string().nullable(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
  expiresAt: z.string().nullable(),
  error: z.string().nullable(),
})
export type SegmentExportView = z.infer<typeof segmentExportSchema>
