/**
 * Registrations that share a transaction, and a fault in the middle of it: each call is answered rightly, and no device is
 * stored twice, by half, or without having been answered so. Sequences count what a rollback takes back.
 */
import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'

let server: BareServer
let app: Access
beforeEach(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterEach(async () => {
  await server.close()
})

const CALLS = 60
const BAD = 'device-17'

/** Runs `body` (PL/pgSQL) before each row of `table` that is of the bad device is stored. */
async function breakAt(table: 'device' | 'address' | 'ledger', body: string): Promise<void> {
  await server.db.query('create sequence faults')
  await server.db.query(
    `create function fail() returns trigger language plpgsql as $$ begin
       if new.hwid = '${BAD}' then ${body} end if; return new; end $$`,
  )
  await server.db.query(
    `create trigger breaks before insert on ${table} for each row execute function fail()`,
  )
}

async function faults(): Promise<number> {
  const { rows } = await server.db.query<{ count: number }>(
    'select case when is_called then last_value else 0 end as count from faults',
  )
  return rows[0]?.count ?? -1
}

/** Devices that share one transaction; returns the hwids by the HTTP status that each was answered. */
async function registerAll(): Promise<Map<number, string[]>> {
  const hwids = Array.from({ length: CALLS }, (_, n) => `device-${n}`)
  const answers = await whileOneIsHeld(async () => {
    const arrived = requestsArrive(CALLS)
    const calls = hwids.map(async hwid => ({ hwid, status: (await register(hwid)).status }))
    await arrived
    await server.rest('GET', '/v1/apps') // what arrived before it waits for the transaction by now
    return calls
  })
  const byStatus = new Map<number, string[]>()
  for (const { hwid, status } of answers) byStatus.set(status, [...(byStatus.get(status) ?? []), hwid])
  return byStatus
}

const HELD = 'held by the test'

/** A registration stays in its transaction until `begin` is through: whatever comes meanwhile waits for the next one. */
async function whileOneIsHeld<T>(begin: () => Promise<readonly Promise<T>[]>): Promise<T[]> {
  await server.db.query(
    `create function hold() returns trigger language plpgsql as $$ begin
       if new.hwid = '${HELD}' then perform pg_advisory_xact_lock(1); end if; return new; end $$`,
  )
  await server.db.query('create trigger holds before insert on device for each row execute function hold()')
  const { held, calls } = await server.db.transaction(async tx => {
    await tx.query('select pg_advisory_xact_lock(1)')
    const held = register(HELD)
    while (!(await isSomebodyWaiting()));
    return { held, calls: await begin() }
  })
  expect((await held).status).toBe(200)
  await server.db.query('drop trigger holds on device')
  return Promise.all(calls)
}

async function isSomebodyWaiting(): Promise<boolean> {
  const { rows } = await server.db.query(
    `select 1 from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database()
      where l.locktype = 'advisory' and l.objid = 1 and not l.granted`,
  )
  return rows.length > 0
}

/** Resolves when the server of this process was sent as many. */
async function requestsArrive(count: number): Promise<void> {
  const channel = 'http.server.request.start'
  let left = count
  let onLast: () => void = () => undefined
  const onRequest = () => {
    if (--left === 0) onLast()
  }
  subscribe(channel, onRequest)
  await new Promise<void>(resolve => {
    onLast = resolve
  })
  unsubscribe(channel, onRequest)
}

function register(hwid: string) {
  const push_token = randomBytes(32).toString('hex')
  return server.device(app, 'registerDevice', { hwid, device_type: 1, push_token })
}

interface Stored {
  readonly hwid: string
  readonly addresses: number
  readonly held: number
  readonly entries: number
}

async function stored(): Promise<Stored[]> {
  const { rows } = await server.db.query<Stored>(
    `select hwid, (select count(*) from address a where a.hwid = d.hwid and state = 'active') as addresses,
            (select count(*) from address_directory h where h.hwid = d.hwid) as held,
            (select count(*) from ledger l where l.hwid = d.hwid and event = 'registered') as entries
       from device d where hwid <> '${HELD}'`,
  )
  return rows
}

const whole = (hwid: string): Stored => ({ hwid, addresses: 1, held: 1, entries: 1 })
const byHwid = (a: Stored, b: Stored) => (a.hwid < b.hwid ? -1 : 1)

test.each(['device', 'address', 'ledger'] as const)(
  'one registration whose row of %s the database refuses fails alone; its neighbours are stored whole and once',
  async table => {
    await breakAt(table, "perform nextval('faults'); raise check_violation;")
    const answers = await registerAll()
    expect([...answers.keys()].toSorted()).toEqual([200, 500])
    expect(answers.get(500)).toEqual([BAD])
    expect((await stored()).toSorted(byHwid)).toEqual((answers.get(200) ?? []).map(whole).toSorted(byHwid))
    const tries = await faults()
    expect(tries, 'with neighbours, and alone at last').toBeGreaterThanOrEqual(2)
    expect(tries, 'the batch is halved').toBeLessThanOrEqual(2 + Math.ceil(Math.log2(CALLS)))
  },
)

test('when the connection is lost half-way, all of the batch are told so and none is stored; repeating stores each once', async () => {
  await breakAt(
    'ledger',
    "if nextval('faults') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if;",
  )
  const answers = await registerAll()
  expect([...answers.keys()]).toEqual([503])
  const lost = answers.get(503) ?? []
  expect(lost).toContain(BAD)
  expect(lost).toHaveLength(CALLS)
  expect(await stored()).toEqual([])

  for (const hwid of lost) expect((await register(hwid)).status).toBe(200)
  expect((await stored()).toSorted(byHwid)).toEqual(lost.map(whole).toSorted(byHwid))
})

test('a batch that PostgreSQL asks to repeat (a deadlock) is repeated whole, and nobody learns of it', async () => {
  await breakAt('ledger', "if nextval('faults') = 1 then raise deadlock_detected; end if;")
  const answers = await registerAll()
  expect([...answers.keys()]).toEqual([200])
  expect((await stored()).toSorted(byHwid)).toEqual((answers.get(200) ?? []).map(whole).toSorted(byHwid))
  expect(await faults()).toBe(2)
})

test('of a batch that collides whatever is done, only what is fought for is refused, for a while', async () => {
  await breakAt('device', 'raise deadlock_detected;')
  const answers = await registerAll()
  expect([...answers.keys()].toSorted()).toEqual([200, 503])
  expect(answers.get(503)).toEqual([BAD])
  expect((await stored()).toSorted(byHwid)).toEqual((answers.get(200) ?? []).map(whole).toSorted(byHwid))
  expect((await register(BAD)).headers.get('retry-after')).toMatch(/^\d+$/)
})
