/** The races between registrations and gateways' answers, by their letters in docs/token-life.md. Over the real wire. */
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { hashOf } from '../insight/receipts.ts'
import type { Queryable } from '../store/database.ts'

const HOUR_MS = 3_600_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())
beforeEach(() => roost.clock.advance(HOUR_MS))

const hello = (...hwids: string[]) => ({ to: { devices: hwids }, content: { title: 'Hello' } })
const statesOf = async (hwid: string) => (await roost.view(hwid)).addresses.map(it => it.state).sort()

async function register(hwid: string, token: string, deviceType = 3): Promise<void> {
  const answer = await roost.device('registerDevice', { hwid, device_type: deviceType, push_token: token })
  expect(answer.body.status_code).toBe(200)
}

/** Sends to the phone, and does `meanwhile` between the gateway's look at the address and its answer. */
async function sendWith(phone: Phone, meanwhile: () => Promise<unknown>) {
  const { faults } = roost.simulator.fcm
  faults.holdAnswers({ token: phone.token as string })
  const id = await roost.send(hello(phone.hwid))
  await faults.waitForHeld()
  await meanwhile()
  faults.releaseAnswers()
  return roost.settle(id)
}

test('race A3: a registration that came before a death was applied, and is stored after it, wins', async () => {
  const phone = await roost.phone('android')
  const token = phone.token as string
  roost.simulator.fcm.killToken(token)
  const { faults } = roost.simulator.fcm
  faults.holdAnswers({ token })
  const id = await roost.send(hello(phone.hwid))
  await faults.waitForHeld()
  let registered: Promise<void> = Promise.resolve()
  await roost.server.db.transaction(async tx => {
    await tx.query('select from device where hwid = $1 for update', [phone.hwid])
    registered = register(phone.hwid, token)
    await untilSomebodyWaits(tx)
    faults.releaseAnswers()
    await roost.settle(id)
    expect(await statesOf(phone.hwid)).toEqual(['dead'])
  })
  await registered
  expect(await statesOf(phone.hwid)).toEqual(['active'])
})

/** For a lock that this transaction holds. */
async function untilSomebodyWaits(tx: Queryable): Promise<void> {
  for (;;) {
    const { rowCount } = await tx.query(
      `select from pg_stat_activity
        where datname = current_database() and pg_backend_pid() = any(pg_blocking_pids(pid))`,
    )
    if (rowCount > 0) return
    await tick()
  }
}

test('race B: an acceptance is counted for the message of the former holder, and the address stays with the new one', async () => {
  const phone = await roost.phone('android')
  const token = phone.token as string
  const message = await sendWith(phone, () => register('race-b', token))
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 1 })
  expect(await statesOf(phone.hwid)).toEqual(['moved'])
  expect(await statesOf('race-b')).toEqual(['active'])
})

test('race B2: what waits for the former holder is cancelled when the address moves', async () => {
  const phone = await roost.phone('android')
  const token = phone.token as string
  roost.simulator.fcm.faults.answerFor(token, { form: 'unavailable' }, 1)
  const message = await sendWith(phone, () => register('race-b2', token))
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 0, skipped: 1 })
  expect(roost.simulator.acceptedFor(hashOf(message.id)).acceptances).toBe(0)
})

test('race D: a message that met a replaced address is sent once to the new one', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unregistered' }, 1)
  const message = await sendWith(phone, () => phone.refreshToken())
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 1, dead: 0 })
  const { acceptances } = roost.simulator.acceptedFor(hashOf(message.id))
  expect(acceptances).toBe(1)
  expect(await statesOf(phone.hwid)).toEqual(['active', 'superseded'])
})

test('race D: a new address that is older than the sending by the clock is sent to as well', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unregistered' }, 1)
  const message = await sendWith(phone, async () => {
    roost.clock.advance(-1000) // or the chunk was read a second before its sending
    await phone.refreshToken()
  })
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 1, dead: 0 })
})

