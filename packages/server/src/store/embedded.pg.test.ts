/** Commands beside each other on the embedded database, where no server runs. */
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findRunningPostgres, type SharedPostgres, sharePostgres, startEmbeddedPostgres } from './embedded.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const share = () => sharePostgres({ dataDirectory: folder, fsync: false })

async function isThere({ url }: Pick<SharedPostgres, 'url'>): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

const unexpected = () => expect.unreachable('nobody is waited for')

test('the database goes with the last command that uses it, not with the one that has started it', async () => {
  const first = await share()
  const second = await share()
  let tell = () => {}
  const waits = new Promise<void>(resolve => {
    tell = resolve
  })
  let hasLeft = false
  const leaving = first.leave(tell).then(() => {
    hasLeft = true
  })
  await waits
  expect(await isThere(second)).toBe(true)
  const third = await share() // who comes meanwhile is not turned away
  expect(third.url).toBe(second.url)
  await second.leave(unexpected)
  expect([await isThere(third), hasLeft]).toEqual([true, false])
  await third.leave(unexpected)
  await leaving
  expect([await isThere(third), await findRunningPostgres(folder)]).toEqual([false, undefined])
})

test('who is alone stops it at once, and who comes next starts it anew', async () => {
  const first = await share()
  await first.leave(unexpected)
  expect(await findRunningPostgres(folder)).toBeUndefined()
  const second = await share()
  expect(await isThere(second)).toBe(true)
  await second.leave(unexpected)
})

test('of several that begin at once on an empty folder one starts it, and all of them work', async () => {
  const all = await Promise.all([share(), share(), share()])
  expect(new Set(all.map(it => it.url)).size).toBe(1)
  for (const it of all) expect(await isThere(it)).toBe(true)
  await Promise.all(all.map(it => it.leave(() => undefined)))
  expect(await findRunningPostgres(folder)).toBeUndefined()
})

test('who comes while it is being stopped has one that goes on', async () => {
  const first = await share()
  const leaving = first.leave(() => undefined)
  const second = await share()
  expect(await isThere(second)).toBe(true)
  await Promise.all([leaving, second.leave(() => undefined)])
  expect(await findRunningPostgres(folder)).toBeUndefined()
})

test('a server does not wait for commands when it is stopped', async () => {
  const server = await startEmbeddedPostgres({ dataDirectory: folder, fsync: false })
  const command = await share()
  expect(command.url).toBe(server.url)
  await server.stop()
  expect(await isThere(command)).toBe(false)
  await command.leave(unexpected)
})

test('a password that has gone, or is another one, is told at once by the name of its file, and nothing is made in its place', async () => {
  await (await share()).leave(unexpected)
  const file = join(folder, 'postgres.password')
  await rename(file, `${file}.kept`)
  const before = await readdir(folder)
  await expect(share()).rejects.toThrow(`${file} is missing`)
  expect(await readdir(folder)).toEqual(before)
  await writeFile(file, 'another one')
  await expect(share()).rejects.toThrow('postgres.password in the data folder does not hold')
  expect(await findRunningPostgres(folder)).toBeUndefined()
  await rename(`${file}.kept`, file)
  const again = await share()
  expect(await isThere(again)).toBe(true)
  await again.leave(unexpected)
})
