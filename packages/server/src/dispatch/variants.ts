/**
 * What became of the deliveries of an experiment, by variant: five numbers for each variant, five for the rest, five for the
 * control group, on each batch, so that no two workers write to one row. Whoever could not be tried (its address was gone by
 * then) is in the message's own counts alone.
 */
import type { Experiment } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'

export const VARIANT_OUTCOMES = ['accepted', 'dead', 'failed', 'skipped', 'uncertain'] as const
type VariantOutcome = (typeof VARIANT_OUTCOMES)[number]

/** Place of a delivery in the numbers: index of its variant; then the rest; then the control group. */
export type VariantPlaces = ReadonlyMap<string, number>

export function placesOf(asked: Experiment): number {
  return asked.variants.length + 2
}

const ADD = `
  update batch b
     set by_variant = (select array_agg(coalesce(o.n, 0) + i.n order by i.place)
                         from unnest($2::integer[]) with ordinality as i (n, place)
                         left join unnest(b.by_variant) with ordinality as o (n, place) on o.place = i.place)
   where id = $1`

/** In the transaction that has advanced the batch. */
export async function countVariants(
  tx: Queryable,
  batch: { readonly id: number; readonly asked: Experiment },
  outcomes: readonly { readonly place: number | undefined; readonly outcome: VariantOutcome }[],
): Promise<void> {
  const counts = new Array<number>(placesOf(batch.asked) * VARIANT_OUTCOMES.length).fill(0)
  for (const { place, outcome } of outcomes) {
    if (place === undefined) continue
    const n = place * VARIANT_OUTCOMES.length + VARIANT_OUTCOMES.indexOf(outcome)
    counts[n] = (counts[n] ?? 0) + 1
  }
  if (counts.some(it => it > 0)) await tx.query(ADD, [batch.id, counts])
}