test('race D: a message that met a replaced address of another project is sent once to the new one', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'sender_id_mismatch' }, 1)
  const message = await sendWith(phone, () => phone.refreshToken())
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 1, failed: 0 })
  expect(await statesOf(phone.hwid)).toEqual(['active', 'superseded'])
})

test('race D2: a message that the replaced address has taken is not sent again', async () => {
  const phone = await roost.phone('android')
  const message = await sendWith(phone, () => register(phone.hwid, 'a-token-of-race-d2'))
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 1 })
  expect([...roost.simulator.attemptsFor(hashOf(message.id)).values()]).toEqual([1])
})

test('race E: a sandbox token among those of production is corrected, and the others are as they were', async () => {
  const others = [await roost.phone('ios'), await roost.phone('ios')]
  const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment: 'sandbox' })
  await register('race-e', token, 1)
  const message = await roost.sendAndSettle(hello('race-e', ...others.map(it => it.hwid)))
  expect(message.counts).toMatchObject({ targeted: 3, accepted: 3 })
  expect((await roost.view('race-e')).addresses).toMatchObject([
    { environment: 'sandbox', state: 'active' },
    { environment: 'production', state: 'superseded', reason: 'environment_corrected' },
  ])
  for (const { hwid } of others)
    expect((await roost.view(hwid)).addresses).toMatchObject([{ state: 'active', generation: 1 }])
})

test('race J: an address that was dead and registers again ignores the late answer to an earlier send', async () => {
  const phone = await roost.phone('android')
  const token = phone.token as string
  roost.simulator.fcm.faults.answerFor(token, { form: 'unregistered' }, 2)
  await roost.sendAndSettle(hello(phone.hwid))
  expect(await statesOf(phone.hwid)).toEqual(['dead'])
  await register(phone.hwid, token)
  await sendWith(phone, () => register(phone.hwid, token))
  expect(await statesOf(phone.hwid)).toEqual(['active'])
})

test('race K: a clock that steps back ten seconds after a registration ends nobody, by a death of before it', async () => {
  const phone = await roost.phone('ios')
  const timestamp = roost.clock.now() - 1000
  roost.clock.advance(-10_000)
  const death = { status: 410, reason: 'Unregistered', timestamp } as const
  roost.simulator.apns.faults.answerFor(phone.token as string, death, 1)
  await roost.sendAndSettle(hello(phone.hwid))
  expect(await statesOf(phone.hwid)).toEqual(['suspect'])
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
  expect(await statesOf(phone.hwid)).toEqual(['active'])
})

test('race K: a registration after the step back has a new generation, so an answer to an earlier send ends nobody', async () => {
  const phone = await roost.phone('ios')
  const token = phone.token as string
  const { faults } = roost.simulator.apns
  const timestamp = roost.clock.now() + 7000 // later than any registration that the clock has told yet
  faults.answerFor(token, { status: 410, reason: 'Unregistered', timestamp }, 1)
  roost.clock.advance(8000)
  faults.holdAnswers({ token })
  const id = await roost.send(hello(phone.hwid))
  await faults.waitForHeld()
  roost.clock.advance(-10_000)
  await phone.register()
  faults.releaseAnswers()
  await roost.settle(id)
  expect(await statesOf(phone.hwid)).toEqual(['suspect'])
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
  expect(await statesOf(phone.hwid)).toEqual(['active'])
})

test('race L: a backup on a new phone with an installation of its own makes two devices of one user', async () => {
  const old = await roost.phone('ios', { userId: 'race-l' })
  const fresh = old.restoreBackup({ keepsHwid: false })
  await fresh.open()
  await fresh.logIn('race-l')
  await old.register()
  expect(fresh.hwid).not.toBe(old.hwid)
  expect([await statesOf(old.hwid), await statesOf(fresh.hwid)]).toEqual([['active'], ['active']])
  const message = await roost.sendAndSettle({ to: { users: ['race-l'] }, content: { title: 'Hello' } })
  expect(message.counts).toMatchObject({ targeted: 2, accepted: 2 })
  fresh.close()
})

