/** What callers, probes and the log are told while the database can't serve, and that all goes on when it can again. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { openSocket } from '../../test/live-client.ts'
import { tick } from '../../test/roost.ts'
import { codeOf, Database, isDatabaseAway } from '../store/database.ts'

let database: TestDatabase
let admin: Database
let server: BareServer
let app: Access
beforeAll(async () => {
  database = await cloneDatabase()
  admin = new Database({ url: database.url })
  server = await startBare({ databaseUrl: database.url })
  app = await server.createApp()
})
afterAll(async () => {
  await server.close()
  await admin.close()
  await database.drop()
})

const TOKEN = 'a'.repeat(64)
const register = (hwid: string) =>
  server.device(app, 'registerDevice', { hwid, device_type: 1, push_token: TOKEN })

const RAISE = (code: string, table = 'device') =>
  `create or replace function refuse() returns trigger language plpgsql as
     $$ begin raise exception 'refused' using errcode = '${code}'; end $$;
   create or replace trigger refuse before insert on ${table} for each row execute function refuse()`

/** All but its own. */
const CUT = `select pg_terminate_backend(pid) from pg_stat_activity
              where datname = current_database() and pid <> pg_backend_pid()`

async function setReadOnly(value: 'on' | 'off'): Promise<void> {
  const { pathname } = new URL(database.url)
  await admin.transaction(async tx => {
    await tx.query('set transaction read write')
    await tx.query(`alter database ${pathname.slice(1)} set default_transaction_read_only = ${value}`)
  })
  await admin.query(CUT)
}

async function untilReadyzSays(text: string): Promise<void> {
  for (let said = ''; !said.includes(text); await tick()) {
    server.clock.advance(1000)
    said = await (await fetch(`${server.url}/readyz`)).text()
  }
}

describe.each([
  ['the disk is full', '53100'],
  ['it has no memory left', '53200'],
  ['it has no connection left', '53300'],
  ['its disk fails', '58030'],
  ['a lock is not had in time', '55P03'],
  ['it is shutting down', '57P01'],
])('when %s', (_, code) => {
  test(`(${code}) a registration is answered 503 with Retry-After, stored not at all, and taken afterwards`, async () => {
    await admin.query(RAISE(code))
    const refused = await register(`full-${code}`)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('5')
    expect(refused.body).toMatchObject({ status_code: 503, response: null })
    await admin.query('drop trigger refuse on device')
    expect(await register(`full-${code}`)).toMatchObject({ status: 200, body: { status_code: 200 } })
  })
})

/** Once in ten seconds, which a busy machine may take for all of them. */
function expectToldSeldom(lines: readonly string[] | null, calls: number): void {
  expect(lines?.length ?? 0).toBeGreaterThan(0)
  expect(lines?.length).toBeLessThan(calls / 4)
}

test('the log tells why the database can’t serve, once for many calls, whatever API they are of', async () => {
  const own = await startBare({ databaseUrl: database.url })
  const access = await own.createApp()
  const hwids = Array.from({ length: 20 }, (_, n) => `many-${n}`)
  await Promise.all(hwids.map(hwid => own.device(access, 'applicationOpen', { hwid })))
  await admin.query(RAISE('53100'))
  const of = `/v1/apps/${access.app}/devices`
  for (const hwid of hwids.slice(0, 2)) {
    await own.device(access, 'applicationOpen', { hwid })
    await own.rest('PATCH', `${of}/${hwid}`, { userId: 'ann' })
  }
  const told = () => own.logged().match(/"code":"53100".*the database can not serve/g)
  expect(told()).toHaveLength(1)
  await Promise.all(hwids.map(hwid => own.rest('PATCH', `${of}/${hwid}`, { userId: 'ann' })))
  expectToldSeldom(told(), hwids.length)
  await admin.query('drop trigger refuse on device')
  await own.close()
})

test('the log tells once why live channels are refused, however many say hello, and a fault of ours each time', async () => {
  const own = await startBare({ databaseUrl: database.url })
  const access = await own.createApp()
  const hwids = Array.from({ length: 20 }, (_, n) => `hello-${n}`)
  await Promise.all(hwids.map(hwid => own.device(access, 'applicationOpen', { hwid })))
  const { app: code, deviceToken } = access
  const refusals = () =>
    Promise.all(
      hwids.map(async hwid => {
        const device = openSocket(own.url)
        await once(device.socket, 'open')
        device.say({ type: 'hello', app: code, deviceToken, hwid, userId: null, state: 'online' })
        const refusal = await device.next('error')
        await device.closed
        return refusal.code
      }),
    )
  await admin.query(RAISE('53100', 'live_presence'))
  expect(new Set(await refusals())).toEqual(new Set(['not_ready']))
  expectToldSeldom(own.logged().match(/"code":"53100".*the database can not serve/g), hwids.length)
  await admin.query(RAISE('P0001', 'live_presence'))
  expect(new Set(await refusals())).toEqual(new Set(['internal']))
  expect(own.logged().match(/a frame of a live channel could not be taken/g)).toHaveLength(hwids.length)
  await admin.query('drop trigger refuse on live_presence')
  await own.close()
})

