/** Messages to few named devices are planned in the transaction that makes them; nobody else plans or sends here. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../test/bare.ts'

let server: BareServer
let app: Access
beforeEach(async () => {
  server = await startBare({ roles: ['api'] })
  app = await server.createApp()
})
afterEach(async () => {
  await server.close()
})

const CONTENT = { title: 'Your code', body: '814 033' }
const TOKEN = 'ab'.repeat(32)

const send = (message: Record<string, unknown>) =>
  server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/messages`, { content: CONTENT, ...message })

async function planned() {
  const { rows } = await server.db.query<{ state: string; queued: number }>(
    `select state, (select count(*) from delivery_queue q where q.message_id = m.id) as queued
       from message m order by created_at, id`,
  )
  return rows
}

async function registerPhone(): Promise<void> {
  const answer = await server.device(app, 'registerDevice', {
    hwid: 'phone',
    device_type: 1,
    push_token: TOKEN,
  })
  expect(answer.status).toBe(200)
}

test('a message to a named device is in its queue when the sender is answered', async () => {
  await registerPhone()
  expect((await send({ to: { devices: ['phone'] } })).status).toBe(202)
  expect(await planned()).toEqual([{ state: 'sending', queued: 1 }])
})

const sendCompatibly = (...notifications: Record<string, unknown>[]) =>
  server.device(app, 'createMessage', {
    auth: SERVER_TOKEN,
    notifications: notifications.map(it => ({ content: 'Your code', ...it })),
  })

test('so is one that a back end of the compatible protocol sends, and each of several in a call', async () => {
  await registerPhone()
  expect((await sendCompatibly({ devices: ['phone'] })).body).toMatchObject({ status_code: 200 })
  const { body } = await sendCompatibly({ devices: ['phone'] }, { title: 'To all' }, { devices: ['nobody'] })
  expect(body).toMatchObject({ status_code: 200 })
  expect(await planned()).toEqual([
    { state: 'sending', queued: 1 },
    { state: 'sending', queued: 1 },
    { state: 'scheduled', queued: 0 },
    { state: 'done', queued: 0 },
  ])
})

test('of several in a call none is planned when one is refused', async () => {
  await registerPhone()
  const { body } = await sendCompatibly(
    { devices: ['phone'] },
    { devices: ['phone'], send_date: '2020-01-01 10:00' },
  )
  expect(body).toMatchObject({ status_code: 210 })
  expect(body.status_message).toContain('request.notifications.1.send_date: ')
  expect(await planned()).toEqual([])
})

test('one that names nobody who can be reached is done when the sender is answered, with the reason', async () => {
  const { body } = await send({ to: { devices: ['nobody'] } })
  expect(await planned()).toEqual([{ state: 'done', queued: 0 }])
  const { rows } = await server.db.query(
    'select hwid, reason from delivery_exception where message_id = $1',
    [body.id],
  )
  expect(rows).toEqual([{ hwid: 'nobody', reason: 'device_unknown' }])
})

test('repeats under one idempotency key, also at the same time, put a device into the queue once', async () => {
  await registerPhone()
  const message = { to: { devices: ['phone'] }, idempotencyKey: 'order 814' }
  const answers = await Promise.all(Array.from({ length: 12 }, () => send(message)))
  expect(new Set(answers.map(it => `${it.status} ${it.body.id}`)).size).toBe(1)
  expect((await send(message)).body.id).toBe(answers[0]?.body.id)
  expect(await planned()).toEqual([{ state: 'sending', queued: 1 }])
})

test.each([
  ['at a later time', { to: { devices: ['phone'] }, sendAt: new Date(Date.now() + 3_600_000).toISOString() }],
  [
    'with an inbox',
    { to: { devices: ['phone'] }, inbox: { until: new Date(Date.now() + 3_600_000).toISOString() } },
  ],
  ['to more than twenty', { to: { devices: Array.from({ length: 21 }, (_, n) => `device-${n}`) } }],
  ['to a condition', { to: { condition: { tag: 'tier', op: 'eq', value: 'gold' } } }],
])('one %s waits for a planner', async (_, message) => {
  expect((await send(message)).body).toHaveProperty('id')
  expect(await planned()).toEqual([{ state: 'scheduled', queued: 0 }])
})

test('when its plan fails there is no message either, and a repeat makes it', async () => {
  await registerPhone()
  await server.db.query(
    `create function fail() returns trigger language plpgsql as $$ begin raise check_violation; end $$`,
  )
  await server.db.query('create trigger breaks before insert on delivery_queue execute function fail()')
  const message = { to: { devices: ['phone'] }, idempotencyKey: 'order 815' }
  expect((await send(message)).status).toBe(500)
  expect(await planned()).toEqual([])
  await server.db.query('drop trigger breaks on delivery_queue')
  expect((await send(message)).status).toBe(202)
  expect(await planned()).toEqual([{ state: 'sending', queued: 1 }])
})
