/** Data rights against the whole server: after an erasure no table of the database holds a name or a token any more. */
import { randomBytes } from 'node:crypto'
import type { ErasureView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { sweepErasures } from './erase.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const HOUR_MS = 3_600_000
const name = (what: string) => `${what}-${randomBytes(6).toString('hex')}`
const path = (rest: string) => `/v1/apps/${roost.app}/${rest}`

/** Tables, by name, in which one of the texts stands anywhere: all that the database has, whatever its schema. */
async function tablesWith(texts: readonly string[]): Promise<string[]> {
  const { rows: tables } = await roost.server.db.query<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema') order by 1`,
  )
  expect(tables.length).toBeGreaterThan(15)
  const found: string[] = []
  for (const table of tables) {
    const { rows } = await roost.server.db.query(
      `select from ${table.name} t where exists (select from unnest($1::text[]) x where strpos(t::text, x) > 0) limit 1`,
      [texts],
    )
    if (rows.length > 0) found.push(table.name)
  }
  return found
}

const erase = async (target: Record<string, string>) => {
  const answer = await roost.rest<ErasureView>('POST', path('erasures'), target)
  expect(answer.status).toBe(200)
  return answer.body
}

/** A device with all that can be held of it: tags, receipts, a ledger, exceptions, messages that name it. */
async function busyDevice(userId: string) {
  const hwid = name('hwid')
  await roost.phone('ios', { hwid, userId, tags: { mail: `${hwid}@example.com` } })
  await roost.sendAndSettle({ to: { devices: [hwid] }, content: { title: 'one' } })
  await roost.sendAndSettle({ to: { users: [userId] }, content: { title: 'two', data: { who: userId } } })
  return { hwid }
}

describe('erasing a device', () => {
  test('leaves its name and token in no table, and its neighbours as they were', async () => {
    const user = name('user')
    const { hwid } = await busyDevice(user)
    const kept = await busyDevice(name('user'))
    const { rows } = await roost.server.db.query<{ address: string }>(
      'select address from address where hwid = $1',
      [hwid],
    )
    const tokens = rows.map(it => it.address)
    expect(tokens).toHaveLength(1)
    expect(await tablesWith([hwid])).toContain('public.device')
    const before = await roost.view(kept.hwid)
    const answer = await roost.rest<ErasureView>('DELETE', path(`devices/${hwid}`))
    expect(answer.status).toBe(200)
    expect(answer.body.counts).toMatchObject({
      device: 1,
      address: 1,
      address_directory: 1,
      ledger: 1,
      message: 1,
    })
    expect(await tablesWith([hwid, ...tokens])).toEqual(['public.erasure_sweep'])
    await sweepErasures(roost.server.db, roost.clock.now() + HOUR_MS)
    expect(await tablesWith([hwid, ...tokens])).toEqual([])
    expect(await roost.view(kept.hwid)).toEqual(before)
  })

  test('stops what is queued for it; the message ends without it', async () => {
    const [gone, kept] = [name('hwid'), name('hwid')]
    await roost.phone('ios', { hwid: gone })
    await roost.phone('ios', { hwid: kept })
    const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
    const id = await roost.send({ to: { devices: [gone, kept] }, content: { title: 'later' }, sendAt })
    await erase({ hwid: gone })
    roost.clock.advance(HOUR_MS + 1000)
    const { counts } = await roost.settle(id)
    expect(counts).toMatchObject({ accepted: 1, skipped: 1 })
  })

  test('a delivery that waits for another try is dropped, and its message comes to an end', async () => {
    const hwid = name('hwid')
    const phone = await roost.phone('ios', { hwid })
    const id = await roost.sendAndSettle({ to: { devices: [hwid] }, content: { title: 'first' } })
    expect(id.counts.accepted).toBe(1)
    // Queued by hand: as settle.ts leaves a delivery that a gateway asked to repeat.
    const waiting = await roost.send({
      to: { all: true },
      content: { title: 'held' },
      sendAt: new Date(roost.clock.now() + HOUR_MS).toISOString(),
    })
    const { rows } = await roost.server.db.query<{ id: number }>(
      `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, is_read, targeted)
       select id, app_id, 'apns', 0, 1023, $2, true, 1 from message where id = $1 returning id`,
      [waiting, new Date(roost.clock.now() + 2 * HOUR_MS)],
    )
    await roost.server.db.query(
      `insert into delivery_queue (bucket, message_id, hwid, app_id, batch_id, attempt, due_at, reason)
       select bucket, $2, hwid, app_id, $3, 1, $4, 'retry' from device where hwid = $1`,
      [hwid, waiting, rows[0]?.id, new Date(roost.clock.now() + 2 * HOUR_MS)],
    )
    phone.close()
    const { counts } = await erase({ hwid })
    expect(counts).toMatchObject({ delivery_queue: 1 })
    const after = await roost.server.db.query('select targeted from batch where id = $1', [rows[0]?.id])
    expect(after.rows).toEqual([{ targeted: 0 }])
  })

  test('what was booked while it was erased is found by the sweep, but not a device that has come back', async () => {
    const [stays, back] = [name('hwid'), name('hwid')]
    for (const hwid of [stays, back]) {
      await roost.phone('ios', { hwid })
      await erase({ hwid })
    }
    const late = await roost.sendAndSettle({ to: { devices: [stays] }, content: { title: 'late' } })
    expect(late.counts.skipped).toBe(1)
    await roost.phone('ios', { hwid: back })
    expect(await tablesWith([stays])).toContain('public.delivery_exception')
    await sweepErasures(roost.server.db, roost.clock.now()) // too early
    expect(await tablesWith([stays])).toContain('public.delivery_exception')
    await sweepErasures(roost.server.db, roost.clock.now() + HOUR_MS)
    expect((await tablesWith([stays])).filter(it => it !== 'public.message')).toEqual([])
    expect((await roost.view(back)).addresses).toMatchObject([{ state: 'active' }])
  })

  test('of which nothing is held is an error', async () => {
    expect((await roost.rest('DELETE', path('devices/nobody-at-all'))).status).toBe(404)
  })
})

