/**
 * Whom an entry of a bulk call names, read from what a back end has sent. An entry that names nobody properly costs the
 * others nothing. What is wrong is said without the names in it: results are kept and name nobody.
 */
import { BULK_TARGET_CHARACTERS, type BulkTarget } from '@roost/protocol'

/** An entry that can't be taken, and why. */
export interface Faulty {
  readonly fault: string
}

export function isFaulty(entry: object): entry is Faulty {
  return 'fault' in entry
}

type Field = keyof typeof BULK_TARGET_CHARACTERS

/** What a protocol calls each of them; of several that it knows for one the first that is given counts. */
export type TargetNames = Readonly<Record<Field, readonly string[]>>

const FIELDS = ['hwid', 'pushToken', 'userId'] as const

export interface ReadTarget {
  readonly names: TargetNames
  /** Of several that are given the first counts; else each entry gives one, and nothing besides. */
  readonly isLoose: boolean
}

export function readTarget(entry: unknown, { names, isLoose }: ReadTarget): BulkTarget | Faulty {
  const known = FIELDS.map(field => names[field][0]).join(', ')
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
    return { fault: `the entry is no object with one of ${known}` }
  const said = entry as Readonly<Record<string, unknown>>
  const given = FIELDS.flatMap(field => {
    const name = names[field].find(it => said[it] !== undefined && said[it] !== null)
    return name === undefined ? [] : [{ field, name }]
  })
  const [first] = given
  if (first === undefined) return { fault: `the entry has none of ${known}` }
  if (!isLoose && Object.keys(said).length > 1)
    return {
      fault: `the entry has ${given.map(it => it.name).join(' and ')}, of ${Object.keys(said).length} fields; it may have one: ${known}`,
    }
  return readName(first, said[first.name])
}

function readName(
  { field, name }: { readonly field: Field; readonly name: string },
  value: unknown,
): BulkTarget | Faulty {
  const most = BULK_TARGET_CHARACTERS[field]
  if (typeof value !== 'string') return { fault: `${name} is a ${typeof value}; it is a text` }
  if (value.length < 1 || value.length > most)
    return { fault: `${name} has ${value.length} characters; it has 1 to ${most}` }
  return { [field]: value } as unknown as BulkTarget
}
