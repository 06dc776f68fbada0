/** Data rights against the whole server: after an erasure no table of the database holds a name or a token any more. */
import { randomBytes } from 'node:crypto'
import type { Condition, ErasureView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../../test/roost.ts'
import { ageAddresses } from '../../hygiene/aging.ts'
import { addBulkRequest, runBulkRequests } from '../bulk/requests.ts'
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

const appId = async () =>
  (await roost.server.db.query<{ id: number }>('select id from app where code = $1', [roost.app])).rows[0]
    ?.id as number

const erase = async (target: Record<string, string>) => {
  const answer = await roost.rest<ErasureView>('POST', path('erasures'), target)
  expect(answer.status).toBe(200)
  return answer.body
}

/** In a nightly segment, a live one inside it, a message that keeps what both meant, and an export. */
async function nameInSegment({ hwid, userId }: { readonly hwid: string; readonly userId: string }) {
  const make = async (segment: object) =>
    (await roost.rest<{ id: string }>('POST', path('segments'), { name: name('segment'), ...segment })).body
      .id
  const inner = await make({ condition: { field: 'hwid', op: 'eq', value: hwid } })
  const condition: Condition = {
    or: [{ segment: inner }, { field: 'userId', op: 'in', value: [userId, 'else'] }],
  }
  const segment = await make({ mode: 'nightly', condition })
  await roost.sendAndSettle({
    to: { condition: { or: [condition, { segment }] } },
    content: { title: 'four' },
  })
  await roost.rest('POST', path(`segments/${segment}/exports`), {})
  const message = { content: { title: 'five' } }
  const trigger = { name: name('trigger'), event: name('event'), condition, message }
  expect((await roost.rest('POST', path('triggers'), trigger)).status).toBe(201)
  const schedule = { name: name('schedule'), cron: '0 9 1 1 *', message: { to: { condition }, ...message } }
  expect((await roost.rest('POST', path('schedules'), schedule)).status).toBe(201)
}

/** A device with all that can be held of it: tags, receipts, a ledger, exceptions, messages that name it. */
async function busyDevice(userId: string) {
  const hwid = name('hwid')
  await roost.phone('ios', { hwid, userId, tags: { mail: `${hwid}@example.com` } })
  await roost.sendAndSettle({ to: { devices: [hwid] }, content: { title: 'one' } })
  await roost.sendAndSettle({ to: { users: [userId] }, content: { title: 'two', data: { who: userId } } })
  await roost.sendAndSettle({
    to: { condition: { field: 'userId', op: 'in', value: [userId] } },
    content: { title: 'three' },
  })
  await roost.device('postEvent', { hwid, event: 'bought', attributes: { by: userId } })
  await nameInSegment({ hwid, userId })
  await roost.device('createTestDevice', { hwid, name: `Phone of ${userId}` })
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
    await roost.server.db.query('update message set warnings = $2 where target @> $1', [
      JSON.stringify({ devices: [hwid] }),
      JSON.stringify([`the image https://example.com/${hwid}.png could not be looked at`]),
    ])
    expect(await tablesWith([hwid])).toContain('public.device')
    const before = await roost.view(kept.hwid)
    const answer = await roost.rest<ErasureView>('DELETE', path(`devices/${hwid}`))
    expect(answer.status).toBe(200)
    expect(answer.body.counts).toMatchObject({
      device: 1,
      address: 1,
      address_directory: 1,
      ledger: 1,
      message: 2,
      device_event: 1,
      test_device: 1,
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
    expect(counts).toMatchObject({ targeted: 1, accepted: 1, skipped: 0 })
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

  test('finds its name also where it once held an address that another one holds now', async () => {
    const [former, holder] = [name('hwid'), name('hwid')]
    const token = randomBytes(32).toString('hex')
    for (const hwid of [former, holder])
      await roost.device('registerDevice', { hwid, device_type: 1, push_token: token })
    // The row of the address that moved away is forgotten after 90 days (R27).
    await ageAddresses(roost.server.db, roost.clock.now() + 100 * 24 * HOUR_MS)
    await erase({ hwid: former })
    expect(await tablesWith([former])).toEqual(['public.erasure_sweep'])
    expect((await roost.view(holder)).addresses).toMatchObject([{ state: 'active' }])
  })

  test('of which nothing is held is an error', async () => {
    expect((await roost.rest('DELETE', path('devices/nobody-at-all'))).status).toBe(404)
  })
})

describe('what a stranger erases with the public device token', () => {
  test('changes no message, whatever words of messages their hwids are', async () => {
    const [anna, ben] = [name('user'), name('user')]
    const phones = [
      await roost.phone('ios', { userId: anna, tags: { plan: 'gold' } }),
      await roost.phone('android', { userId: ben, tags: { plan: 'free' } }),
    ]
    const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
    const content = { title: 'Hello', data: { screen: 'gold' } }
    const ids = [
      await roost.send({ to: { users: [anna] }, content, sendAt }),
      await roost.send({ to: { condition: { tag: 'plan', op: 'eq', value: 'gold' } }, content, sendAt }),
    ]
    for (const word of ['users', 'condition', 'tag', 'gold', 'title', 'Hello', 'screen', 'data'])
      expect((await roost.device('deleteDevice', { hwid: word })).body.status_code).toBe(200)
    roost.clock.advance(HOUR_MS + 1000)
    for (const id of ids) {
      const message = await roost.settle(id)
      expect(message).toMatchObject({ title: 'Hello', content, counts: { targeted: 1, accepted: 1 } })
    }
    expect(phones.map(phone => phone.shown.filter(it => it.title === 'Hello').length)).toEqual([2, 0])
  })

  test('makes nobody who takes an erased name their heir', async () => {
    const user = name('user')
    await roost.phone('ios', { userId: user })
    const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
    const content = { title: `For ${user} alone` }
    const ids = [
      await roost.send({ to: { users: [user] }, content, sendAt }),
      await roost.send({
        to: { condition: { field: 'userId', op: 'eq', value: user } },
        content: { title: 'To a condition' },
        sendAt,
      }),
    ]
    await erase({ userId: user })
    const strangers = [
      await roost.phone('ios', { userId: '(erased)' }),
      await roost.phone('android', { userId: '' }),
    ]
    roost.clock.advance(HOUR_MS + 1000)
    for (const id of ids) expect((await roost.settle(id)).counts).toMatchObject({ targeted: 0, accepted: 0 })
    expect(strangers.flatMap(it => it.shown)).toEqual([])
    expect((await roost.rest('GET', path(`messages/${ids[0]}`))).body).toMatchObject({
      title: null,
      content: {},
    })
  })
})

/** Until so many sessions of this database wait for a lock. */
async function untilWaiting(sessions: number): Promise<void> {
  for (;;) {
    const { rows } = await roost.server.db.query<{ count: number }>(
      `select count(*) as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    if ((rows[0]?.count ?? 0) >= sessions) return
    await tick()
  }
}

describe('an erasure while bulk calls are worked on', () => {
  test('waits for the one that runs, and neither waits for the other for ever', async () => {
    const { db } = roost.server
    const hwid = name('hwid')
    await roost.phone('ios', { hwid })
    const entries = [{ target: { hwid }, tags: { a: 1 }, listOperator: 'set' }] as const
    await addBulkRequest(db, { appId: await appId(), at: roost.clock.now(), kind: 'tags', entries })
    const { running, erasing } = await db.transaction(async tx => {
      await tx.query('lock table tag_definition in access exclusive mode') // registrations ask for types before all else
      const running = runBulkRequests({ db, allowPrivateEndpoints: false }, roost.clock.now())
      await untilWaiting(1)
      const erasing = erase({ hwid })
      await untilWaiting(2)
      return { running, erasing }
    })
    await running
    expect((await erasing).counts).toMatchObject({ device: 1 })
    expect(await tablesWith([hwid])).toEqual(['public.erasure_sweep'])
  })

  test('makes no device of a bulk entry that waits, and none comes back', async () => {
    const { hwid } = await busyDevice(name('user'))
    const entries = [
      {
        call: { hwid, device_type: 3, push_token: 'x'.repeat(40), tags: { who: hwid } },
        listOperator: 'set',
      },
    ]
    const id = await addBulkRequest(roost.server.db, {
      appId: await appId(),
      at: roost.clock.now(),
      kind: 'register',
      entries: entries as never,
    })
    await erase({ hwid })
    await runBulkRequests({ db: roost.server.db, allowPrivateEndpoints: false }, roost.clock.now())
    const { rows } = await roost.server.db.query<{ state: string }>(
      'select state from bulk_request where id = $1',
      [id],
    )
    expect(rows).toEqual([{ state: 'done' }])
    expect(await tablesWith([hwid])).toEqual(['public.erasure_sweep'])
    expect((await roost.rest('GET', path('devices/(erased)'))).status).toBe(404)
  })
})

describe('erasing a person', () => {
  test('takes all their devices, and their name in messages', async () => {
    const user = name('user')
    const devices = [await busyDevice(user), await busyDevice(user)]
    const texts = [user, ...devices.map(it => it.hwid)]
    const view = await erase({ userId: user })
    expect(view).toMatchObject({ subject: 'user', counts: { device: 2 } })
    expect(view.sweptAt).toBeNull()
    expect(await tablesWith(texts)).toEqual(['public.erasure_sweep', 'public.erasure_sweep_user'])
    await sweepErasures(roost.server.db, roost.clock.now() + HOUR_MS)
    expect(await tablesWith(texts)).toEqual([])
  })

  test('leaves a record that identifies nobody, and yet answers for a name and for each of its devices', async () => {
    const user = name('user')
    const { hwid } = await busyDevice(user)
    const { id } = await erase({ userId: user })
    const listed = await roost.rest<{ erasures: ErasureView[] }>('GET', path(`erasures?name=${user}`))
    expect(listed.body.erasures.map(it => it.id)).toEqual([id])
    const ofDevice = await roost.rest<{ erasures: ErasureView[] }>('GET', path(`erasures?name=${hwid}`))
    expect(ofDevice.body.erasures, 'a device that went with its person').toEqual(listed.body.erasures)
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

describe('what is held of a person', () => {
  test('is handed out whole, by table, with the ends of tokens and the messages to them', async () => {
    const user = name('user')
    const { hwid } = await busyDevice(user)
    const address = (
      await roost.server.db.query<{ address: string }>('select address from address where hwid = $1', [hwid])
    ).rows[0]?.address as string
    const answer = await roost.rest<Record<string, { hwid: string }[]>>('POST', path('personal-data'), {
      userId: user,
    })
    const { message, ...tables } = answer.body
    expect(Object.keys(tables)).toEqual(
      expect.arrayContaining(['address', 'device', 'device_event', 'ledger', 'test_device']),
    )
    expect(tables.device).toMatchObject([{ hwid, user_id: user, tags: { mail: `${hwid}@example.com` } }])
    expect(tables.address).toMatchObject([{ address_end: address.slice(-8), state: 'active' }])
    expect(JSON.stringify(answer.body)).not.toContain(address)
    expect(message).toMatchObject([{ content: { title: 'one' } }, { content: { title: 'two' } }])
    for (const rows of Object.values(tables)) for (const row of rows) expect(row.hwid).toBe(hwid)
  })

  test('has where they were logged in before, and not who else was; it goes with them', async () => {
    const [user, next] = [name('user'), name('user')]
    const { hwid } = await roost.phone('ios', { userId: user })
    await roost.rest('PATCH', path(`devices/${hwid}`), { userId: next })
    const held = async (userId: string) =>
      (await roost.rest<Record<string, object[]>>('POST', path('personal-data'), { userId })).body
    expect((await held(user)).former_user).toMatchObject([{ hwid, user_id: user }])
    expect((await held(next)).former_user).toBeUndefined()
    expect(JSON.stringify(await held(next))).not.toContain(user)
    expect((await erase({ userId: user })).counts).toMatchObject({ former_user: 1 })
    await roost.rest('PATCH', path(`devices/${hwid}`), { userId: null })
    expect((await erase({ hwid })).counts).toMatchObject({ former_user: 1 })
  })

  test('of a device that only has the same name as the person is not theirs', async () => {
    const [user, other] = [name('user'), name('user')]
    await roost.phone('ios', { userId: user })
    await roost.phone('android', { hwid: user, userId: other })
    const { body } = await roost.rest<Record<string, { user_id: string }[]>>('POST', path('personal-data'), {
      userId: user,
    })
    expect(body.device?.map(it => it.user_id)).toEqual([user])
    await erase({ userId: user })
    expect((await roost.view(user)).userId).toBe(other)
    expect(await roost.ledger(user)).toHaveLength(1)
  })
})

describe('a table that is added later', () => {
  test('is exported and erased when it has app_id and hwid, without a word about it', async () => {
    const { db } = roost.server
    const { hwid } = await busyDevice(name('user'))
    await db.query('create table later (bucket smallint, app_id integer, hwid text, note text)')
    await db.query(`insert into later select bucket, app_id, hwid, 'secret' from device where hwid = $1`, [
      hwid,
    ])
    const { body } = await roost.rest<Record<string, unknown[]>>('POST', path('personal-data'), { hwid })
    expect(body.later).toEqual([{ hwid, note: 'secret' }])
    expect((await erase({ hwid })).counts).toMatchObject({ later: 1 })
    await db.query('drop table later')
  })

  /**
   * Columns that could name somebody in tables that are not found by their columns. Who adds one says here whose words it
   * holds, and in mentions.ts or erase.ts how they are erased when they are a device's or a person's.
   */
  const WORDS: Readonly<Record<string, readonly string[]>> = {
    // Erased by mentions.ts and erase.ts.
    batch: ['provider', 'state', 'held_reason', 'cursor_hwid', 'paced_by', 'by_variant'],
    bulk_request: ['kind', 'state', 'settings', 'entries', 'results'],
    message: [
      'state',
      'target',
      'content',
      'priority',
      'collapse_key',
      'idempotency_key',
      'request_hash',
      'inbox',
      'warnings',
      'audience',
      'rules',
      'timing',
      'slot_of',
      'trigger',
      'experiment',
      'verdict',
      'campaign',
      'knock',
      'edit_hash',
      'only_user',
      'address_kind',
      'remarks',
    ],
    webhook_event: ['type', 'data'],
    erasure: ['subject', 'salt', 'hash', 'by', 'counts', 'device_hashes'],
    // Of people who run this, and of gateways.
    acceptance: ['accepted', 'attempts'], // hashes; erased by eraseAcceptances
    address_policy: [],
    alert: ['kind', 'subject', 'data', 'state', 'closed_by'],
    audience_list: ['name', 'kind', 'state'],
    audit_entry: ['by', 'what', 'subject', 'before', 'after'], // ids of devices and users are left out
    api_token: ['kind', 'hash', 'label', 'scopes', 'prefix', 'made_by'],
    app: ['code', 'name', 'time_zone'],
    app_rules: ['rules'],
    batch_hold: ['part', 'reason', 'unfit'],
    conclusion_tally: ['provider'],
    credential: [
      'gateway',
      'kind',
      'environments',
      'settings',
      'sealed',
      'paused_reason',
      'fingerprint',
      'checks',
    ],
    credential_history: ['event', 'by', 'kind', 'environments', 'settings', 'fingerprint', 'reason'],
    credential_notice: ['notice'],
    credential_pause: ['part', 'reason'],
    credential_proof: ['part'],
    device_import: ['sha256', 'settings', 'header', 'state'],
    device_import_refusal: ['code', 'detail', 'field'],
    gateway_tally: ['part'],
    inbox_members: ['members'], // hashes; erased by eraseMembers
    inbox_message: ['audience'],
    job_run: ['name', 'outcome', 'summary', 'removed', 'parts'], // counts
    knock_day: ['mode', 'counts'],
    live_server: [],
    member_invitation: ['role', 'hash', 'note', 'invited_by'],
    pace: ['name'],
    person: ['name', 'name_key', 'password_hash', 'factor_sealed'], // who run this, not who use an app
    person_role: ['role'],
    person_session: ['hash', 'client', 'agent'],
    recovery_code: ['hash'],
    removal_undo: ['filter', 'state', 'by'],
    schedule: [
      'name',
      'state',
      'cron',
      'time_zone',
      'local_time',
      'missed',
      'condition',
      'message',
      'last_fault',
    ],
    schema_version: ['name'],
    segment: ['name', 'code', 'mode', 'condition'], // as a person or a program wrote it
    feature_minimum: ['feature', 'version'],
    segment_export: ['condition', 'settings', 'state', 'file_name', 'error'],
    segment_export_page: ['hwids', 'users'], // hashes; they go with the export
    segment_export_part: ['bytes'], // dropped when its link expires
    segment_snapshot: ['condition', 'state', 'error', 'audience'],
    secret_canary: ['sealed'],
    slot_range: ['provider'],
    symptom: ['kind', 'subject'],
    stat_day: ['scope', 'metric', 'gateway', 'detail'], // numbers
    stat_hour: ['scope', 'metric', 'gateway', 'detail'],
    stat_mark: ['source'],
    stat_tally: ['campaign', 'gateway', 'metric', 'detail'],
    tag_definition: ['name', 'type'],
    trigger: ['name', 'state', 'definition', 'listens_to', 'warnings', 'last_fault'],
    trigger_round: ['counts'], // numbers
    trigger_tally: ['reason'],
    uninstall_tracking: ['mode'],
    variant_receipts: [],
    webhook: ['url', 'sealed', 'events', 'former_sealed'],
    webhook_delivery: ['state', 'error', 'order_key'], // ids of calls
    webhook_feed: [],
  }

  test('is known here when it can name somebody in another way', async () => {
    const { rows } = await roost.server.db.query<{ name: string; words: string[] }>(
      `select t.table_name as name,
              coalesce(array_agg(c.column_name::text order by c.ordinal_position)
                         filter (where c.data_type in ('text', 'jsonb', 'bytea', 'ARRAY', 'json', 'character varying')), '{}') as words
         from information_schema.tables t
         join information_schema.columns c on c.table_schema = t.table_schema and c.table_name = t.table_name
        where t.table_schema = current_schema() and t.table_type = 'BASE TABLE'
        group by 1
       having not (bool_or(c.column_name = 'app_id') and bool_or(c.column_name in ('hwid', 'user_id')))
        order by 1`,
    )
    const found = Object.fromEntries(rows.map(it => [it.name, it.words]))
    for (const [table, words] of Object.entries(found)) expect([table, words]).toEqual([table, WORDS[table]])
  })
})
