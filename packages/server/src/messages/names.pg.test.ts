/** Names that were borne twice before there was an index that keeps that from happening. */
import { expect, test } from 'vitest'
import { emptyDatabase } from '../../test/database.ts'
import { Database } from '../store/database.ts'
import { migrate, readMigrations } from '../store/migrate.ts'

const NAMES = 39
const IDS = [1, 2, 3, 4].map(it => `0190a5a0-0000-7000-8000-00000000000${it}`)
const [FIRST, SECOND, DELETED, LONG] = IDS

test('of a name that several triggers or schedules bear the first one keeps it, and the others go on', async () => {
  const database = await emptyDatabase()
  const db = new Database({ url: database.url })
  try {
    const migrations = await readMigrations()
    await migrate(
      db,
      migrations.filter(it => it.version < NAMES),
    )
    await fill(db)
    await migrate(db, migrations)
    expect(await namesOf(db, 'trigger')).toEqual([
      [FIRST, 'Cart'],
      [SECOND, 'cart (000000000002)'],
      [DELETED, 'Cart'],
      [LONG, 'x'.repeat(128)],
    ])
    expect(await namesOf(db, 'schedule')).toEqual([
      [FIRST, 'Cart'],
      [SECOND, 'cart (000000000002)'],
      [DELETED, 'x'.repeat(128)],
      [LONG, `${'x'.repeat(113)} (000000000004)`],
    ])
  } finally {
    await db.close()
    await database.drop()
  }
})

async function fill(db: Database): Promise<void> {
  const { rows } = await db.query<{ id: number }>(
    `insert into app (code, name, created_at) values ('AAAAA-AAAAA', 'App', now()) returning id`,
  )
  const appId = rows[0]?.id
  const long = 'x'.repeat(128)
  for (const [place, name] of ['Cart', 'cart', 'Cart', long].entries())
    await db.query(
      `insert into trigger (id, app_id, name, state, definition, listens_to, created_at, updated_at)
       values ($1, $2, $3, $4, '{}', '{}', now(), now())`,
      [IDS[place], appId, name, IDS[place] === DELETED ? 'deleted' : 'active'],
    )
  for (const [place, name] of ['Cart', 'cart', long, long].entries())
    await db.query(
      `insert into schedule (id, app_id, name, state, cron, missed, message, created_at, updated_at)
       values ($1, $2, $3, 'active', '0 9 * * *', 'one', '{}', now(), now())`,
      [IDS[place], appId, name],
    )
}

async function namesOf(db: Database, table: 'trigger' | 'schedule'): Promise<[string, string][]> {
  const { rows } = await db.query<{ id: string; name: string }>(`select id, name from ${table} order by id`)
  return rows.map(({ id, name }) => [id, name])
}
