/** Alerts that open and close by themselves: death rate, queue age, quota. On a server that sends nothing, by a moved clock. */
import { randomUUID } from 'node:crypto'
import type { AlertView } from '@roost/protocol'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { watchSymptoms } from './watch.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

let server: BareServer
let app: Access
let appId: number
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
})
afterAll(() => server.close())
beforeEach(async () => {
  server.clock.advance(20 * 24 * HOUR_MS) // what other tests left behind is over
  await server.db.query(
    "update message set state = 'cancelled', finished_at = now() where finished_at is null",
  )
  await server.db.query('delete from symptom')
  app = await server.createApp()
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  appId = rows[0]?.id as number
})

const watch = () => watchSymptoms(server.db, server.clock.now())
const alerts = async (state = 'open') =>
  (await server.rest<{ alerts: AlertView[] }>('GET', `/v1/apps/${app.app}/alerts?state=${state}`)).body.alerts
const pass = (minutes: number) => server.clock.advance(minutes * MINUTE_MS)
const metrics = async () => (await fetch(`${server.url}/metrics`)).text()
const events = async () =>
  (
    await server.db.query<{ type: string; data: { alertId: string } }>(
      'select type, data from webhook_event where app_id = $1 order by at, id',
      [appId],
    )
  ).rows

/** Looks every minute, as the job does. */
async function watchFor(minutes: number): Promise<void> {
  for (let n = 0; n < minutes; n++) {
    pass(1)
    await watch()
  }
}

