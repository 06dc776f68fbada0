/** What an app finds when it looks at itself, and hands in: codes and values, and the words for them where they are read. */
import { z } from 'zod'

/** `bad`: nothing can be shown, or nothing will come. `warning`: something may go wrong. `unknown`: it could not be looked at. */
export const SELF_CHECK_VERDICTS = ['good', 'warning', 'bad', 'unknown'] as const
export type SelfCheckVerdict = (typeof SELF_CHECK_VERDICTS)[number]

/** A self-check has some fifteen findings. */
export const SELF_CHECK_BODY_BYTES = 8 * 1024
const FINDINGS_MAX = 40
const VALUES_MAX = 8
const VALUE_CHARACTERS = 256
const TOKEN_CHARACTERS = 4096

/** Later SDKs find more than this version knows, so any word will do. */
const word = z.string().regex(/^[a-z][a-zA-Z0-9_]{0,63}$/, 'a word of at most 64 letters, digits and _')

export const selfCheckFindingSchema = z.strictObject({
  /** What was found, to test for. */
  code: word,
  verdict: z.enum(SELF_CHECK_VERDICTS),
  values: z
    .record(word, z.union([z.string().max(VALUE_CHARACTERS), z.number(), z.boolean()]))
    .refine(it => Object.keys(it).length <= VALUES_MAX, `at most ${VALUES_MAX} values`),
})
export type SelfCheckFinding = z.infer<typeof selfCheckFindingSchema>

export const newSelfCheckSchema = z.strictObject({
  sdkVersion: z.string().min(1).max(64),
  /** What the clock of the device says, in milliseconds since 1970. */
  clock: z.int().min(0).max(8.64e15),
  /** The address that the device holds; in browsers the endpoint. Left out when it has none. */
  address: z.string().min(1).max(TOKEN_CHARACTERS).optional(),
  findings: z.array(selfCheckFindingSchema).max(FINDINGS_MAX),
})
export type NewSelfCheck = z.infer<typeof newSelfCheckSchema>

export const selfCheckSchema = z.object({
  /** When the server got it. */
  at: z.string(),
  sdkVersion: z.string(),
  /** Those of the device first, then what the server found. */
  findings: z.array(selfCheckFindingSchema),
})
export type SelfCheckView = z.infer<typeof selfCheckSchema>

/** `findings` are the server's own, with what to do about them. */
export const takenSelfCheckSchema = z.object({
  /** Only what a test device finds is kept, or a phone that an invitation leads. */
  isKept: z.boolean(),
  findings: z.array(selfCheckFindingSchema.extend({ remedy: z.string().nullable() })),
})
export type TakenSelfCheck = z.infer<typeof takenSelfCheckSchema>
