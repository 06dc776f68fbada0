/**
 * An operation: something that the simulator can do, by the same name and with the same fields over HTTP and in a
 * scenario file.
 */
import type { Simulator } from '../simulator.ts'
import { type FieldTable, InputError, readFields, type Values } from './fields.ts'
import type { People } from './people.ts'

export interface World {
  readonly simulator: Simulator
  readonly people: People
  /** What takes long ends early by it. */
  readonly signal?: AbortSignal
}

export interface Operation {
  /** As scenarios call it, such as `apns.kill-token`. */
  readonly name: string
  readonly method: 'GET' | 'POST'
  /** With `{field}` where a field is part of it. */
  readonly path: string
  readonly summary: string
  readonly fields: FieldTable
  /** Reads the fields and does it; throws InputError for what can't be done as it was said. */
  run(world: World, input: unknown, place?: string): Promise<unknown>
}

export interface OperationOptions<Table extends FieldTable> {
  readonly summary: string
  readonly fields?: Table
  readonly run: (world: World, values: Values<Table>) => unknown
}

/** `route` is method and path: `POST /apns/tokens`. */
export function operation<const Table extends FieldTable = Readonly<Record<never, never>>>(
  name: string,
  route: string,
  options: OperationOptions<Table>,
): Operation {
  const [method, path = '/'] = route.split(' ')
  const { summary, fields = {} as Table } = options
  return {
    name,
    method: method === 'GET' ? 'GET' : 'POST',
    path,
    summary,
    fields,
    run: async (world, input, place = '') => {
      const values = readFields(fields, input, place)
      try {
        return (await options.run(world, values)) ?? {}
      } catch (cause) {
        throw cause instanceof InputError ? cause : refused(place, cause)
      }
    },
  }
}

/** The stand-ins say themselves what they do not know. */
function refused(place: string, cause: unknown): InputError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new InputError(place, message, 'Name something that this simulator has made, as it gave it back.')
}
