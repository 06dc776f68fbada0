/** Invitations of test devices against the whole server: virtual phones play the phone, and the stand-ins the gateways. */
import type { InvitationStep, InvitationView, MadeInvitation, StepView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { dropOldInvitations } from './invitations.ts'

const MINUTE_MS = 60_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown> & { readonly steps?: StepView[]; readonly ticket?: string }
}

/** As a phone calls: without any token. */
async function call(path: 'scan' | 'take' | 'report', body: object): Promise<Answer> {
  const response = await fetch(`${roost.url}/v1/test-invitations/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const base = () => `/v1/apps/${roost.app}/test-devices/invitations`

async function invite(wanted: object = {}): Promise<{ id: string; code: string; link: string }> {
  const { status, body } = await roost.rest<MadeInvitation>('POST', base(), wanted)
  expect(status).toBe(201)
  return { id: body.id, link: body.link, code: new URL(body.link).hash.slice(1) }
}

const read = async (id: string) => (await roost.rest<InvitationView>('GET', `${base()}/${id}`)).body

async function take(code: string, hwid: string): Promise<string> {
  const { status, body } = await call('take', { code, hwid, application: roost.app })
  expect(status, JSON.stringify(body)).toBe(200)
  takenBy.set(body.ticket as string, hwid)
  return body.ticket as string
}

const takenBy = new Map<string, string>()

/** A phone knows its own. */
async function tokenOf(hwid: string): Promise<string> {
  const { rows } = await roost.server.db.query<{ address: string }>(
    `select address from address where hwid = $1 and kind = 'alert'
      order by (state in ('active', 'suspect')) desc, state_since desc limit 1`,
    [hwid],
  )
  return rows[0]?.address ?? 'a token that was not handed in'
}

/** Everything that an SDK says of a phone that has registered. */
async function goThrough(ticket: string): Promise<StepView[]> {
  let steps: StepView[] = []
  const token = await tokenOf(takenBy.get(ticket) ?? '')
  for (const said of [{ step: 'permission' }, { step: 'token' }, { step: 'upload', token }]) {
    const { status, body } = await call('report', { ticket, ...said })
    expect(status, JSON.stringify(body)).toBe(200)
    steps = body.steps ?? []
  }
  return steps
}

const statesOf = (steps: readonly StepView[]) => Object.fromEntries(steps.map(it => [it.step, it.state]))

async function untilStep(id: string, step: InvitationStep): Promise<InvitationView> {
  for (const end = Date.now() + 10_000; Date.now() < end; await tick()) {
    const view = await read(id)
    if (view.steps.some(it => it.step === step && it.state === 'done')) return view
  }
  throw new Error(`${step} did not come`)
}

describe('from the code to the opened push', () => {
  test.each(['ios', 'android', 'web'] as const)('a phone goes through all steps: %s', async kind => {
    const { id, code, link } = await invite({ name: 'Desk phone' })
    expect(link.startsWith(`${roost.url}/test-device#`)).toBe(true)
    const scanned = await call('scan', { code })
    expect(scanned).toMatchObject({ status: 200, body: { app: 'Test' } })
    expect(scanned.body.opens).toContain(`roost-test=${code}`)
    const phone = await roost.phone(kind)
    const ticket = await take(code, phone.hwid)
    expect(statesOf(await goThrough(ticket))).toMatchObject({
      upload: 'done',
      credential: 'done',
      accepted: 'done',
    })
    const { result } = await untilStep(id, 'received')
    expect(result).toMatchObject({ outcome: { kind: 'accepted' } })
    expect(result?.exchanges[0]?.response?.status).toBeLessThan(300)
    const hash = result?.deliveryId.replaceAll('-', '')
    await roost.device('pushStat', { hwid: 'a-stranger', hash })
    expect(statesOf((await read(id)).steps)).toMatchObject({ opened: 'waiting' })
    await roost.device('pushStat', { hwid: phone.hwid, hash })
    const view = await untilStep(id, 'opened')
    expect(view).toMatchObject({ state: 'done', hwid: phone.hwid })
    expect(view.steps.map(it => it.state)).toEqual(Array.from({ length: 9 }, () => 'done'))
    expect(view.steps.every(it => it.at !== null)).toBe(true)
    const { body } = await roost.rest<{ testDevices: { hwid: string; name: string }[] }>(
      'GET',
      `/v1/apps/${roost.app}/test-devices`,
    )
    expect(body.testDevices).toContainEqual(expect.objectContaining({ hwid: phone.hwid, name: 'Desk phone' }))
  })

  test('a device that is capped and in its quiet hours gets the test all the same, and no statistics count it', async () => {
    const phone = await roost.phone('ios')
    const rules = {
      quietHours: { from: '00:00', to: '23:59', action: 'drop' },
      cap: { messages: 1, days: 1 },
    }
    expect((await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, rules)).status).toBe(200)
    const before = await roost.rest<{ messages: unknown[] }>('GET', `/v1/apps/${roost.app}/messages`)
    const { id, code } = await invite()
    await goThrough(await take(code, phone.hwid))
    await untilStep(id, 'received')
    const after = await roost.rest<{ messages: unknown[] }>('GET', `/v1/apps/${roost.app}/messages`)
    expect(after.body.messages).toEqual(before.body.messages)
    await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { quietHours: null, cap: null })
  })

  test('a phone that reports twice is sent one push', async () => {
    const phone = await roost.phone('ios')
    const { id, code } = await invite()
    const before = roost.simulator.counts().apns.accepted
    const ticket = await take(code, phone.hwid)
    await Promise.all([goThrough(ticket), goThrough(ticket)])
    await goThrough(await take(code, phone.hwid))
    const { result } = await untilStep(id, 'received')
    expect(roost.simulator.counts().apns.accepted).toBe(before + 1)
    expect((await read(id)).result?.deliveryId).toBe(result?.deliveryId)
  })
})

