/** Segments: conditions with a name, for messages, sizes and exports. docs/segments.md tells how they behave. */
import { z } from 'zod'
import { type Condition, conditionSchema } from './condition.ts'
import { HWID_CHARACTERS } from './limits.ts'

export const SEGMENT_MODES = ['live', 'nightly'] as const
export type SegmentMode = (typeof SEGMENT_MODES)[number]

export const EXPRESSION_CHARACTERS = 100_000

export const SEGMENT_NAME_CHARACTERS = 200

const name = z.string().trim().min(1).max(SEGMENT_NAME_CHARACTERS)
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

/** A condition or an expression, to look at before a segment is made of it. */
export const segmentPreviewSchema = z
  .strictObject({
    condition: conditionSchema.optional(),
    expression: expression.optional(),
    /** Count all, instead of an estimate. */
    exact: z.boolean().optional(),
    /** Also how many can be reached. */
    reach: z.boolean().optional(),
  })
  .refine(
    it => (it.condition === undefined) !== (it.expression === undefined),
    'give either a "condition" or an "expression"',
  )
export type SegmentPreview = z.infer<typeof segmentPreviewSchema>

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
  /** As the compatible protocol names filters. */
  code: z.string(),
  /** It is deleted then, unless it is in use; null: never. */
  expiresAt: z.string().nullable(),
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
  /** 95 of 100 estimates are off by less: above 100 when only a handful was met, 100 when nobody was; 0 when all was counted. */
  errorPercent: z.number(),
  /** Null for an estimate; small bases are counted whole at once. */
  exact: z.int().nullable(),
  asOf: z.string(),
  /** Null when it was not asked for. */
  reach: segmentReachSchema.nullable(),
})
export type SegmentSize = z.infer<typeof segmentSizeSchema>

export const compiledSegmentSchema = z.object({
  condition: z.custom<Condition>(),
  expression: z.string(),
  size: segmentSizeSchema,
})
export type CompiledSegment = z.infer<typeof compiledSegmentSchema>

export const segmentMembersQuerySchema = z.strictObject({
  /** `next` of the page before. */
  after: z
    .string()
    .max(HWID_CHARACTERS + 5)
    .optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(50),
})

const segmentMemberSchema = z.object({
  hwid: z.string(),
  userId: z.string().nullable(),
  platform: z.string().nullable(),
  deviceModel: z.string().nullable(),
  lastSeenAt: z.string().nullable(),
  /** One that has not ended, of any kind. */
  hasAddress: z.boolean(),
})
export type SegmentMember = z.infer<typeof segmentMemberSchema>

export const segmentMembersSchema = z.object({
  devices: z.array(segmentMemberSchema),
  /** For `after`; null at the end. A page may be short, or empty, and have one: only so much is looked through at once. */
  next: z.string().nullable(),
})
export type SegmentMembers = z.infer<typeof segmentMembersSchema>

export const SEGMENT_USES = ['message', 'schedule', 'trigger', 'segment'] as const

/** What names a segment, so that it can't be deleted: messages that are not done, schedules, triggers and other segments. */
export const segmentUseSchema = z.object({
  /** Which is named. */
  segment: z.string(),
  kind: z.enum(SEGMENT_USES),
  id: z.string(),
  /** Null of a message without a title. */
  name: z.string().nullable(),
})
export type SegmentUse = z.infer<typeof segmentUseSchema>

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

/** Whether one device is in a segment. */
export const segmentOfDeviceSchema = z.object({
  id: z.string(),
  name: z.string(),
  mode: z.enum(SEGMENT_MODES),
  /** Null: it can't be told; see `problem`. */
  isMember: z.boolean().nullable(),
  /** Of a nightly one: when that was computed. Null of those that are asked live. */
  asOf: z.string().nullable(),
  /** Why its condition can't be asked; null when it can. */
  problem: z.string().nullable(),
})
export type SegmentOfDevice = z.infer<typeof segmentOfDeviceSchema>

export const segmentsOfDeviceSchema = z.object({
  /** Newest first. */
  segments: z.array(segmentOfDeviceSchema),
  /** To be given as `after`; null on the last page. */
  next: z.string().nullable(),
})
export type SegmentsOfDevice = z.infer<typeof segmentsOfDeviceSchema>

/** One comparison, event, message, list or segment that a condition asks for. */
export const segmentReasonSchema = z.object({
  condition: z.custom<Condition>(),
  /** The same, in the expression language. */
  expression: z.string(),
  /** Whether it is so of the device. */
  isTrue: z.boolean(),
  /** What the device has where a tag or field is asked for; null where it has nothing. */
  value: z.unknown(),
})
export type SegmentReason = z.infer<typeof segmentReasonSchema>

export const segmentOfDeviceReasonsSchema = segmentOfDeviceSchema.extend({
  /** Whether the condition is true of it now: a nightly segment goes by what was computed. Null as `isMember`. */
  matchesNow: z.boolean().nullable(),
  /** What decides that, in the order of the condition. */
  reasons: z.array(segmentReasonSchema),
  /** There are more reasons than are told. */
  hasMore: z.boolean(),
})
export type SegmentOfDeviceReasons = z.infer<typeof segmentOfDeviceReasonsSchema>
