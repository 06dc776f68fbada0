/**
 * Calls while things break: servers that are killed, sockets that drop, a database that is away. No accept is lost, nobody wins twice,
 * nothing rings after its time, and what was missed was missed once.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { CallServerFrame, CallView, DeviceCall } from '@roost/protocol'
import { createPhone, type Phone, type PhonePlatform, type Simulator, startSimulator } from '@roost/simulator'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callIn, statesOn } from '../packages/server/test/call.ts'
import { connectLive, type LiveDevice } from '../packages/server/test/live-client.ts'
import { eventually } from './support/eventually.ts'
import { BUNDLE_ID, type Fleet, startFleet } from './support/fleet.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'

const WITHIN_MS = 60_000

interface House {
  readonly simulator: Simulator
  readonly app: string
  readonly deviceToken: string
  readonly server: RoostServer
}

/** An app as people have it: it keeps its channel, and says what it has to say until somebody answers. */
class CallingApp {
  readonly phone: Phone
  readonly frames: Extract<CallServerFrame, { type: 'call' }>['call'][] = []
  readonly #house: House
  readonly #userId: string
  readonly #state: 'online' | 'background'
  #device: LiveDevice | undefined
  #isKept = false

  constructor(
    house: House,
    platform: PhonePlatform,
    { userId, state = 'background' }: { readonly userId: string; readonly state?: 'online' | 'background' },
  ) {
    const { simulator, app, deviceToken, server } = house
    const roost = { baseUrl: server.baseUrl, app, deviceToken }
    this.#house = house
    this.#userId = userId
    this.#state = state
    this.phone = createPhone({ simulator, roost, platform, userId })
  }

  async open(): Promise<void> {
    await this.phone.open()
    this.#isKept = true
    await this.#connect()
  }

  async #connect(): Promise<void> {
    const { server, app, deviceToken } = this.#house
    const { hwid } = this.phone
    const device = await connectLive(server.baseUrl, {
      app,
      deviceToken,
      hwid,
      userId: this.#userId,
      state: this.#state,
    })
    this.#device = device
    void this.#listen(device)
  }

  async #listen(device: LiveDevice): Promise<void> {
    try {
      for (;;) this.frames.push((await device.next('call')).call)
    } catch {
      while (this.#isKept && this.#device === device) {
        await delay(20)
        await this.#connect().catch(() => undefined)
      }
    }
  }

  get last(): DeviceCall | undefined {
    return this.frames.at(-1)
  }

  async dropSocket(): Promise<void> {
    await this.#device?.drop()
  }

  /** Until the server answers, whatever is between. */
  async say(id: string, verb: string): Promise<{ readonly status: number; readonly state: string }> {
    const { server, app, deviceToken } = this.#house
    const url = `${server.baseUrl}/v1/apps/${app}/devices/${encodeURIComponent(this.phone.hwid)}/calls/${id}/${verb}`
    for (;;) {
      const headers = { authorization: `Token ${deviceToken}` }
      const response = await fetch(url, { method: 'POST', headers }).catch(() => undefined)
      if (response !== undefined && response.status < 500) {
        const body = await response.json()
        return { status: response.status, state: body.state ?? body.values?.state }
      }
      await response?.body?.cancel()
      await delay(20)
    }
  }

  async close(): Promise<void> {
    this.#isKept = false
    await this.#device?.drop()
    this.phone.close()
  }
}

const apps: CallingApp[] = []

async function appOf(...given: ConstructorParameters<typeof CallingApp>): Promise<CallingApp> {
  const made = new CallingApp(...given)
  apps.push(made)
  await made.open()
  return made
}

const ios = { kind: 'ios', bundleId: BUNDLE_ID } as const
let people = 0
const newUser = () => `user-${++people}`

/** As a back end does it: under an id of its own, so that it can say it again when the server had no room for it. */
async function callFrom({ server, app }: House, body: object): Promise<CallView> {
  const call = { id: randomUUID(), caller: { name: 'Anna' }, ...body }
  for (;;)
    try {
      return await server.rest<CallView>('POST', `/v1/apps/${app}/calls`, call)
    } catch (error) {
      if (!/was answered with 503/.test(String(error))) throw error
      await delay(20)
    }
}

/** Undefined while it can't be read. */
function read({ server, app }: House, id: string): Promise<CallView | undefined> {
  return server.rest<CallView>('GET', `/v1/apps/${app}/calls/${id}`).catch(() => undefined)
}

async function until(house: House, id: string, isWanted: (call: CallView) => boolean): Promise<CallView> {
  const { value } = await eventually({
    what: `call ${id} as wanted`,
    read: () => read(house, id),
    until: it => it !== undefined && isWanted(it),
    withinMs: WITHIN_MS,
  })
  return value as CallView
}

