/** What the page of imports asks the server for, and how a file is sent to it. */
import type { ImportDryRun, ImportView, NewImport } from '@roost/protocol'
import type { UseQueryResult } from '@tanstack/react-query'
import { type Api, ApiProblem, path, query } from '../api/client.ts'
import { useAnswer } from '../api/use-api.ts'
import type { ChosenFile } from './file.ts'

/** Far below what the server takes at once, so that a slow line has sent it within a minute. */
const PART_BYTES = 4 * 1024 * 1024
/** The server takes so much of a file for a dry run. */
export const DRY_RUN_BYTES = 16 * 1024 * 1024
const TIMEOUT_MS = 120_000
/** A larger file would have to fit into the browser's memory to be known again. */
const HASHED_BYTES_MAX = 256 * 1024 * 1024

/** Its key begins as what the live stream tells of: an import that runs elsewhere is told, too. */
export function useImports(app: string): UseQueryResult<readonly ImportView[]> {
  return useAnswer<{ readonly imports: readonly ImportView[] }, readonly ImportView[]>({
    key: [app, 'works', 'imports'],
    path: path`v1/apps/${app}/imports`,
    select: ({ imports }) => imports,
  })
}

export type Reading = Pick<NewImport, 'mapping' | 'format' | 'platform' | 'environment'>

export interface ImportOrder {
  readonly app: string
  readonly file: ChosenFile
  readonly reading: Reading
}

export function dryRun(api: Api, { app, file, reading }: ImportOrder): Promise<ImportDryRun> {
  const { mapping, format, platform, environment } = reading
  const asked = query({
    mapping,
    format,
    platform: platform ?? undefined,
    environment: environment ?? undefined,
    asOf: new Date(file.changedAt).toISOString(),
    final: file.content.size <= DRY_RUN_BYTES,
  })
  return api.post(path`v1/apps/${app}/imports/dry-run` + asked, partOf(file, 0, DRY_RUN_BYTES), {
    timeoutMs: TIMEOUT_MS,
  })
}

/** Begins an import, or finds the one of the same file, read in the same way. */
export async function begin(api: Api, order: ImportOrder, isAgain: boolean): Promise<ImportView> {
  const { app, file, reading } = order
  const sha256 = await hashOf(file.content)
  return api.post(path`v1/apps/${app}/imports`, {
    ...reading,
    asOf: new Date(file.changedAt).toISOString(),
    ...(sha256 !== undefined && { sha256 }),
    isAgain,
  })
}

export interface Running {
  readonly signal: AbortSignal
  readonly onProgress: (view: ImportView) => void
}

/** Sends what the server does not have yet, part by part. What it has stored stays stored when this throws or is stopped. */
export async function run(
  api: Api,
  order: ImportOrder,
  begun: ImportView,
  running: Running,
): Promise<ImportView> {
  let view = begun
  while (view.state === 'open' && !running.signal.aborted) {
    view = await sendPart(api, order, view)
    running.onProgress(view)
  }
  return view
}

async function sendPart(
  api: Api,
  { app, file }: ImportOrder,
  { id, byteOffset }: ImportView,
): Promise<ImportView> {
  const isLast = byteOffset + PART_BYTES >= file.content.size
  const at = path`v1/apps/${app}/imports/${id}`
  try {
    return await api.put<ImportView>(
      `${at}/parts${query({ offset: byteOffset, final: isLast })}`,
      partOf(file, byteOffset, PART_BYTES),
      { timeoutMs: TIMEOUT_MS },
    )
  } catch (error) {
    // an answer that was lost, or another tab: the server says where it stands
    if (!(error instanceof ApiProblem && error.body.code === 'import_moved')) throw error
    const now = await api.get<ImportView>(at)
    if (now.byteOffset <= byteOffset && now.state === 'open') throw error
    return now
  }
}

function partOf({ content, format }: ChosenFile, from: number, bytes: number): Blob {
  const type = format === 'csv' ? 'text/csv' : 'application/x-ndjson'
  return content.slice(from, from + bytes, type)
}

/** Undefined where it can't be told: over plain HTTP browsers have no digests. */
async function hashOf(content: Blob): Promise<string | undefined> {
  if (content.size > HASHED_BYTES_MAX || !globalThis.crypto.subtle) return undefined
  const digest = await crypto.subtle.digest('SHA-256', await content.arrayBuffer())
  return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, '0')).join('')
}

/** The rows that were refused, as CSV. */
export async function readRefusals(api: Api, app: string, id: string): Promise<Blob> {
  const response = await api.open(path`v1/apps/${app}/imports/${id}/refusals` + query({ format: 'csv' }))
  return response.blob()
}
