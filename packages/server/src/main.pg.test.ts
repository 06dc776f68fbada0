/** Starting and stopping the server: what is in hand is answered, and nothing holds a stop up for ever. */
import { createECDH, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../test/database.ts'
import { untilHeldUp } from '../test/held-up.ts'
import { tick } from '../test/roost.ts'
import { Database } from './store/database.ts'

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url })
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

const HWID = 'in-hand'

async function startedWithDevice(closeWithinMs?: number): Promise<{ server: BareServer; app: Access }> {
  const server = await startBare({
    databaseUrl: database.url,
    ...(closeWithinMs === undefined ? {} : { closeWithinMs }),
  })
  const app = await server.createApp()
  await server.device(app, 'applicationOpen', { hwid: HWID })
  return { server, app }
}

/** Runs `work` while a lock on the device holds up every call that writes to it. */
async function whileHeldUp(work: () => Promise<void>): Promise<void> {
  await db.transaction(async tx => {
    await tx.query('select from device where hwid = $1 for update', [HWID])
    await work()
  })
}

async function untilClosed(url: string): Promise<void> {
  for (;;) {
    try {
      await fetch(`${url}/healthz`)
      await tick()
    } catch {
      return
    }
  }
}

describe('a stop', () => {
  test('answers the setTags in hand after its commit, and takes no new call', async () => {
    const { server, app } = await startedWithDevice()
    let answered: Promise<unknown> = Promise.resolve()
    let closing: Promise<void> = Promise.resolve()
    await whileHeldUp(async () => {
      answered = server.device(app, 'setTags', { hwid: HWID, tags: { city: 'Bern' } })
      await untilHeldUp(db)
      closing = server.close()
      await untilClosed(server.url)
    })
    expect(await answered).toMatchObject({ status: 200, body: { status_code: 200 } })
    await closing
    const { rows } = await db.query("select tags ->> 'city' as city from device where hwid = $1", [HWID])
    expect(rows).toEqual([{ city: 'Bern' }])
  })

  test('cuts what is not done in time', async () => {
    const { server, app } = await startedWithDevice(50)
    let closing: Promise<void> = Promise.resolve()
    await whileHeldUp(async () => {
      const cut = server.device(app, 'setTags', { hwid: HWID, tags: { city: 'Rome' } }).then(
        () => 'answered',
        () => 'cut',
      )
      await untilHeldUp(db)
      closing = server.close()
      expect(await cut).toBe('cut')
    })
    await closing
  })
})

/** A push service that takes connections and never says a word. */
async function startSilentGateway() {
  const sockets: Socket[] = []
  const gateway = createServer(socket => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(gateway, 'listening')
  return {
    endpoint: `https://127.0.0.1:${(gateway.address() as AddressInfo).port}/somebody`,
    untilDialled: async () => {
      if (sockets.length === 0) await once(gateway, 'connection')
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      gateway.close()
    },
  }
}

test('a gateway that does not answer holds no stop up, and what was meant for it stays to be sent', async () => {
  const gateway = await startSilentGateway()
  const server = await startBare({
    databaseUrl: database.url,
    closeWithinMs: 50,
    environment: { ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' },
  })
  const app = await server.createApp()
  await server.device(app, 'registerDevice', {
    hwid: 'browser',
    device_type: 11,
    push_token: gateway.endpoint,
    public_key: createECDH('prime256v1').generateKeys().toString('base64url'),
    auth_token: randomBytes(16).toString('base64url'),
  })
  const content = { title: 'Hello' }
  const to = { devices: ['browser'] }
  const sent = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/messages`, { to, content })
  await gateway.untilDialled()
  await server.close()
  gateway.close()
  expect(server.logged()).toContain('gateways have not answered')
  const { rows } = await db.query('select hwid from delivery_queue where message_id = $1', [sent.body.id])
  expect(rows).toEqual([{ hwid: 'browser' }])
})

describe('the secret', () => {
  const startWith = (url: string, secret: string) =>
    startBare({ databaseUrl: url, environment: { ROOST_SECRET: secret } })
  const [ONE, TWO] = ['1'.repeat(32), '2'.repeat(32)] as const

  test('of a second server must be that of the first, also before there is any credential', async () => {
    const own = await cloneDatabase()
    const first = await startWith(own.url, ONE)
    await expect(startWith(own.url, TWO)).rejects.toThrow(/another ROOST_SECRET/)
    await (await startWith(own.url, ONE)).close()
    await first.close()
    await own.drop()
  })

  test('that has gone from the data folder is not made anew for a database that was sealed with it', async () => {
    const own = await cloneDatabase()
    const folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
    const environment = { ROOST_SECRET: '', ROOST_DATA_DIR: folder }
    const start = () => startBare({ databaseUrl: own.url, environment })
    await (await start()).close()
    const file = join(folder, 'secret')
    await rename(file, `${file}.kept`)
    await expect(start()).rejects.toThrow(`${file} is missing`)
    expect(await readdir(folder)).not.toContain('secret')
    await rename(`${file}.kept`, file)
    await (await start()).close()
    await rm(folder, { recursive: true })
    await own.drop()
  })

  test('of two first starts at once is one', async () => {
    const own = await cloneDatabase()
    const starts = await Promise.allSettled([startWith(own.url, ONE), startWith(own.url, TWO)])
    expect(starts.map(it => it.status).toSorted()).toEqual(['fulfilled', 'rejected'])
    for (const start of starts) if (start.status === 'fulfilled') await start.value.close()
    await own.drop()
  })
})
