/** What is known while a condition is compiled: what its names mean, and where in it we are. */
import { type Condition, type ListKind, PushError, type TagType } from '@roost/protocol'
import type { Knock } from '../hygiene/uninstalls/doubt.ts'

/** Of tags that have a definition. */
export type TagTypes = ReadonlyMap<string, TagType>

/** A segment that another one names: its condition, or SQL over `device d` that says who is in its snapshot. Never null. */
export type SegmentMeaning =
  | { readonly condition: Condition }
  | { readonly memberSql: (parameter: Parameter) => string }

/** What the names in a condition mean. Absent maps are empty: such names are refused. */
export interface ConditionScope {
  readonly types: TagTypes
  /** ms; days are counted back from this one. */
  readonly at: number
  readonly segments?: ReadonlyMap<string, SegmentMeaning>
  readonly lists?: ReadonlyMap<string, ListKind>
  /** Messages of this app. */
  readonly messages?: ReadonlySet<string>
  /** Those of whose acceptances is asked. */
  readonly accepted?: ReadonlyMap<string, AcceptanceRecord>
  /** What doubts go by. */
  readonly doubt?: Knock
}

/** What is on record of the acceptances of a message. */
export interface AcceptanceRecord {
  /** All of them: who is not among them was not accepted. */
  readonly isWhole: boolean
  /** A row tells of buckets that lie so far from one another at most. */
  readonly width: number
  /** What was accepted for a device counts as long as nobody else has been logged in on it since. */
  readonly isOfSamePerson?: boolean
}

/** Adds a value and gives back its number, as `$7`. */
export type Parameter = (value: unknown) => string

export interface Context {
  readonly path: string
  readonly depth: number
  readonly parameter: Parameter
  /** All parameters so far. */
  readonly values: unknown[]
  readonly scope: ConditionScope
  readonly isLenient: boolean
  /** Below an odd number of `not`. */
  readonly isNegated: boolean
  /** Segments that we are in. */
  readonly within: readonly string[]
}

export function refuse(context: Context, problem: string): never {
  throw new PushError('condition_invalid', `${context.path}: ${problem}`)
}

/** For what is not there any more: nobody is sent to because of it, neither by being in it nor by not being in it. */
export function matchNobody({ isNegated }: Context): string {
  return isNegated ? 'true' : 'false'
}
