/** The secret of a data folder, where ROOST_SECRET names none. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { Database } from './database.ts'
import { StartError } from './folder.ts'
import { keepOwnSecret } from './own-secret.ts'

let database: TestDatabase
let db: Database
let folder: string
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url })
  folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
})
afterAll(async () => {
  await db.close()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

test('a command beside a database that was sealed elsewhere is told so, and makes no data folder', async () => {
  const data = join(folder, 'data')
  const secret = await keepOwnSecret(db, data)
  expect(await keepOwnSecret(db, data)).toBe(secret)
  await db.query("insert into secret_canary (sealed) values ('sealed')")
  const elsewhere = join(folder, 'elsewhere')
  await expect(keepOwnSecret(db, elsewhere)).rejects.toThrow(StartError)
  expect(existsSync(elsewhere)).toBe(false)
  expect(await keepOwnSecret(db, data)).toBe(secret)
})
