/**
 * Reading what people write: a field says what it takes, and what is wrong is told with its place and a remedy.
 *
 * The control API and scenario files are both read by this, and `GET /` prints the same descriptions.
 */
import { isRecord } from '../gateway/air.ts'

/** Something that was asked for and can't be done as it was said. Holds no token. */
export class InputError extends Error {
  readonly place: string
  readonly remedy: string

  constructor(place: string, message: string, remedy: string) {
    super(place === '' ? message : `${place}: ${message}`)
    this.place = place
    this.remedy = remedy
  }
}

export interface Field<T> {
  /** What it takes, in words. */
  readonly takes: string
  readonly isOptional?: boolean
  read(value: unknown, place: string): T
}

export type FieldTable = Readonly<Record<string, Field<unknown>>>

type OptionalNames<Table> = {
  [Name in keyof Table]: Table[Name] extends { readonly isOptional: true } ? Name : never
}[keyof Table]

type ValueOf<One> = One extends Field<infer T> ? T : never

/** What comes out of a table: optional fields are absent rather than undefined. */
export type Values<Table> = {
  readonly [Name in Exclude<keyof Table, OptionalNames<Table>>]: ValueOf<Table[Name]>
} & { readonly [Name in OptionalNames<Table>]?: ValueOf<Table[Name]> }

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d)$/

export function text(takes = 'text'): Field<string> {
  return field(takes, value => (typeof value === 'string' && value !== '' ? value : undefined))
}

/** A whole number, from a query as well. */
export function count(least = 0): Field<number> {
  return field(`a whole number, at least ${least}`, value => {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
    return Number.isInteger(number) && (number as number) >= least ? (number as number) : undefined
  })
}

export function share(): Field<number> {
  return field('a number from 0 to 1', value =>
    typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined,
  )
}

export function flag(): Field<boolean> {
  return field('true or false', value => {
    if (value === 'true' || value === 'false') return value === 'true'
    return typeof value === 'boolean' ? value : undefined
  })
}

/** In milliseconds. */
export function duration(): Field<number> {
  return field('a time as "250ms", "10s", "5m", "1h", "2d", or milliseconds', value => {
    const ms = parseDuration(value)
    return ms !== undefined && ms >= 0 ? ms : undefined
  })
}

/** As `duration`, and below zero. */
export function signedDuration(): Field<number> {
  return field('a time as "10s" or "-1h", or milliseconds', parseDuration)
}

export function moment(): Field<Date> {
  return field('a time as "2026-01-31T12:00:00Z", or milliseconds since the epoch', value => {
    const date = typeof value === 'string' || typeof value === 'number' ? new Date(value) : undefined
    return date === undefined || Number.isNaN(date.getTime()) ? undefined : date
  })
}

export function oneOf<const T extends string | number>(...allowed: readonly T[]): Field<T> {
  return field(`one of ${allowed.join(', ')}`, value => allowed.find(one => one === value))
}

export function list<T>(one: Field<T>): Field<readonly T[]> {
  return {
    takes: `a list; each: ${one.takes}`,
    read: (value, place) => {
      if (!Array.isArray(value)) throw wrong(place, 'a list', value)
      return value.map((item, i) => one.read(item, `${place}[${i}]`))
    },
  }
}

export function object<Table extends FieldTable>(table: Table): Field<Values<Table>> {
  return {
    takes: `an object of ${describe(table)}`,
    read: (value, place) => readFields(table, value, place),
  }
}

/** One of several objects, told apart by a field that only it has. */
export function shape<T>(tables: Readonly<Record<string, FieldTable>>): Field<T> {
  const takes = Object.values(tables).map(describe).join('; or ')
  return {
    takes: `an object of ${takes}`,
    read: (value, place) => {
      const name = Object.keys(tables).find(key => isRecord(value) && value[key] !== undefined)
      if (name === undefined) throw wrong(place, `an object of ${takes}`, value)
      return readFields(tables[name] as FieldTable, value, place) as T
    },
  }
}

export function optional<T>(one: Field<T>): Field<T> & { readonly isOptional: true } {
  return { ...one, isOptional: true }
}

/** Throws InputError for what is missing, wrong, or no field at all. */
export function readFields<Table extends FieldTable>(
  table: Table,
  value: unknown,
  place: string,
): Values<Table> {
  if (!isRecord(value)) throw wrong(place, 'an object', value)
  const names = Object.keys(table)
  for (const name of Object.keys(value))
    if (!Object.hasOwn(table, name))
      throw new InputError(join(place, name), 'there is no such field', `Fields here: ${fieldNames(names)}.`)
  const read: Record<string, unknown> = {}
  for (const [name, one] of Object.entries(table)) {
    if (value[name] !== undefined) read[name] = one.read(value[name], join(place, name))
    else if (one.isOptional !== true)
      throw new InputError(join(place, name), 'is missing', `It takes ${one.takes}.`)
  }
  return read as Values<Table>
}

/** By name, what each field takes; a question mark follows those that may be left out. */
export function describeFields(table: FieldTable): Record<string, string> {
  return Object.fromEntries(
    Object.entries(table).map(([name, { takes, isOptional }]) => [isOptional ? `${name}?` : name, takes]),
  )
}

function describe(table: FieldTable): string {
  return Object.entries(describeFields(table))
    .map(([name, takes]) => `${name} (${takes})`)
    .join(', ')
}

function fieldNames(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}

function field<T>(takes: string, parse: (value: unknown) => T | undefined): Field<T> {
  return {
    takes,
    read: (value, place) => {
      const parsed = parse(value)
      if (parsed === undefined) throw wrong(place, takes, value)
      return parsed
    },
  }
}

function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const [, amount, unit = ''] = DURATION.exec(String(value)) ?? []
  return amount === undefined ? undefined : Number(amount) * (UNITS[unit] as number)
}

/** A long value may be a token or a key, and is not repeated. */
function wrong(place: string, takes: string, value: unknown): InputError {
  const said = JSON.stringify(value) ?? 'nothing'
  const shown = said.length > 40 ? `${said.length} characters of JSON` : said
  return new InputError(place, `${shown} is not what it takes`, `It takes ${takes}.`)
}

function join(place: string, name: string): string {
  return place === '' ? name : `${place}.${name}`
}
