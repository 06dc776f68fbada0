/** Experiments as they are read: sums over the batches of their message, like its own counts. */
import { type Experiment, type ExperimentView, sharesOf, type Verdict } from '@roost/protocol'
import { placesOf, VARIANT_OUTCOMES } from '../../dispatch/variants.ts'
import type { Queryable } from '../../store/database.ts'

export type VariantCounts = Readonly<
  Record<(typeof VARIANT_OUTCOMES)[number] | 'delivered' | 'opened', number>
>

const OUTCOMES = `
  select (v.place - 1)::integer as place, sum(v.n)::integer as n
    from batch b cross join lateral unnest(b.by_variant) with ordinality as v (n, place)
   where b.message_id = $1 group by v.place`

const RECEIPTS = 'select variant, delivered, opened from variant_receipts where message_id = $1'

/** By place: the variants, the rest, the control group. */
export async function readVariantCounts(
  db: Queryable,
  messageId: string,
  asked: Experiment,
): Promise<VariantCounts[]> {
  const outcomes = await db.query<{ place: number; n: number }>(OUTCOMES, [messageId])
  const receipts = await db.query<{ variant: number; delivered: number; opened: number }>(RECEIPTS, [
    messageId,
  ])
  const numberAt = new Map(outcomes.rows.map(it => [it.place, it.n]))
  const told = new Map(receipts.rows.map(it => [it.variant, it]))
  return Array.from({ length: placesOf(asked) }, (_, place) => ({
    ...(Object.fromEntries(
      VARIANT_OUTCOMES.map((outcome, i) => [outcome, numberAt.get(place * VARIANT_OUTCOMES.length + i) ?? 0]),
    ) as Record<(typeof VARIANT_OUTCOMES)[number], number>),
    delivered: told.get(place)?.delivered ?? 0,
    opened: told.get(place)?.opened ?? 0,
  }))
}

export async function readExperiment(
  db: Queryable,
  message: { readonly id: string; readonly asked: Experiment; readonly verdict: Verdict | null },
): Promise<ExperimentView> {
  const { id, asked, verdict } = message
  const counts = await readVariantCounts(db, id, asked)
  const { control, rest } = sharesOf(asked)
  const places = asked.variants.length
  return {
    variants: asked.variants.map(({ name, percent, content = null }, place) => ({
      name,
      percent,
      content,
      ...countsAt(counts, place),
    })),
    control: { percent: control / 100, skipped: countsAt(counts, places + 1).skipped },
    rest: rest === 0 ? null : { percent: rest / 100, ...countsAt(counts, places) },
    winner: asked.winner ?? null,
    verdict,
  }
}

function countsAt(counts: readonly VariantCounts[], place: number): VariantCounts {
  return counts[place] as VariantCounts
}
