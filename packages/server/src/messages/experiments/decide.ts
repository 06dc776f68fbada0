/**
 * What the rest of the audience gets: the variant that more devices have opened, once its time has come, or the one that
 * somebody names. That a variant is ahead says little by itself, so the verdict says how probable such a difference would be
 * between variants that are alike.
 *
 * Two proportions are compared by the z-test with a pooled rate, two-sided; with more than two variants the probability of the
 * first against the second is multiplied by the number of pairs (Bonferroni), since any of them could have come out ahead.
 * The test needs some of both, those who did and those who did not. Source: NIST/SEMATECH e-Handbook, 7.3.3.
 */
import { type Experiment, PushError, type Verdict } from '@roost/protocol'
import type { Database, Queryable } from '../../store/database.ts'
import type { MessageKey } from '../control.ts'
import { hasRest } from './parts.ts'
import { readVariantCounts } from './read.ts'

const CLEAR_BELOW = 0.05
/** Of those who did and of those who did not, in each variant, if all were alike: with fewer the normal curve is no guide. */
const EXPECTED_MIN = 5

interface Numbers {
  readonly name: string
  readonly accepted: number
  readonly reached: number
}

type Judged = Pick<Verdict, 'finding' | 'probability' | 'variants'>

/** The best first; of equal ones the one that was named first. */
export function judgeVariants(numbers: readonly Numbers[]): Judged {
  const variants = numbers
    .map(it => ({ ...it, rate: it.accepted === 0 ? 0 : it.reached / it.accepted }))
    .sort((one, other) => other.rate - one.rate)
  const [first, second] = variants
  const probability = first && second && probabilityOf(first, second, pairsOf(variants.length))
  if (probability === undefined) return { finding: 'too_small', probability: null, variants }
  return { finding: probability < CLEAR_BELOW ? 'clear' : 'within_chance', probability, variants }
}

function pairsOf(count: number): number {
  return (count * (count - 1)) / 2
}

/** Undefined when the numbers are too small to say. */
function probabilityOf(one: Numbers, other: Numbers, pairs: number): number | undefined {
  const rate = (one.reached + other.reached) / (one.accepted + other.accepted)
  const fewer = Math.min(one.accepted, other.accepted)
  if (!(Math.min(rate, 1 - rate) * fewer >= EXPECTED_MIN)) return undefined
  const error = Math.sqrt(rate * (1 - rate) * (1 / one.accepted + 1 / other.accepted))
  const z = Math.abs(one.reached / one.accepted - other.reached / other.accepted) / error
  return Math.min(1, pairs * 2 * upperTail(z))
}

/** Of the normal distribution, to 1e-7. Source: Abramowitz and Stegun, 26.2.17. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const factors = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429]
  const sum = factors.reduceRight((rest, factor) => t * (factor + rest), 0)
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum
}

interface Undecided {
  readonly id: string
  readonly experiment: Experiment
}

/** Uses the index message_to_finish: of few messages at a time. */
const NEXT = `
  select id, experiment from message
   where state = 'sending' and experiment -> 'winner' ? 'afterSeconds' and verdict is null
     and planned_at + (experiment -> 'winner' ->> 'afterSeconds')::integer * interval '1 second' <= $1
   order by id limit 1 for no key update skip locked`

/** Decides one message whose time has come, if there is one; false when there was nothing to do. Any number may run at once. */
export async function decideNext(db: Database, at: number): Promise<boolean> {
  return db.transaction(async tx => {
    const message = (await tx.query<Undecided>(NEXT, [new Date(at)])).rows[0]
    if (message === undefined) return false
    const { experiment } = message
    const { metric = 'opened', ifUnclear = 'best' } = experiment.winner ?? {}
    const judged = judgeVariants(await readNumbers(tx, message, metric))
    await decide(tx, message, {
      ...judged,
      variant: winnerOf(experiment, judged, ifUnclear),
      decidedAt: new Date(at).toISOString(),
      by: 'numbers',
      metric,
    })
    return true
  })
}

function winnerOf(
  { variants }: Experiment,
  judged: Judged,
  ifUnclear: 'best' | 'first' | 'wait',
): string | null {
  const best = judged.variants[0]?.name ?? null
  if (judged.finding === 'clear' || ifUnclear === 'best') return best
  return ifUnclear === 'first' ? (variants[0]?.name ?? null) : null
}

async function readNumbers(
  tx: Queryable,
  { id, experiment }: Undecided,
  metric: 'opened' | 'delivered',
): Promise<Numbers[]> {
  const counts = await readVariantCounts(tx, id, experiment)
  return experiment.variants.map(({ name }, place) => ({
    name,
    accepted: counts[place]?.accepted ?? 0,
    reached: counts[place]?.[metric] ?? 0,
  }))
}

/** With a variant the rest begins to be sent, and lives from now on. */
async function decide(tx: Queryable, { id }: Pick<Undecided, 'id'>, verdict: Verdict): Promise<void> {
  await tx.query('update message set verdict = $2 where id = $1', [id, JSON.stringify(verdict)])
  if (verdict.variant === null) return
  await tx.query(
    "update batch set due_at = $2, send_at = $2 where message_id = $1 and is_rest and due_at = 'infinity'",
    [id, verdict.decidedAt],
  )
}

interface Choice {
  readonly key: MessageKey
  readonly variant: string
  readonly at: number
}

/** A repeat changes nothing. Throws `message_unknown`, `message_over`, `input_invalid`, and `winner_decided` for another one than was decided. */
export async function chooseVariant(db: Database, { key, variant, at }: Choice): Promise<void> {
  await db.transaction(async tx => {
    const { rows } = await tx.query<Chosen>(
      `select id, state, experiment, verdict, planned_at is not null as "isPlanned"
         from message where app_id = $1 and id = $2 for no key update`,
      [key.appId, key.id],
    )
    const found = rows[0]
    if (found === undefined) throw new PushError('message_unknown', `this app has no message ${key.id}`)
    if (found.verdict?.variant === variant) return
    refuseChoice(found, variant)
    const { metric = 'opened' } = found.experiment?.winner ?? {}
    const experiment = found.experiment as Experiment
    const judged = judgeVariants(await readNumbers(tx, { id: key.id, experiment }, metric))
    await decide(tx, key, { ...judged, variant, decidedAt: new Date(at).toISOString(), by: 'hand', metric })
    tx.announce('due')
  })
}

interface Chosen {
  readonly id: string
  readonly state: string
  readonly experiment: Experiment | null
  readonly verdict: Verdict | null
  readonly isPlanned: boolean
}

function refuseChoice({ id, state, experiment, verdict, isPlanned }: Chosen, variant: string): void {
  if (experiment === null || !hasRest(experiment))
    throw new PushError('input_invalid', `message ${id} has no rest of the audience that waits for a variant`)
  const names = experiment.variants.map(it => it.name)
  if (!names.includes(variant))
    throw new PushError('input_invalid', `body/variant: message ${id} has the variants ${names.join(', ')}`)
  if (verdict !== null && verdict.variant !== null)
    throw new PushError('winner_decided', `message ${id}: the rest gets variant "${verdict.variant}"`, {
      values: { variant: verdict.variant },
    })
  if (state === 'done' || state === 'cancelled')
    throw new PushError('message_over', `message ${id} is ${state}`)
  if (!isPlanned) throw new PushError('input_invalid', `message ${id} has not begun to be sent`)
}
