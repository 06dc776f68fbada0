/** Where an import goes: into the database itself, or to a server that runs on it. */
import type { ImportMapping, ImportView, Platform, TransferFormat } from '@roost/protocol'
import type { DraftOptions } from '../../transfer/draft.ts'
import type { ImportSettings } from '../../transfer/import.ts'
import type { ImportFile } from './file.ts'

export interface ImportOptions {
  readonly app: string
  readonly mapping: ImportMapping
  readonly format?: TransferFormat
  readonly platform?: Platform
  readonly environment?: 'production' | 'sandbox'
  readonly asOf?: string
  readonly vapidKeys?: string
  readonly refused?: string
  readonly dryRun?: boolean
  readonly again?: boolean
  readonly json?: boolean
  readonly url?: string
  readonly token?: string
}

export interface VapidKeys {
  readonly publicKey: string
  readonly privateKey: string
  readonly subject?: string
}

export interface ImportOrder {
  readonly file: ImportFile
  readonly settings: ImportSettings
  /** When the file was made, ms. */
  readonly asOf: number
  /** Begin anew whatever was imported before. */
  readonly isAgain: boolean
  readonly signal: AbortSignal
  /** Before the first block. */
  readonly onStart: (view: ImportView) => void
  readonly onProgress: (view: ImportView) => void
  readonly onRead: (bytes: number) => void
}

export interface ImportTarget {
  /** A key that is there already is not added again. */
  addVapidKeys(keys: VapidKeys): Promise<void>
  /** What a row is checked with. */
  draftOptions(asOf: number): Promise<DraftOptions>
  store(order: ImportOrder): Promise<ImportView>
  /** The report of refused rows, as text. */
  refusals(id: string, format: TransferFormat): Promise<AsyncIterable<string | Buffer>>
}
