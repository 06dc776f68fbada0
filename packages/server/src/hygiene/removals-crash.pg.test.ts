/** The feed of removals and a crash of its database: numbers of transactions that had come to no log are given away again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { crashPostgres } from '../../test/crash.ts'
import { Database } from '../store/database.ts'
import { startEmbeddedPostgres } from '../store/embedded.ts'
import { migrate, readMigrations } from '../store/migrate.ts'
import { ALL_REMOVALS, readPlace, readRemovals } from './removals.ts'

/** Transactions with numbers, of which nothing comes to the log as long as they are open. */
async function beginSome(url: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    await client.query('begin')
    await client.query('select pg_current_xact_id()')
  }
}

const remove = (db: Database, hwid: string) =>
  db.query(
    `insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
     values (0, 1, $1, now(), 'unregistered', 'asked_by_device', 'fcm', '', 'alert', 'xyz', 1)`,
    [hwid],
  )

test('who stands behind an entry reads on there after a crash, and misses none, whatever numbers come again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  const first = await startEmbeddedPostgres({ dataDirectory: folder })
  const before = new Database({ url: first.url })
  await migrate(before, await readMigrations())
  await remove(before, 'of before')
  const read = async (db: Database, after: string) => {
    const query = { ...ALL_REMOVALS, appId: 1, after: readPlace(after), limit: 10 }
    return readRemovals(db, query)
  }
  const [entry] = await read(before, '')
  expect(entry).toMatchObject({ hwid: 'of before' })
  await beginSome(first.url, 8)
  await crashPostgres(join(folder, 'postgres'))
  await before.close()
  await first.stop()

  const second = await startEmbeddedPostgres({ dataDirectory: folder })
  const after = new Database({ url: second.url })
  await remove(after, 'of afterwards')
  expect((await read(after, entry?.id ?? '')).map(it => it.hwid)).toEqual(['of afterwards'])
  await after.close()
  await second.stop()
  await rm(folder, { recursive: true, force: true })
}, 120_000)