describe('erasing a person', () => {
  test('takes all their devices, and their name in messages', async () => {
    const user = name('user')
    const devices = [await busyDevice(user), await busyDevice(user)]
    const texts = [user, ...devices.map(it => it.hwid)]
    const view = await erase({ userId: user })
    expect(view).toMatchObject({ subject: 'user', counts: { device: 2 } })
    expect(await tablesWith(texts)).toEqual(['public.erasure_sweep'])
    await sweepErasures(roost.server.db, roost.clock.now() + HOUR_MS)
    expect(await tablesWith(texts)).toEqual([])
  })

  test('leaves a record that identifies nobody, and yet answers for a name', async () => {
    const user = name('user')
    const { hwid } = await busyDevice(user)
    const { id } = await erase({ userId: user })
    const listed = await roost.rest<{ erasures: ErasureView[] }>('GET', path(`erasures?name=${user}`))
    expect(listed.body.erasures.map(it => it.id)).toEqual([id])
    const { rows } = await roost.server.db.query<{ row: string }>(
      'select e::text as row from erasure e where id = $1',
      [id],
    )
    expect(rows[0]?.row).not.toContain(user)
    expect(rows[0]?.row).not.toContain(hwid)
    const other = await roost.rest<{ erasures: ErasureView[] }>('GET', path('erasures?name=somebody-else'))
    expect(other.body.erasures).toEqual([])
  })
})

test('what is held of a person is handed out whole, by table', async () => {
  const user = name('user')
  const { hwid } = await busyDevice(user)
  const { body } = await roost.rest<Record<string, { hwid: string }[]>>('POST', path('personal-data'), {
    userId: user,
  })
  expect(Object.keys(body)).toEqual(expect.arrayContaining(['device', 'address', 'ledger']))
  expect(body.device).toMatchObject([{ hwid, user_id: user, tags: { mail: `${hwid}@example.com` } }])
  for (const rows of Object.values(body)) for (const row of rows) expect(row.hwid ?? hwid).toBe(hwid)
})
