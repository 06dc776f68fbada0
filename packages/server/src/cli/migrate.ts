/** `roost migrate`: brings the schema of a PostgreSQL server up to date before a new version is rolled out. */
import { Command } from 'commander'
import { tellUnknown } from './serve.ts'

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
  const { startEmbeddedPostgres } = await import('../store/embedded.ts')
  const { migrate, readMigrations } = await import('../store/migrate.ts')
  const config = readConfig(process.env)
  tellUnknown(unknownSettings(process.env))
  const embedded = config.databaseUrl === undefined ? await startEmbeddedPostgres(config) : undefined
  const db = new Database({ url: config.databaseUrl ?? embedded?.url ?? '' })
  try {
    const applied = await migrate(db, await readMigrations())
    process.stdout.write(
      options.json ? `${JSON.stringify({ applied: applied.map(it => it.version) })}\n` : told(applied),
    )
  } finally {
    await db.close()
    await embedded?.stop()
  }
}

function told(applied: readonly { readonly version: number; readonly name: string }[]): string {
  if (applied.length === 0) return 'The schema is up to date.\n'
  return applied.map(it => `applied ${String(it.version).padStart(4, '0')} ${it.name}\n`).join('')
}
