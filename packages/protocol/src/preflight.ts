/** Pre-flight: what would become of a message, and what is wrong with it, before it is sent; nothing is stored. */
import { z } from 'zod'
import { EFFECTS, MENDERS, piecesSchema, RULE_IDS } from './diagnosis.ts'
import { dryRunSchema } from './message.ts'
import { remarkSchema } from './remark.ts'

const AMONG = ['diagnosed', 'rendered', 'diagnosed_or_rendered', 'missed'] as const

export const preflightRequestSchema = z.strictObject({
  /** The body of POST …/messages. What it lacks is told in the answer. */
  send: z.record(z.string(), z.unknown()),
  lang: z.string().min(2).max(35).optional(),
})
export type PreflightRequest = z.infer<typeof preflightRequestSchema>

export const preflightSchema = z.object({
  at: z.string(),
  /** The language of the texts. */
  lang: z.string(),
  /** Why POST …/messages would refuse it; null when it would not. */
  refusal: z
    .object({
      code: z.string(),
      detail: z.string(),
      remedy: z.string(),
      /** The same with its values apart, where it is about the content. */
      remarks: z.array(remarkSchema),
    })
    .nullable(),
  /** Null when it would be refused. */
  dryRun: dryRunSchema.nullable(),
  /** Devices of its audience that were looked at one by one, at random. */
  looked: z.int(),
  /** What keeps it from some or all of them; what blocks first, then what most have. */
  findings: z.array(
    z.object({
      rule: z.enum(RULE_IDS),
      title: z.string(),
      effect: z.enum(EFFECTS),
      /** Of `of`; null where it concerns the message itself. */
      devices: z.int().nullable(),
      /** So many devices were looked at for it; null where it concerns the message itself. */
      of: z.int().nullable(),
      /**
       * Which: `diagnosed` one by one, those for whom the content was `rendered`, both, or those who came to a nightly segment since
       * it was computed (`missed`).
       */
      among: z.enum(AMONG).nullable(),
      /** Of one of them, or of the message: what was found. */
      example: z.string(),
      /** The same with its times apart. */
      pieces: piecesSchema,
      remedy: z.object({
        who: z.enum(MENDERS),
        steps: z.array(z.object({ key: z.string(), text: z.string() })),
      }),
    }),
  ),
  /** Where the addresses of those that were looked at are; more than one environment of Apple is a mix of builds. */
  places: z.array(z.object({ gateway: z.string(), environment: z.string(), devices: z.int() })),
})
export type PreflightView = z.infer<typeof preflightSchema>
