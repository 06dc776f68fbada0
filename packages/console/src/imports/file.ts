/**
 * The file of an import, as far as it can be told before the server reads it: packed or not, lines of JSON or a table, and by its columns
 * which system it comes from. Source: docs/import.md, "Files".
 */
import type { ImportMapping, TransferFormat } from '@roost/protocol'

export const MAPPINGS = [
  'roost',
  'onesignal',
  'pushwoosh',
  'parse',
  'tokens',
  'browser',
] as const satisfies readonly ImportMapping[]

export interface ChosenFile {
  readonly name: string
  /** Unpacked. */
  readonly content: Blob
  readonly changedAt: number
  readonly format: TransferFormat
  /** Undefined: its columns are of no form that is known. */
  readonly mapping: ImportMapping | undefined
}

/** RFC 1952. */
const GZIP = [0x1f, 0x8b]
/** A header is not longer. */
const BEGINNING_BYTES = 64 * 1024

/** Throws when what looks like gzip is none. */
export async function chooseFile(file: File): Promise<ChosenFile> {
  const first = new Uint8Array(await file.slice(0, GZIP.length).arrayBuffer())
  const isPacked = GZIP.every((byte, at) => first[at] === byte)
  const content = isPacked ? await unpack(file) : file
  const beginning = await content.slice(0, BEGINNING_BYTES).text()
  const format = formatOf(beginning)
  return {
    name: file.name,
    content,
    changedAt: file.lastModified,
    format,
    mapping: mappingOf(beginning, format),
  }
}

function unpack(file: File): Promise<Blob> {
  return new Response(file.stream().pipeThrough(new DecompressionStream('gzip'))).blob()
}

/** By what is in it: exports of JSON lines are called .json, .txt or anything. */
export function formatOf(beginning: string): TransferFormat {
  return beginning.trimStart().startsWith('{') ? 'ndjson' : 'csv'
}

/** Columns that only this form has, the most telling ones first. */
const TELLING: readonly (readonly [ImportMapping, readonly string[]])[] = [
  ['browser', ['endpoint', 'subscription']],
  ['parse', ['installationId', 'deviceToken']],
  ['roost', ['pushToken', 'isOptedOut', 'hwid']],
  ['pushwoosh', ['Hwid', 'Push Token']],
  ['onesignal', ['player_id', 'subscription_id', 'identifier']],
  ['tokens', ['token', 'Token']],
]

export function mappingOf(beginning: string, format: TransferFormat): ImportMapping | undefined {
  const names = new Set(namesIn(beginning, format))
  return TELLING.find(([, columns]) => columns.some(column => names.has(column)))?.[0]
}

function namesIn(beginning: string, format: TransferFormat): readonly string[] {
  const [line = ''] = beginning
    .replace(/^\uFEFF/, '')
    .trimStart()
    .split(/\r?\n/)
  if (format === 'ndjson') return keysOf(line)
  return line.split(/[,;\t]/).map(name => name.trim().replace(/^"(.*)"$/, '$1'))
}

function keysOf(line: string): readonly string[] {
  try {
    return Object.keys(JSON.parse(line) as object)
  } catch {
    return []
  }
}