describe('what is wrong is named, with what to do', () => {
  const failedAt = async (id: string) => {
    const { steps } = await read(id)
    return steps.find(it => it.state === 'failed')
  }

  test.each([
    ['permission', { code: 'denied' }, /Allow notifications/],
    ['token', { code: '3000', message: 'no valid “aps-environment”' }, /aps-environment/],
    ['token', { code: 'SERVICE_NOT_AVAILABLE' }, /another network/],
    ['upload', { code: 'unauthorized', message: '403' }, /device token/],
  ] as const)('an error of the phone at %s: %j', async (step, error, remedy) => {
    const { id, code } = await invite()
    const ticket = await take(code, `fails-${Math.random()}`)
    await call('report', { ticket, step, error })
    const failed = await failedAt(id)
    expect(failed).toMatchObject({ step, reason: error.code })
    expect(failed?.remedy).toMatch(remedy)
  })

  test('a phone that says it has handed its token in, and has not', async () => {
    const { id, code } = await invite()
    await roost.device('registerDevice', { hwid: 'no-token-at-all', device_type: 1 })
    await goThrough(await take(code, 'no-token-at-all'))
    expect(await failedAt(id)).toMatchObject({ step: 'upload', reason: 'no_address' })
  })

  test('a hwid that is not the phone’s own: whoever does not know its token learns nothing of it and makes nothing go there', async () => {
    const victim = await roost.phone('ios')
    const stranger = await roost.phone('ios')
    const { id, code } = await invite()
    const ticket = await take(code, victim.hwid)
    const upload = { ticket, step: 'upload' }
    await call('report', upload)
    expect(await failedAt(id)).toMatchObject({ step: 'upload', reason: 'token_not_named' })
    await call('report', { ...upload, token: await tokenOf(stranger.hwid) })
    const { steps, result } = await read(id)
    expect(steps.find(it => it.state === 'failed')).toMatchObject({ step: 'upload', reason: 'other_token' })
    expect(JSON.stringify(steps)).not.toContain((await tokenOf(victim.hwid)).slice(-8))
    expect(result).toBeNull()
    expect((await roost.view(victim.hwid)).isTestDevice).toBe(false)
    const again = await call('report', { ...upload, token: (await tokenOf(victim.hwid)).toUpperCase() })
    expect(statesOf(again.body.steps ?? [])).toMatchObject({ upload: 'done', accepted: 'done' })
  })

  test('an address that has ended', async () => {
    const phone = await roost.phone('ios')
    await roost.device('unregisterDevice', { hwid: phone.hwid })
    const { id, code } = await invite()
    await goThrough(await take(code, phone.hwid))
    expect(await failedAt(id)).toMatchObject({ step: 'upload', reason: 'address_dead' })
  })

  test('an app that has as many test devices as it may', async () => {
    await roost.server.db.query(
      `insert into test_device (bucket, app_id, hwid, name, created_at)
       select 0, a.id, 'many-' || i, 'many', now()
         from generate_series(1, 1000) i cross join (select id from app where code = $1) a`,
      [roost.app],
    )
    const phone = await roost.phone('ios')
    const { id, code } = await invite()
    await goThrough(await take(code, phone.hwid))
    const failed = await failedAt(id)
    await roost.server.db.query("delete from test_device where name = 'many'")
    expect(failed).toMatchObject({ step: 'upload', reason: 'input_invalid' })
    expect(failed?.detail).toContain('that is the most')
  })

  test('a device that may show nothing is not sent to', async () => {
    const phone = await roost.phone('ios')
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${phone.hwid}`, { permission: 'denied' })
    const { id, code } = await invite()
    await goThrough(await take(code, phone.hwid))
    expect(await failedAt(id)).toMatchObject({ step: 'permission', reason: 'permission_denied' })
    expect((await read(id)).result).toBeNull()
  })

  test('no credential for the gateway; once there is one, the same phone goes on', async () => {
    const made = await roost.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', {
      name: 'Empty',
    })
    const { code: other, deviceToken } = made.body
    const invited = await roost.rest<MadeInvitation>('POST', `/v1/apps/${other}/test-devices/invitations`, {})
    const { id, link } = invited.body
    const response = await fetch(`${roost.url}/json/1.3/registerDevice`, {
      method: 'POST',
      headers: { authorization: `Token ${deviceToken}` },
      body: JSON.stringify({
        request: { application: other, hwid: 'alone', device_type: 1, push_token: 'ab'.repeat(32) },
      }),
    })
    expect(response.status).toBe(200)
    const code = new URL(link).hash.slice(1)
    const taken = await call('take', { code, hwid: 'alone', application: other })
    const ticket = taken.body.ticket as string
    takenBy.set(ticket, 'alone')
    const steps = await goThrough(ticket)
    expect(steps.find(it => it.step === 'credential')).toMatchObject({
      state: 'failed',
      reason: 'no_credential_production',
      detail: 'the app has no credential for apns production',
    })
    const key = roost.simulator.apns.createTeamKey({ bundleId: 'com.example.other' })
    await roost.rest('POST', `/v1/apps/${other}/credentials`, { gateway: 'apns', kind: 'p8', ...key })
    const again = await goThrough(ticket)
    expect(statesOf(again)).toMatchObject({ credential: 'done', accepted: 'failed' })
    const path = `/v1/apps/${other}/test-devices/invitations/${id}`
    const { body } = await roost.rest<InvitationView>('GET', path)
    expect(body.result?.outcome.reason).toBe('BadDeviceToken')
    expect(body.steps.find(it => it.step === 'accepted')?.remedy).toBe(body.result?.remedy)
  })

  test('what a gateway refuses changes nothing in the base', async () => {
    const phone = await roost.phone('ios')
    roost.simulator.apns.faults.answerFor(phone.token as string, { reason: 'Unregistered' }, 1)
    const { id, code } = await invite()
    await goThrough(await take(code, phone.hwid))
    expect(await failedAt(id)).toMatchObject({ step: 'accepted', reason: 'Unregistered' })
    const { rows } = await roost.server.db.query('select state, reason from address where hwid = $1', [
      phone.hwid,
    ])
    expect(rows).toEqual([{ state: 'active', reason: null }])
  })

  test('the app on the phone is another one', async () => {
    const { id, code } = await invite()
    const { status, body } = await call('take', { code, hwid: 'stranger', application: 'AAAAA-BBBBB' })
    expect([status, body.code]).toEqual([400, 'input_invalid'])
    expect(await failedAt(id)).toMatchObject({ step: 'app_opened', reason: 'other_app' })
  })
})

describe('a code', () => {
  test('is good for one phone, which may take it again', async () => {
    const { code } = await invite()
    await take(code, 'first-phone')
    expect(await call('take', { code, hwid: 'second-phone', application: roost.app })).toMatchObject({
      status: 409,
      body: { code: 'invitation_taken' },
    })
    expect(await call('scan', { code })).toMatchObject({ status: 409 })
    expect(await call('scan', { code, isAgain: true })).toMatchObject({ status: 200 })
    await take(code, 'first-phone')
  })

  test('of two phones at once one gets it', async () => {
    const { code } = await invite()
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => call('take', { code, hwid: `racer-${i}`, application: roost.app })),
    )
    expect(answers.map(it => it.status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 409)])
  })

  test('is over after ten minutes, and a ticket after half an hour', async () => {
    const { code } = await invite()
    const taken = await invite()
    const ticket = await take(taken.code, 'slow-phone')
    roost.clock.advance(10 * MINUTE_MS)
    expect(await call('take', { code, hwid: 'late', application: roost.app })).toMatchObject({
      status: 404,
      body: { code: 'invitation_unknown' },
    })
    expect((await call('report', { ticket, step: 'permission' })).status).toBe(200)
    roost.clock.advance(20 * MINUTE_MS)
    expect((await call('report', { ticket, step: 'permission' })).status).toBe(404)
    expect((await read(taken.id)).state).toBe('over')
  })

  test('has 128 random bits, is nowhere in the database and in no log, and is ended at will', async () => {
    const { id, code } = await invite()
    expect(Buffer.from(code, 'base64url')).toHaveLength(16)
    const ticket = await take(code, 'secretive')
    const { rows } = await roost.server.db.query<{ found: boolean }>(
      `select bool_or(strpos(t::text, $1) > 0 or strpos(t::text, $2) > 0) as found from test_invitation t`,
      [code, ticket],
    )
    expect(rows[0]?.found).toBe(false)
    expect(roost.logged()).not.toContain(code)
    expect(roost.logged()).not.toContain(ticket)
    expect((await roost.rest('GET', `${base()}/${id}`)).body).not.toHaveProperty('link')
    await fetch(`${roost.url}${base()}/${id}`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer test-server-token-of-enough-length' },
    })
    expect((await read(id)).state).toBe('over')
    expect((await call('report', { ticket, step: 'permission' })).status).toBe(404)
  })

  test('that leads to what a browser would run is refused', async () => {
    for (const opens of ['javascript:alert(1)', 'data:text/html,x', ' https://x', 'no-link'])
      expect((await roost.rest('POST', base(), { opens })).body).toMatchObject({ code: 'input_invalid' })
  })

  test('made up, is told from none, whoever asks', async () => {
    const unknown = { status: 404, body: { code: 'invitation_unknown' } }
    expect(await call('scan', { code: 'x'.repeat(22) })).toMatchObject(unknown)
    expect(await call('report', { ticket: 'x'.repeat(22), step: 'upload' })).toMatchObject(unknown)
  })
})

describe('live', () => {
  test('each step comes as an event as it happens, and the stream ends when the push was opened', async () => {
    const { id, code } = await invite()
    const views: InvitationView[] = []
    const ended = follow(id, view => views.push(view))
    const untilTold = async (step: InvitationStep, state: string) => {
      for (const end = Date.now() + 10_000; Date.now() < end; await tick())
        if (views.at(-1)?.steps.some(it => it.step === step && it.state === state)) return
      throw new Error(`no event told that ${step} is ${state}`)
    }
    await untilTold('app_opened', 'waiting')
    const phone = await roost.phone('android')
    await goThrough(await take(code, phone.hwid))
    await untilTold('received', 'done')
    const { result } = await read(id)
    await roost.device('pushStat', { hwid: phone.hwid, hash: result?.deliveryId.replaceAll('-', '') })
    await ended
    expect(views[0]?.state).toBe('open')
    expect(views.at(-1)?.state).toBe('done')
    expect(views.length).toBeGreaterThan(2)
  })

  test('a stream ends with its invitation, and a stop does not wait for one', async () => {
    const { id } = await invite()
    const over = follow(id, () => undefined)
    roost.clock.advance(11 * MINUTE_MS)
    await over
    const other = await roost.another({ roles: ['api'], closeWithinMs: 600_000 }) // longer than this test has
    const waiting = await invite()
    const response = await fetch(`${other.url}${base()}/${waiting.id}/live`, {
      headers: { authorization: 'Bearer test-server-token-of-enough-length' },
    })
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    await reader.read()
    await other.close()
    while (!(await reader.read()).done);
  })
})

test('a hundred streams are open at most, and who went away leaves room', async () => {
  const { id } = await invite()
  const opened = Array.from({ length: 100 }, () => new AbortController())
  const open = (signal: AbortSignal) =>
    fetch(`${roost.url}${base()}/${id}/live`, {
      headers: { authorization: 'Bearer test-server-token-of-enough-length' },
      signal,
    })
  const kept: Response[] = [] // fetch ends what nobody holds any more
  for (const { signal } of opened) kept.push(await open(signal))
  const one = new AbortController()
  expect((await open(one.signal)).status).toBe(429)
  expect(kept.map(it => it.status)).toEqual(Array.from({ length: 100 }, () => 200))
  for (const it of opened) it.abort()
  for (const end = Date.now() + 10_000; Date.now() < end; await tick()) {
    const { status } = await open(one.signal)
    if (status === 200) return one.abort()
  }
  throw new Error('there is no room again')
})

async function follow(id: string, onView: (view: InvitationView) => void): Promise<void> {
  const response = await fetch(`${roost.url}${base()}/${id}/live`, {
    headers: { authorization: 'Bearer test-server-token-of-enough-length' },
  })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  let text = ''
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    const lines = (text + Buffer.from(bytes).toString()).split('\n')
    text = lines.pop() ?? ''
    for (const line of lines)
      if (line.startsWith('data: ')) onView(JSON.parse(line.slice(6)) as InvitationView)
  }
}

test('the page behind the code runs its own script alone, and is kept nowhere', async () => {
  const response = await fetch(`${roost.url}/test-device`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-security-policy')).toMatch(
    /default-src 'none'; script-src 'sha256-[\w+/=]+'/,
  )
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('referrer-policy')).toBe('no-referrer')
})

test('an erased device takes its invitation along', async () => {
  const phone = await roost.phone('ios')
  const { id, code } = await invite()
  await goThrough(await take(code, phone.hwid))
  await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${phone.hwid}`)
  expect((await roost.rest('GET', `${base()}/${id}`)).body).toMatchObject({ code: 'invitation_unknown' })
})

test('a day later nothing of an invitation is kept', async () => {
  const { id } = await invite()
  roost.clock.advance(25 * 60 * MINUTE_MS)
  expect(await dropOldInvitations(roost.server.db, roost.clock.now())).toBeGreaterThan(0)
  expect((await roost.rest('GET', `${base()}/${id}`)).body).toMatchObject({ code: 'invitation_unknown' })
})