test('a database that takes no writes is not ready, and is again when it does', async () => {
  await setReadOnly('on')
  await untilReadyzSays('the database takes no writes')
  const device = await register('read-only')
  const rest = await server.rest('POST', '/v1/apps', { name: 'read-only' })
  expect(device).toMatchObject({ status: 503, body: { status_code: 503 } })
  expect(rest).toMatchObject({ status: 503, body: { code: 'not_ready' } })
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503)
  await setReadOnly('off')
  await untilReadyzSays('"status":"ready"')
  expect((await register('read-only')).status).toBe(200)
})

test('of registrations during which every connection is cut, all that were answered 200 are there', async () => {
  const answers = new Map<string, number>()
  let isOver = false
  const client = async (n: number) => {
    for (let i = 0; !isOver; i++) answers.set(`cut-${n}-${i}`, (await register(`cut-${n}-${i}`)).status)
  }
  const clients = Array.from({ length: 8 }, (_, n) => client(n))
  for (let cut = 0; cut < 3; cut++) {
    const before = answers.size
    while (answers.size < before + 30) await tick()
    await admin.query(CUT).catch(() => undefined)
  }
  const before = answers.size
  while (answers.size < before + 30) await tick()
  isOver = true
  await Promise.all(clients)
  expect(new Set([...answers.values()])).toEqual(new Set([200, 503]))
  const { rows } = await admin.query<{ hwid: string }>("select hwid from device where hwid like 'cut-%'")
  const stored = new Set(rows.map(it => it.hwid))
  expect([...answers].filter(([hwid, status]) => status === 200 && !stored.has(hwid))).toEqual([])
})

test('probes of readiness and metrics cost a query a second, however many there are', async () => {
  const own = await startBare({ databaseUrl: database.url })
  const asked: string[] = []
  const query = own.db.query.bind(own.db)
  own.db.query = (text, values) => {
    asked.push(text)
    return query(text, values)
  }
  const startedAt = Date.now()
  for (let n = 0; n < 100; n++)
    await Promise.all(['/readyz', '/metrics'].map(path => fetch(`${own.url}${path}`).then(it => it.text())))
  const seconds = Math.ceil((Date.now() - startedAt) / 1000)
  for (const word of ['transaction_read_only', 'from batch where state']) {
    const count = asked.filter(text => text.includes(word)).length
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThanOrEqual(seconds + 1)
  }
  await own.close()
})

test('metrics without a database tell all that needs none', async () => {
  const lost = await cloneDatabase()
  const alone = await startBare({ databaseUrl: lost.url })
  await lost.drop()
  const metrics = await fetch(`${alone.url}/metrics`)
  expect(metrics.status).toBe(200)
  expect(await metrics.text()).toContain('process_cpu_seconds_total')
  await alone.close()
})

/** A way to the database that can be cut so that nobody is told, as a network or a fail-over does. */
async function startSilencer(target: URL) {
  let isSilent = false
  const sockets: Socket[] = []
  const gate = createServer(near => {
    const far = connect(Number(target.port), target.hostname)
    sockets.push(near, far)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', chunk => isSilent || to.write(chunk))
      from.on('close', () => isSilent || to.destroy())
      from.on('error', () => undefined)
    }
  }).listen(0, '127.0.0.1')
  await once(gate, 'listening')
  const url = new URL(target)
  url.port = String((gate.address() as AddressInfo).port)
  return {
    url: url.href,
    silence: (value: boolean) => {
      isSilent = value
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      gate.close()
    },
  }
}

test('a database that falls silent is given up, and the next statement has a new connection', async () => {
  const way = await startSilencer(new URL(database.url))
  const db = new Database({ url: way.url, answerTimeoutMs: 2000, connectTimeoutMs: 10_000 })
  await db.query('select 1')
  way.silence(true)
  for (const work of [() => db.query('select 2'), () => db.transaction(tx => tx.query('select 3'))]) {
    const error = await work().catch((thrown: unknown) => thrown)
    expect(isDatabaseAway(error)).toBe(true)
    expect(codeOf(error)).toBe('')
  }
  way.silence(false)
  expect((await db.query('select 4 as four')).rows).toEqual([{ four: 4 }])
  await db.close()
  way.close()
})
