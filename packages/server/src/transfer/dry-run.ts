/** What an import would bring: every row is read and checked as it would be, and nothing is stored. */
import type { AddressPolicy, ImportDryRun } from '@roost/protocol'
import { BEGINNING, readBlocks } from './blocks.ts'
import { CohortReport } from './cohorts.ts'
import type { DraftOptions } from './draft.ts'
import { type ImportSettings, readBlock } from './import.ts'
import { columnsOf } from './mappings/mappings.ts'

export interface DryRunImport {
  /** The file from its beginning. */
  readonly source: AsyncIterable<Buffer>
  /** Whether the file ends with it; else a row that is cut is left out. */
  readonly isFinal: boolean
  readonly settings: ImportSettings
  readonly options: DraftOptions & { readonly policy: AddressPolicy }
  /** When the file was made, ms. */
  readonly asOf: number
  /** ms. */
  readonly now: number
}

export async function dryRunImport(run: DryRunImport): Promise<ImportDryRun> {
  const { settings, options, asOf, now, isFinal } = run
  const report = new CohortReport()
  const read = { format: settings.format, from: BEGINNING, isFinal, columns: columnsOf(settings.mapping) }
  for await (const block of readBlocks(run.source, read))
    report.add(readBlock(block, { settings, options }), { asOf, now, policy: options.policy })
  return report.result()
}