test('race M: of two phones under one installation one is given another, and from then on both are reached', async () => {
  const phone = await roost.phone('android')
  const { hwid } = phone
  const tokens = [phone.token as string, (await roost.phone('android')).token as string]
  const answers: (string | undefined)[] = []
  for (let turn = 1; turn <= 4; turn++) {
    roost.clock.advance(HOUR_MS)
    const { body } = await roost.device('registerDevice', {
      hwid,
      device_type: 3,
      push_token: tokens[turn % 2],
    })
    expect(body.status_code).toBe(200)
    answers.push(body.response?.new_hwid as string | undefined)
    const { addresses } = await roost.view(hwid)
    const active = addresses.filter(it => it.state === 'active')
    expect(
      active.map(it => it.addressEnd),
      'the last one has it',
    ).toEqual([tokens[turn % 2]?.slice(-8)])
  }
  expect(answers).toEqual([undefined, undefined, undefined, expect.stringMatching(/^[0-9a-f-]{36}$/)])
  const path = `/v1/apps/${roost.app}/alerts?state=open`
  expect((await roost.rest('GET', path)).body).toMatchObject({
    alerts: [{ kind: 'address_flapping', data: { provider: 'fcm' } }],
  })
  const newHwid = answers[3] as string
  await register(newHwid, tokens[0] as string)
  await register(hwid, tokens[1] as string)
  expect((await roost.sendAndSettle(hello(hwid, newHwid))).counts).toMatchObject({ targeted: 2, accepted: 2 })
})

test('race M: a back end that registers for a device is told of the new installation, too', async () => {
  const tokens = ['a-token-of-race-m', 'b-token-of-race-m']
  const answers: unknown[] = []
  for (let turn = 0; turn < 5; turn++) {
    const body = { platform: 'android', pushToken: tokens[turn % 2] }
    const answer = await roost.rest('PUT', `/v1/apps/${roost.app}/devices/race-m`, body)
    expect(answer.status).toBe(200)
    answers.push(answer.body.newHwid)
  }
  expect(answers).toEqual([null, null, null, null, expect.stringMatching(/^[0-9a-f-]{36}$/)])
})

test('race M: a device that changes to a new address again and again, or back once a day, keeps its installation', async () => {
  const phone = await roost.phone('android')
  for (const push_token of ['m-1', 'm-2', 'm-3', 'm-4', 'm-5', 'm-6']) {
    const call = { hwid: phone.hwid, device_type: 3, push_token: `a-token-${push_token}` }
    expect((await roost.device('registerDevice', call)).body.response).toBeNull()
  }
  for (let turn = 0; turn < 8; turn++) {
    roost.clock.advance(9 * HOUR_MS)
    const call = { hwid: phone.hwid, device_type: 3, push_token: `a-token-m-${turn % 2}` }
    expect((await roost.device('registerDevice', call)).body.response).toBeNull()
  }
})

test('race N: with a new VAPID key the browser subscribes anew, and the late 410 of the old endpoint costs nothing', async () => {
  const phone = await roost.phone('web')
  const old = phone.token as string
  const { faults } = roost.simulator.webPush
  faults.answerFor(old, { status: 410 })
  faults.holdAnswers({ token: old })
  const id = await roost.send(hello(phone.hwid))
  await faults.waitForHeld()
  const key = { gateway: 'webpush', kind: 'vapid', subject: 'mailto:push@example.com' }
  expect((await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, key)).status).toBe(201)
  const anew = await roost.phone('web', { hwid: phone.hwid })
  faults.releaseAnswers()
  const message = await roost.settle(id)
  expect(message.counts).toMatchObject({ targeted: 1, accepted: 1, dead: 0 })
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([
    { state: 'active', addressEnd: anew.token?.slice(-8) },
    { state: 'superseded', addressEnd: old.slice(-8) },
  ])
})
