/**
 * Sends a file of ids in parts, each at the end of a line, so that no call takes longer than a minute and the progress is known. A part of a
 * CSV file begins with the file's header, if it has one.
 *
 * Source: docs/segments.md, "Lists of ids".
 */
import type { AddedToList, ListKind } from '@roost/protocol'
import { type Api, path, query } from '../api/client.ts'

const PART_BYTES = 2_000_000
const TIMEOUT_MS = 90_000
const COLUMNS: Readonly<Record<ListKind, string>> = { devices: 'hwid', users: 'user_id' }

export interface Upload {
  readonly app: string
  readonly list: string
  readonly kind: ListKind
  readonly file: File
  readonly signal: AbortSignal
  /** 0 to 1. */
  readonly onProgress: (share: number) => void
}

export type Uploaded = Pick<AddedToList, 'added' | 'unknown' | 'refused' | 'refusals'>

/** Safe to repeat: what is there already is added once. */
export async function uploadIds(api: Api, upload: Upload): Promise<Uploaded> {
  const { app, list, kind, file, signal, onProgress } = upload
  const isLines = /\.(nd)?jsonl?$/i.test(file.name)
  const type = isLines ? 'application/x-ndjson' : 'text/csv'
  let sum: Uploaded = { added: 0, unknown: 0, refused: 0, refusals: [] }
  let linesBefore = 0
  for await (const { text, isLast, readBytes, headerLines } of partsOf(
    file,
    isLines ? undefined : COLUMNS[kind],
  )) {
    const answer = await api.post<AddedToList>(
      path`v1/apps/${app}/lists/${list}/ids` + query({ final: isLast }),
      new Blob([text], { type }),
      { signal, timeoutMs: TIMEOUT_MS },
    )
    const offset = linesBefore - headerLines
    sum = {
      added: sum.added + answer.added,
      unknown: sum.unknown + answer.unknown,
      refused: sum.refused + answer.refused,
      refusals: [
        ...sum.refusals,
        ...answer.refusals.map(({ line, detail }) => ({ line: line + offset, detail })),
      ].slice(0, 100),
    }
    linesBefore = offset + text.split('\n').length - 1
    onProgress(file.size === 0 ? 1 : readBytes / file.size)
  }
  return sum
}

interface PartOfFile {
  readonly text: string
  readonly isLast: boolean
  readonly readBytes: number
  /** Of the header that was put in front of it. */
  readonly headerLines: number
}

/** `column`: of CSV, whose first line is a header when it names it. An empty file is one empty part. */
export async function* partsOf(
  file: Blob,
  column: string | undefined,
  partBytes = PART_BYTES,
): AsyncGenerator<PartOfFile> {
  let header = ''
  for (let at = 0; ; ) {
    const isFirst = at === 0
    const end = await endOfLine(file, at + partBytes)
    // the mark that spreadsheets put in front is dropped by text()
    const text = await file.slice(at, end).text()
    const headerLines = !isFirst && header !== '' ? 1 : 0
    const isLast = end >= file.size
    yield { text: headerLines ? header + text : text, isLast, readBytes: end, headerLines }
    if (isLast) return
    if (isFirst && column !== undefined) header = headerIn(text, column)
    at = end
  }
}

/** The place behind the next line break from `at` on, or the end of the file. */
async function endOfLine(file: Blob, at: number): Promise<number> {
  const STEP = 64 * 1024
  for (let from = at - 1; from < file.size; from += STEP) {
    const bytes = new Uint8Array(await file.slice(from, from + STEP).arrayBuffer())
    const found = bytes.indexOf(10)
    if (found >= 0) return from + found + 1
  }
  return file.size
}

function headerIn(text: string, column: string): string {
  const first = text.slice(0, text.indexOf('\n') + 1)
  const names = first
    .trim()
    .split(/[,;\t]/)
    .map(name => name.trim().replace(/^"|"$/g, '').toLowerCase())
  return names.includes(column) ? first : ''
}
