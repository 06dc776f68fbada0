/** The file of an import: plain or gzip, known by its SHA-256, read from any place on. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { TransferFormat } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'

export interface ImportFile {
  readonly path: string
  readonly bytes: number
  /** When it was last written, ms. */
  readonly changedAt: number
  readonly isPacked: boolean
  /** By its name. */
  readonly format: TransferFormat
}

export async function lookAtFile(path: string): Promise<ImportFile> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new StartError(`there is no file ${path}`, 'Check the path.')
  if (!found.isFile()) throw new StartError(`${path} is no file`, 'Name the file itself.')
  return {
    path,
    bytes: found.size,
    changedAt: found.mtimeMs,
    isPacked: await isPacked(path),
    format: formatOf(path),
  }
}

/** RFC 1952. */
const GZIP = Buffer.from([0x1f, 0x8b])

async function isPacked(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(GZIP.length), 0, GZIP.length, 0)
    return bytesRead === GZIP.length && buffer.equals(GZIP)
  } finally {
    await file.close()
  }
}

export function formatOf(path: string): TransferFormat {
  return /\.(ndjson|jsonl|json)(\.gz)?$/i.test(path) ? 'ndjson' : 'csv'
}

export async function hashOf({ path }: ImportFile): Promise<Buffer> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest()
}

export interface ReadFile {
  /** In the unpacked file. */
  readonly from: number
  readonly signal: AbortSignal
  /** Bytes of the file as it lies on the disk, for the progress bar. */
  readonly onRead?: (bytes: number) => void
}

/**
 * Its text from that byte on. Throws the signal's reason when it is aborted, and StartError when the file is damaged or was
 * changed meanwhile: then its end was not seen, and what is stored is no more than a part of it.
 */
export async function* readFrom(
  file: ImportFile,
  { from, signal, onRead }: ReadFile,
): AsyncGenerator<Buffer> {
  const raw = createReadStream(file.path, { start: file.isPacked ? 0 : from })
  let read = file.isPacked ? 0 : from
  raw.on('data', chunk => {
    read += chunk.length
    onRead?.(read)
  })
  raw.pause()
  const source = file.isPacked ? unpack(raw) : raw
  let toSkip = file.isPacked ? from : 0
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      signal.throwIfAborted()
      if (toSkip < chunk.length) yield toSkip === 0 ? chunk : chunk.subarray(toSkip)
      toSkip = Math.max(0, toSkip - chunk.length)
    }
  } catch (error) {
    if (/^Z_/.test((error as NodeJS.ErrnoException).code ?? ''))
      throw new StartError(`${file.path} is damaged: ${(error as Error).message}`, 'Pack or copy it anew.')
    throw error
  } finally {
    raw.destroy()
  }
  await requireSame(file)
}

function unpack(raw: Readable): Readable {
  const gunzip = createGunzip()
  raw.on('error', error => gunzip.destroy(error))
  return raw.pipe(gunzip)
}

async function requireSame({ path, bytes, changedAt }: ImportFile): Promise<void> {
  const now = await stat(path)
  if (now.size !== bytes || now.mtimeMs !== changedAt)
    throw new StartError(
      `${path} was changed while it was read`,
      'Run the command again when the file is finished; what is stored already is not stored twice.',
    )
}