/** Whatever was shown of the ringing before: by one message, though a gateway may have been asked for it twice. */
async function expectMissedOnce(simulator: Simulator, { token }: Phone): Promise<void> {
  const missed = () =>
    simulator.pushes({ token: String(token) }).filter(it => callIn(it.payload).state === 'timed_out')
  await eventually({ what: 'a missed call', read: missed, until: it => it.length > 0, withinMs: WITHIN_MS })
  expect(new Set(missed().map(it => it.messageId)).size).toBe(1)
}

function expectNoGhosts(simulator: Simulator): void {
  for (const push of simulator.pushes()) {
    const call = callIn(push.payload)
    if (call.state !== 'ringing') continue
    const expiresAt = Number(push.headers['apns-expiration']) * 1000
    expect(expiresAt).toBeGreaterThan(0)
    expect(expiresAt).toBeLessThanOrEqual(Date.parse(String(call.ringUntil)))
  }
}

describe('one server, kill -9', () => {
  let house: House

  beforeAll(async () => {
    const simulator = await startSimulator()
    const server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
    const made = await server.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', {
      name: 'Calls',
    })
    const { code: app, deviceToken } = made
    const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    await server.rest('POST', `/v1/apps/${app}/credentials`, { gateway: 'apns', kind: 'p8', ...key })
    house = { simulator, server, app, deviceToken }
  })
  afterAll(async () => {
    for (const it of apps.splice(0)) await it.close()
    await house?.server.close()
    await house?.simulator.close()
  })

  test('in the middle of a call: who comes back rings, and the accept counts', async () => {
    const userId = newUser()
    const [one, other] = [await appOf(house, ios, { userId }), await appOf(house, ios, { userId })]
    const { id } = await callFrom(house, { callees: [userId], ringSeconds: 120 })
    await until(house, id, () => one.last?.id === id && other.last?.id === id)
    const before = one.frames.length
    await house.server.kill()
    const accepting = one.say(id, 'accept')
    await house.server.startAgain()
    expect(await accepting).toEqual({ status: 200, state: 'accepted' })
    expect(await other.say(id, 'accept')).toEqual({ status: 409, state: 'answered_elsewhere' })
    await until(house, id, () => other.last?.state === 'answered_elsewhere' && one.frames.length > before)
    expect(await read(house, id)).toMatchObject({ state: 'accepted', callees: [{ by: one.phone.hwid }] })
  })

  test('while accepts are under way: each call has one winner, and who was told that it won still has', async () => {
    const users = Array.from({ length: 12 }, newUser)
    const pairs = await Promise.all(
      users.map(
        async userId => [await appOf(house, ios, { userId }), await appOf(house, ios, { userId })] as const,
      ),
    )
    const calls = await Promise.all(
      users.map(userId => callFrom(house, { callees: [userId], ringSeconds: 120 })),
    )
    const saying = pairs.flatMap((pair, i) =>
      pair.map(async it => ({ i, it, answer: await it.say((calls[i] as CallView).id, 'accept') })),
    )
    await Promise.race(saying) // some have their answer by now, and some have not
    await house.server.kill()
    await house.server.startAgain()
    const said = await Promise.all(saying)
    for (const [i, { id }] of calls.entries()) {
      const winners = said.filter(it => it.i === i && it.answer.status === 200)
      expect(winners.map(it => it.answer.state)).toEqual(['accepted'])
      expect(await read(house, id)).toMatchObject({
        state: 'accepted',
        callees: [{ by: winners[0]?.it.phone.hwid }],
      })
    }
  })

  test('through the end of the ring time: it reads timed_out at once, and was missed once', async () => {
    const userId = newUser()
    const app = await appOf(house, ios, { userId })
    const { id, ringUntil } = await callFrom(house, { callees: [userId], ringSeconds: 5 })
    await house.server.kill()
    await delay(Math.max(0, Date.parse(ringUntil) - Date.now())) // the ring time is over while nobody lives
    await house.server.startAgain()
    expect(await until(house, id, () => true)).toMatchObject({ state: 'timed_out' })
    expect(await app.say(id, 'accept')).toEqual({ status: 409, state: 'timed_out' })
    await expectMissedOnce(house.simulator, app.phone)
    await eventually({
      what: 'nothing but the missed call',
      read: () => statesOn(app.phone).join(),
      until: it => it === 'timed_out',
      withinMs: WITHIN_MS,
    })
    expectNoGhosts(house.simulator)
  })

  test('a socket that drops with the answer on it: the app says it again, and what rings there stops', async () => {
    const userId = newUser()
    const [one, other] = [await appOf(house, ios, { userId }), await appOf(house, ios, { userId })]
    const { id } = await callFrom(house, { callees: [userId], ringSeconds: 120 })
    await until(house, id, () => one.last?.id === id && other.last?.id === id)
    await other.dropSocket()
    const saying = one.say(id, 'accept')
    await one.dropSocket()
    expect(await saying).toEqual({ status: 200, state: 'accepted' })
    await until(house, id, () => one.last?.state === 'accepted' && other.last?.state === 'answered_elsewhere')
  })
})

