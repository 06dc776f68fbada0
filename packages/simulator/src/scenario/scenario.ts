/**
 * A scenario file: the phones that there are, and what happens when.
 *
 *     { "phones": { "ios": 100, "seed": 42 }, "steps": [ { "at": "10s", "do": { "faults.apns.latency": { "min": "1s" } } } ] }
 *
 * The operations and their fields are those of the control API. All of it is checked before anything is played.
 */
import {
  count,
  duration,
  type Field,
  InputError,
  object,
  oneOf,
  optional,
  readFields,
} from '../control/fields.ts'
import type { Operation } from '../control/operation.ts'
import { OPERATIONS } from '../control/operations.ts'
import { POPULATION } from '../control/population.ts'
import { isRecord } from '../gateway/air.ts'
import { type Located, parseCommentedJson } from './json.ts'

const DEFAULT_WITHIN_MS = 10 * 60_000

/** When a step begins. A time that has passed already is at once. */
export type When =
  /** Since the phones have registered. */
  | { readonly kind: 'at'; readonly ms: number }
  /** Since the step before has ended. */
  | { readonly kind: 'after'; readonly ms: number }
  /** Once the gateways have accepted so many pushes; the scenario fails when that takes longer than `withinMs`. */
  | {
      readonly kind: 'accepted'
      readonly pushes: number
      readonly gateway: GatewayChoice
      readonly withinMs: number
    }

type GatewayChoice = 'apns' | 'fcm' | 'webPush' | 'hms' | undefined

export interface Action {
  readonly operation: Operation
  readonly input: unknown
}

export interface Step {
  readonly line: number
  readonly when: When
  readonly actions: readonly Action[]
}

export interface Scenario {
  /** The fields of `phones.install`; undefined for a scenario without phones. */
  readonly phones: unknown
  readonly steps: readonly Step[]
  /** How long it goes on at least, since the phones have registered. */
  readonly lastsMs: number
}

const ACCEPTED = object({
  accepted: count(1),
  gateway: optional(oneOf('apns', 'fcm', 'webPush', 'hms')),
  within: optional(duration()),
})
const ANYTHING: Field<unknown> = { takes: 'an object', read: value => value }
const FIELDS = { phones: optional(ANYTHING), steps: optional(ANYTHING), lasts: optional(duration()) }
const STEP_FIELDS = {
  at: optional(duration()),
  after: optional(ANYTHING),
  do: { ...ANYTHING, takes: 'an object of operations by name, each with its fields' },
}

/** Throws InputError that names the line and the place. */
export function readScenario(text: string): Scenario {
  const located = parseCommentedJson(text)
  try {
    return scenarioOf(located)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new InputError(`line ${located.lineOf(cause.place)}`, cause.message, cause.remedy)
  }
}

function scenarioOf(located: Located): Scenario {
  const { phones, steps = [], lasts = 0 } = readFields(FIELDS, located.value, '')
  if (phones !== undefined) readFields(POPULATION, phones, 'phones')
  if (!Array.isArray(steps)) throw new InputError('steps', 'this is no list', 'It takes a list of steps.')
  return { phones, lastsMs: lasts, steps: steps.map((step, i) => stepOf(step, `steps[${i}]`, located)) }
}

function stepOf(value: unknown, place: string, located: Located): Step {
  const { at, after, do: wanted } = readFields(STEP_FIELDS, value, place)
  if ((at === undefined) === (after === undefined))
    throw new InputError(place, 'a step has either "at" or "after"', 'As {"at": "10s", "do": {…}}.')
  const when: When = at === undefined ? whenAfter(after, `${place}.after`) : { kind: 'at', ms: at }
  return { line: located.lineOf(place), when, actions: actionsOf(wanted, `${place}.do`) }
}

function whenAfter(value: unknown, place: string): When {
  if (!isRecord(value)) return { kind: 'after', ms: duration().read(value, place) }
  const { accepted: pushes, gateway, within = DEFAULT_WITHIN_MS } = ACCEPTED.read(value, place)
  return { kind: 'accepted', pushes, gateway, withinMs: within }
}

function actionsOf(value: unknown, place: string): Action[] {
  if (!isRecord(value) || Object.keys(value).length === 0)
    throw new InputError(place, 'this names no operation', 'As {"phones.uninstall": {"share": 0.1}}.')
  return Object.entries(value).map(([name, input]) => {
    const operation = OPERATIONS.find(known => known.name === name)
    if (operation === undefined) throw unknownOperation(name, `${place}.${name}`)
    readFields(operation.fields, input, `${place}.${name}`)
    return { operation, input }
  })
}

function unknownOperation(name: string, place: string): InputError {
  const [area = ''] = name.split('.')
  const near = OPERATIONS.map(known => known.name).filter(known => known.startsWith(area))
  const there = near.length > 0 ? near : [...new Set(OPERATIONS.map(known => known.name.split('.')[0]))]
  return new InputError(place, 'there is no such operation', `There are: ${there.join(', ')}.`)
}
