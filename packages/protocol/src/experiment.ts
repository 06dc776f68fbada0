/** Experiments: variants of a message, a control group, and what of them goes to the rest of the audience. docs/messages.md, "A/B tests". */
import { z } from 'zod'
import { contentSchema } from './content.ts'
import { OWN_WORDS } from './field-fault.ts'

/** A receipt says by one digit which variant it is of, and the rest is one, too. */
export const VARIANTS_MAX = 7
/** As long as is on record whom a gateway took a message for. */
const AFTER_SECONDS_MAX = 14 * 24 * 3600
const AFTER_SECONDS_MIN = 60

/** Of the audience, to the hundredth. */
const percent = z.number().min(0.01).max(100).multipleOf(0.01)

const variantSchema = z.strictObject({
  name: z.string().regex(/^[\w .-]{1,64}$/, OWN_WORDS.variant_name),
  percent,
  /** Over the message's own content, field by field. */
  content: z.strictObject(contentSchema.shape).optional(),
})

export const winnerSchema = z.strictObject({
  /** From when the message began to be sent; without it somebody says which variant it is. */
  afterSeconds: z.int().min(AFTER_SECONDS_MIN).max(AFTER_SECONDS_MAX).optional(),
  /** Of those that a gateway has accepted, how many devices told so. Default opened. */
  metric: z.enum(['opened', 'delivered']).optional(),
  /**
   * When the difference is within chance, or the numbers are too small to say: the one that is ahead (default), the first, or
   * none until somebody says which.
   */
  ifUnclear: z.enum(['best', 'first', 'wait']).optional(),
})

export const experimentSchema = z
  .strictObject({
    variants: z.array(variantSchema).min(2).max(VARIANTS_MAX),
    /** They get nothing, and are counted. */
    controlPercent: percent.optional(),
    /** What the rest of the audience gets, and when. It is needed when the percents come to less than 100. */
    winner: winnerSchema.optional(),
  })
  .superRefine((experiment, context) => {
    const fault = faultOf(experiment)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
export type Experiment = z.infer<typeof experimentSchema>

/** In hundredths, so that they add up. */
export function sharesOf(experiment: Pick<Experiment, 'variants' | 'controlPercent'>): {
  readonly control: number
  readonly variants: readonly number[]
  readonly rest: number
} {
  const control = Math.round((experiment.controlPercent ?? 0) * 100)
  const variants = experiment.variants.map(it => Math.round(it.percent * 100))
  return { control, variants, rest: 10_000 - control - variants.reduce((sum, it) => sum + it, 0) }
}

function faultOf(experiment: Pick<Experiment, 'variants' | 'controlPercent' | 'winner'>): string | undefined {
  const { variants, winner } = experiment
  if (new Set(variants.map(it => it.name)).size < variants.length) return 'two variants have the same name'
  const { rest } = sharesOf(experiment)
  if (rest < 0) return 'the percents of the variants and the control group come to more than 100'
  if (rest > 0 && winner === undefined)
    return 'the percents come to less than 100: "winner" says what the rest of the audience gets'
  if (rest === 0 && winner !== undefined)
    return 'the percents come to 100: there is no rest of the audience that could get a "winner"'
  return undefined
}

const count = z.int()
const variantCounts = {
  /** Of `targeted`, as far as they have come to an end; the message's own counts have the others. */
  accepted: count,
  dead: count,
  failed: count,
  skipped: count,
  uncertain: count,
  delivered: count,
  opened: count,
}

export const verdictSchema = z.object({
  /** Null: nobody has said yet. */
  variant: z.string().nullable(),
  decidedAt: z.string(),
  by: z.enum(['numbers', 'hand']),
  /**
   * `clear`: what is ahead is so by more than chance (the probability of such a difference between variants that are alike is below
   * 5 %, over all comparisons). `within_chance`: it is not. `too_small`: there is too little to say.
   */
  finding: z.enum(['clear', 'within_chance', 'too_small']),
  metric: z.enum(['opened', 'delivered']),
  /** Of a difference as big as that of the first two, if they were alike; null when it can't be told. */
  probability: z.number().nullable(),
  /** What it was decided by, the best first. */
  variants: z.array(z.object({ name: z.string(), accepted: count, reached: count, rate: z.number() })),
})
export type Verdict = z.infer<typeof verdictSchema>

export const experimentViewSchema = z.object({
  variants: z.array(
    z.object({
      name: z.string(),
      percent: z.number(),
      /** What it shows over the message's own content; null for nothing else. Absent of a trigger, which tells it with its message. */
      content: z.record(z.string(), z.unknown()).nullable().optional(),
      ...variantCounts,
    }),
  ),
  /** They were skipped with the reason `control_group`. */
  control: z.object({ percent: z.number(), skipped: count }),
  /** Null when there is none. */
  rest: z.object({ percent: z.number(), ...variantCounts }).nullable(),
  winner: winnerSchema.nullable(),
  /** Null as long as nothing was decided. */
  verdict: verdictSchema.nullable(),
})
export type ExperimentView = z.infer<typeof experimentViewSchema>

export const chosenVariantSchema = z.strictObject({ variant: z.string() })
