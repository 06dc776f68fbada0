/** Links to the files of exports: whoever has one may read the file, so it says nothing that could be guessed. */
import type { SegmentExportView } from '@roost/protocol'
import type { FastifyRequest } from 'fastify'
import type { StoredExport } from '../../../audience/export.ts'
import type { Seal } from '../../../credentials/seal.ts'

const PURPOSE = 'link to the file of an export'

/** Null as long as there is no file. */
export function linkOf(
  { id, state, fileName }: StoredExport,
  seal: Seal,
  request: FastifyRequest,
): string | null {
  if (state !== 'done' || fileName === null) return null
  const key = seal.close(`${PURPOSE} ${id}`, id).toString('base64url')
  return `${request.protocol}://${request.host}/v1/segment-export-files/${id}?key=${key}`
}

export function opens(key: string, id: string, seal: Seal): boolean {
  try {
    return seal.open(`${PURPOSE} ${id}`, Buffer.from(key, 'base64url')) === id
  } catch {
    return false
  }
}

export function viewOf(stored: StoredExport, seal: Seal, request: FastifyRequest): SegmentExportView {
  const { run: _, ...view } = stored
  return { ...view, url: linkOf(stored, seal, request) }
}
