/** `roost migrate`: brings the schema of a PostgreSQL server up to date before a new version is rolled out. */
import { Command } from 'commander'
import type { Prepared } from '../store/prepare.ts'
import { tellUnknown } from './unknown-settings.ts'

export function migrateCommand(): Command {
  return new Command('migrate')
    .description('Bring the database schema up to date and leave')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      '\n"serve" does the same at its start; run this first where several servers share a database.',
    )
    .action(run)
}

async function run(options: { readonly json?: boolean }): Promise<void> {
  const { readConfig, unknownSettings } = await import('../config.ts')
  const { Database } = await import('../store/database.ts')
  const { sharePostgres, tellWaiting } = await import('../store/embedded.ts')
  const { prepareDatabase } = await import('../store/prepare.ts')
  const config = readConfig(process.env)
  tellUnknown(unknownSettings(process.env))
  const shared = config.databaseUrl === undefined ? await sharePostgres(config) : undefined
  const db = new Database({ url: config.databaseUrl ?? shared?.url ?? '' })
  try {
    const { applied, newer } = await prepareDatabase(db)
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ applied: applied.map(it => it.version), newer })}\n`
        : told(applied, newer),
    )
  } finally {
    await db.close()
    await shared?.leave(tellWaiting)
  }
}

function told(applied: Prepared['applied'], newer: Prepared['newer']): string {
  const lines = applied.map(it => `applied ${String(it.version).padStart(4, '0')} ${it.name}\n`)
  if (newer.length > 0) lines.push(`The schema is of a newer Roost: it has ${newer.join(', ')} besides.\n`)
  return lines.length === 0 ? 'The schema is up to date.\n' : lines.join('')
}