describe('several servers, and a database that goes away for five seconds', () => {
  let fleet: Fleet
  let house: House

  beforeAll(async () => {
    fleet = await startFleet()
    const { simulator, api, app, deviceToken } = fleet
    house = { simulator, server: api, app, deviceToken }
    await fleet.startSender()
    await fleet.startSender()
  })
  afterAll(async () => {
    for (const it of apps.splice(0)) await it.close()
    await fleet?.close()
  })

  test('accepts that are said meanwhile count, what ran out is missed once, and the books balance', async () => {
    const android = { kind: 'android', projectId: fleet.projectId } as const
    const users = Array.from({ length: 6 }, newUser)
    const pairs = await Promise.all(
      users.map(
        async userId =>
          [await appOf(house, ios, { userId }), await appOf(house, android, { userId })] as const,
      ),
    )
    const patient = await Promise.all(
      users.map(userId => callFrom(house, { callees: [userId], ringSeconds: 120 })),
    )
    const idle = newUser()
    const absent = await appOf(house, ios, { userId: idle })
    const short = await callFrom(house, { callees: [idle], ringSeconds: 5 })
    await fleet.crashDatabase()
    const saying = pairs.flatMap((pair, i) =>
      pair.map(async it => ({ i, it, answer: await it.say((patient[i] as CallView).id, 'accept') })),
    )
    await delay(5000) // the drill is this long
    await fleet.startDatabase()
    const said = await Promise.all(saying)
    for (const [i, { id }] of patient.entries()) {
      const winners = said.filter(it => it.i === i && it.answer.status === 200)
      expect(winners.map(it => it.answer.state)).toEqual(['accepted'])
      const { state, callees } = await until(house, id, () => true)
      expect([state, callees[0]?.by]).toEqual(['accepted', winners[0]?.it.phone.hwid])
      const loser = said.find(it => it.i === i && it.answer.status !== 200)
      await until(house, id, () => loser?.it.last?.state === 'answered_elsewhere')
    }
    await expectMissedOnce(house.simulator, absent.phone)
    expect(await read(house, short.id)).toMatchObject({ state: 'timed_out' })
    await expectBalance()
    await expectMissedOnce(house.simulator, absent.phone)
  })

  /** One connection for all that is asked: the pools of three servers leave few. */
  async function asking(ask: (query: (sql: string) => Promise<unknown[]>) => Promise<void>): Promise<void> {
    const { value: client } = await eventually({
      what: 'a connection to the database',
      read: async () => {
        const wanted = new pg.Client({ connectionString: fleet.databaseUrl })
        wanted.on('error', () => undefined)
        return wanted.connect().then(
          () => wanted,
          () => undefined,
        )
      },
      until: it => it !== undefined,
      withinMs: WITHIN_MS,
    })
    try {
      await ask(async sql => ((await client?.query(sql)) ?? { rows: [] }).rows)
    } finally {
      await client?.end()
    }
  }

  /** Every message of a call has come to its end and counts all of its deliveries, and each callee has changed once. */
  async function expectBalance(): Promise<void> {
    await asking(async query => {
      await eventually({
        what: 'the end of all messages',
        read: async () =>
          (await query('select id from message where call_id is not null and finished_at is null')).length,
        until: open => open === 0,
        withinMs: WITHIN_MS,
      })
      const unbalanced = await query(
        `select b.id from batch b join message m on m.id = b.message_id and m.call_id is not null
          where b.targeted <> b.accepted + b.dead + b.failed + b.skipped + b.uncertain
             or exists (select from delivery_queue q where q.batch_id = b.id)`,
      )
      expect(unbalanced).toEqual([])
      const untold = await query(
        `select m.call_id from call_callee m
          where m.state = 'ringing' or 1 <> (
            select count(*) from webhook_event e
             where e.type = 'call.changed' and e.data ->> 'callId' = m.call_id::text and e.data ->> 'userId' = m.user_id)`,
      )
      expect(untold).toEqual([])
    })
  }
})
