/** `roost migrate`: brings the schema of a PostgreSQL server up to date before a new version is rolled out. */
import { Command } from 'commander'
import { readConfig } from '../config.ts'
import { Database } from '../store/database.ts'
import { startEmbeddedPostgres } from '../store/embedded.ts'
import { migrate, readMigrations } from '../store/migrate.ts'

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
  const config = readConfig(process.env)
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