describe('queue age', () => {
  // what is for nobody who is known is over at once
  beforeEach(async () => {
    await server.device(app, 'registerDevice', {
      hwid: 'somebody',
      device_type: 1,
      push_token: 'e1'.repeat(32),
    })
  })

  const send = async (fields: object = {}) => {
    const message = { to: { devices: ['somebody'] }, content: { title: 'Hello' }, ...fields }
    const answer = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/messages`, message)
    expect(answer.status).toBe(202)
    return answer.body.id
  }

  test('DX-73: a message that nobody sends opens an alert after two minutes, which closes when it is sent or ended', async () => {
    const id = await send()
    await watchFor(1)
    expect(await alerts()).toEqual([])
    await watchFor(2)
    const [open] = await alerts()
    expect(open).toMatchObject({
      kind: 'queue_age',
      data: { lane: 'transactional', parts: 1, dueAt: expect.any(String) },
      remedy: expect.stringContaining('role send'),
    })
    expect(await events()).toMatchObject([{ type: 'sending.queue_age', data: { alertId: open?.id } }])
    expect(await metrics()).toMatch(/roost_queue_age_seconds\{lane="transactional"\} (1[2-9]\d|2\d\d)/)
    expect(await metrics()).toMatch(/roost_open_alerts\{kind="queue_age"\} 1/)
    await server.rest('POST', `/v1/apps/${app.app}/messages/${id}/cancel`)
    await watchFor(5)
    expect(await alerts()).toHaveLength(1)
    await watchFor(6)
    expect(await alerts()).toEqual([])
    expect(await alerts('closed')).toMatchObject([{ kind: 'queue_age', closedBy: 'roost' }])
    expect(await events(), 'told once').toHaveLength(1)
    pass(1)
    expect(await metrics()).toMatch(/roost_open_alerts\{kind="queue_age"\} 0/)
  })

  test('what is for later, paused or cancelled is not late', async () => {
    const later = new Date(server.clock.now() + 24 * HOUR_MS).toISOString()
    await send({ sendAt: later })
    const [paused, cancelled] = [await send(), await send()]
    await server.rest('POST', `/v1/apps/${app.app}/messages/${paused}/pause`)
    await server.rest('POST', `/v1/apps/${app.app}/messages/${cancelled}/cancel`)
    await watchFor(5)
    expect(await alerts()).toEqual([])
  })

  test('a campaign may wait for a quarter of an hour, and for an hour while something of its app is sent', async () => {
    await send({ to: { all: true } })
    await watchFor(14)
    expect(await alerts()).toEqual([])
    const credential = randomUUID()
    const isSending = async (minutes: number) => {
      for (let n = 0; n < minutes; n++) {
        await tally(credential, { hoursAgo: 0, accepted: 500, dead: 0 })
        await watchFor(1)
      }
    }
    await isSending(40)
    expect(await alerts()).toEqual([])
    await watchFor(7)
    expect(await alerts()).toMatchObject([{ kind: 'queue_age', data: { lane: 'campaign', isMoving: false } }])
  })

  test('an alert that somebody has closed stays closed as long as its symptom lasts', async () => {
    await send()
    await watchFor(3)
    const [open] = await alerts()
    await server.rest('POST', `/v1/apps/${app.app}/alerts/${open?.id}/close`)
    await watchFor(20)
    expect(await alerts()).toEqual([])
  })
})

/** As if gateways had answered so. */
async function tally(
  credential: string,
  counts: { hoursAgo: number; accepted: number; dead: number; held?: string },
): Promise<void> {
  await server.db.query(
    `insert into gateway_tally (app_id, credential_id, part, at, accepted, mismatched, dead, dead_untimed, alert_id)
     values ($1, $2, 'production', $3, $4, 0, 0, $5, $6)`,
    [
      appId,
      credential,
      new Date(server.clock.now() - counts.hoursAgo * HOUR_MS),
      counts.accepted,
      counts.dead,
      counts.held ?? null,
    ],
  )
}

describe('death rate', () => {
  /** A week in which one in a thousand died. */
  const credential = randomUUID()
  const usualWeek = async () => {
    for (let day = 2; day <= 7; day++) await tally(credential, { hoursAgo: day * 24, accepted: 999, dead: 1 })
  }

  test('many more deaths than in the week before open an alert, and a day later it is over', async () => {
    await usualWeek()
    await tally(credential, { hoursAgo: 1, accepted: 950, dead: 50 })
    await watch()
    expect(await alerts()).toMatchObject([
      {
        kind: 'death_rate',
        data: { deaths: 50, results: 1000, habitDeaths: 6, habitResults: 6000 },
        remedy: expect.stringContaining('removals/counts'),
      },
    ])
    expect(await events()).toMatchObject([{ type: 'base.death_rate' }])
    pass(22 * 60)
    await watch()
    expect(await alerts()).toHaveLength(1)
    pass(2 * 60)
    await watch()
    expect(await alerts()).toEqual([])
  })

  test.each([
    ['as many as always', { accepted: 29_970, dead: 30 }],
    ['three times as many of next to none', { accepted: 9960, dead: 40 }],
    ['a few in a small send', { accepted: 50, dead: 15 }],
  ])('%s open none', async (_, counts) => {
    await usualWeek()
    await tally(credential, { hoursAgo: 1, ...counts })
    await watch()
    expect(await alerts()).toEqual([])
  })

  test('an app without a habit has none to break', async () => {
    await tally(credential, { hoursAgo: 1, accepted: 500, dead: 500 })
    await watch()
    expect(await alerts()).toEqual([])
  })

  test('R16: deaths that the mass-failure guard holds have an alert of their own', async () => {
    await usualWeek()
    const id = randomUUID()
    await server.db.query(
      "insert into alert (id, app_id, kind, subject, data, opened_at) values ($1, $2, 'deaths_held', '', '{}', $3)",
      [id, appId, new Date(server.clock.now())],
    )
    await tally(credential, { hoursAgo: 1, accepted: 500, dead: 500, held: id })
    await watch()
    expect((await alerts()).map(it => it.kind)).toEqual(['deaths_held'])
    await server.db.query("update alert set state = 'released' where id = $1", [id])
    await watch()
    expect((await alerts()).map(it => it.kind)).toEqual(['death_rate'])
  })
})

describe('quota', () => {
  /** A batch of a message that is being sent and waits for this pace, and until this time if nobody takes it before. */
  async function waitsFor(pace: string, until = server.clock.now()): Promise<void> {
    const id = randomUUID()
    await server.db.query(
      `insert into message (id, app_id, state, target, content, ttl_seconds, priority, send_at, request_hash, created_at)
       values ($1, $2, 'sending', '{"all":true}', '{}', 3600, 'high', $3, '', $3)`,
      [id, appId, new Date(server.clock.now())],
    )
    await server.db.query(
      `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, paced_by)
       values ($1, $2, 'fcm', 0, 1023, $3, $4)`,
      [id, appId, new Date(until), pace],
    )
  }
  const keepPace = (name: string) =>
    server.db.query(
      `insert into pace (name, paid_until, open_at) values ($1, $2, $2)
       on conflict (name) do update set paid_until = excluded.paid_until, open_at = excluded.open_at`,
      [name, new Date(server.clock.now())],
    )

  /** Its batches may be overdue as well: nobody sends here. */
  const quotas = async () => (await alerts()).filter(it => it.kind === 'quota')

  test('messages that wait for the quota of a project for ten minutes open an alert, which closes when they do no more', async () => {
    await waitsFor('fcm:a-project')
    const lookFor = async (minutes: number) => {
      for (let n = 0; n < minutes; n++) {
        pass(1)
        await keepPace('fcm:a-project')
        await watch()
      }
    }
    await lookFor(10)
    expect(await quotas()).toEqual([])
    await lookFor(1)
    expect(await quotas()).toMatchObject([
      {
        kind: 'quota',
        data: { quota: 'fcm:a-project', batches: 1, messages: 1, since: expect.any(String) },
        remedy: expect.stringContaining('quota'),
      },
    ])
    await watchFor(13)
    expect(await quotas()).toEqual([])
  })

  test('a batch that Google has refused is seen until its next try, though the pace is open meanwhile, and told once', async () => {
    await keepPace('fcm:refusing')
    await waitsFor('fcm:refusing', server.clock.now() + HOUR_MS)
    await watchFor(59)
    expect(await quotas()).toMatchObject([{ kind: 'quota', data: { quota: 'fcm:refusing', batches: 1 } }])
    await watchFor(13)
    expect(await quotas()).toEqual([])
    expect((await events()).map(it => it.type)).toEqual(['sending.quota'])
  })

  test('a rate that a message was given is no quota, and a wait of minutes is what a quota is for', async () => {
    await waitsFor('message:one')
    await waitsFor('fcm:short')
    for (let n = 0; n < 30; n++) {
      pass(1)
      await keepPace('message:one')
      if (n < 8) await keepPace('fcm:short')
      await watch()
    }
    expect(await quotas()).toEqual([])
  })
})
