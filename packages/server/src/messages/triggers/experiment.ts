/**
 * Experiments of triggers. Each round is a message of its own, and a change of the trigger may name other variants, so what became of
 * them is added up by their names. People are parted by the trigger, not by its messages: who got one variant gets it on all days.
 */
import { type Experiment, sharesOf, type TriggerView } from '@roost/protocol'
import { VARIANT_OUTCOMES } from '../../dispatch/variants.ts'

/** Of the control group, which no variant can be called. */
const CONTROL = ''

/** One of the numbers of a variant: an outcome, or a kind of receipt. */
export interface NamedNumber {
  readonly name: string
  readonly what: (typeof VARIANT_OUTCOMES)[number] | 'delivered' | 'opened'
  readonly n: number
}

/** SQL: the name at a place of the message `m`; after the variants come the rest, which is none, and the control group. */
const nameAt = (place: string) =>
  `coalesce(m.experiment -> 'variants' -> (${place}) ->> 'name', '${CONTROL}')`
const OUTCOMES = VARIANT_OUTCOMES.map(it => `'${it}'`).join(', ')
const EACH = VARIANT_OUTCOMES.length

/** SQL over `trigger t`: its `NamedNumber`s, as `variants`. */
export const VARIANTS_OF_TRIGGER = `
  select jsonb_agg(jsonb_build_object('name', v.name, 'what', v.what, 'n', v.n)) as variants
    from (
      select one.name, one.what, sum(one.n) as n
        from (
          select ${nameAt(`(o.place - 1)::integer / ${EACH}`)} as name,
                 (array[${OUTCOMES}])[(o.place - 1)::integer % ${EACH} + 1] as what, o.n
            from trigger_round r
            join message m on m.id = r.message_id and m.experiment is not null
            join batch b on b.message_id = m.id
           cross join lateral unnest(b.by_variant) with ordinality as o (n, place)
           where r.trigger_id = t.id and o.n > 0
          union all
          select ${nameAt('s.variant::integer')}, k.what, k.n
            from trigger_round r
            join message m on m.id = r.message_id and m.experiment is not null
            join variant_receipts s on s.message_id = m.id
           cross join lateral (values ('delivered', s.delivered), ('opened', s.opened)) as k (what, n)
           where r.trigger_id = t.id and k.n > 0) one
       group by 1, 2) v`

/** Null when the trigger has no variants now. */
export function experimentOf(
  asked: Experiment | undefined,
  numbers: readonly NamedNumber[] | null,
): TriggerView['experiment'] {
  if (asked === undefined) return null
  const numberOf = (name: string, what: NamedNumber['what']) =>
    numbers?.find(it => it.name === name && it.what === what)?.n ?? 0
  return {
    variants: asked.variants.map(({ name, percent }) => ({
      name,
      percent,
      accepted: numberOf(name, 'accepted'),
      dead: numberOf(name, 'dead'),
      failed: numberOf(name, 'failed'),
      skipped: numberOf(name, 'skipped'),
      uncertain: numberOf(name, 'uncertain'),
      delivered: numberOf(name, 'delivered'),
      opened: numberOf(name, 'opened'),
    })),
    control: { percent: sharesOf(asked).control / 100, skipped: numberOf(CONTROL, 'skipped') },
  }
}
