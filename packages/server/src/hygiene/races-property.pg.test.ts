/**
 * Registrations, logouts, unregistrations and gateways' answers in any order and any number of times, over the real HTTP
 * API, held to a model of a page: whatever comes when, the base ends where the rules of docs/token-life.md say.
 *
 * Answers are handed to the base directly: the wire can't be made to bring one answer twice.
 */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { addressHash, bucketOf } from '../registry/buckets.ts'
import { type AddressResult, applyResults } from './results.ts'

let database: TestDatabase
let server: BareServer
let app: Access
let appId: number
beforeAll(async () => {
  database = await cloneDatabase()
  server = await startBare({ databaseUrl: database.url })
  app = await server.createApp()
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  appId = rows[0]?.id as number
})
afterAll(async () => {
  await server.close()
  await database.drop()
})

const HOUR_MS = 3_600_000
const IOS = 1
const DEVICES = 3
const TOKENS = 3

type Step =
  | { readonly do: 'register'; readonly device: number; readonly token: number; readonly seq: number | null }
  | { readonly do: 'unregister' | 'logout'; readonly device: number; readonly seq: number | null }
  | { readonly do: 'login'; readonly device: number; readonly user: number; readonly seq: number | null }
  | { readonly do: 'send'; readonly device: number }
  | { readonly do: 'answer'; readonly flight: number; readonly answer: 'accepted' | 'dead' | number }
  | { readonly do: 'wait' }

const device = fc.nat({ max: DEVICES - 1 })
const seq = fc.option(fc.nat({ max: 9 }), { freq: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('register' as const),
      device,
      token: fc.nat({ max: TOKENS - 1 }),
      seq,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unregister' as const), device, seq }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('logout' as const), device, seq }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('login' as const), device, user: fc.nat({ max: 1 }), seq }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('send' as const), device }) },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      flight: fc.nat({ max: 5 }),
      // A number: Apple's time of the death, in hours after the sending. Odd, so that it never meets a registration.
      answer: fc.constantFrom('accepted' as const, 'dead' as const, -5, -1, 1),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'wait' as const }) },
)
/** Below a day: what lasts for days has tests of its own. */
const WAITS_MAX = 10
const story = fc
  .array(step, { minLength: 4, maxLength: 40 })
  .filter(steps => steps.filter(it => it.do === 'wait').length <= WAITS_MAX)

type State = 'active' | 'suspect' | 'dead' | 'superseded' | 'moved'
interface Row {
  state: State
  generation: number
  /** In hours. */
  registered: number
}
interface Flight {
  readonly device: number
  readonly token: number
  readonly generation: number
  readonly hour: number
  readonly sentAt: number
}

const isSendable = (row: Row) => row.state === 'active' || row.state === 'suspect'

/** The rules, as short as they can be said. */
class Model {
  readonly rows = new Map<string, Row>()
  readonly users = new Map<number, string | null>()
  readonly #seqs = new Map<number, number>()
  readonly #holders = new Map<number, number>()
  hour = 0

  /** R5. */
  isStale(of: number, number: number | null, makes = true): boolean {
    if (number !== null && number < (this.#seqs.get(of) ?? 0)) return true
    if (number !== null) this.#seqs.set(of, number)
    if ((makes || number !== null) && !this.users.has(of)) this.users.set(of, null)
    return false
  }

  register(of: number, token: number): void {
    const holder = this.#holders.get(token)
    if (holder !== undefined && holder !== of) this.#end(`${holder} ${token}`, 'moved') // R3
    this.#holders.set(token, of)
    for (let other = 0; other < TOKENS; other++)
      if (other !== token) this.#end(`${of} ${other}`, 'superseded') // R2
    const generation = (this.rows.get(`${of} ${token}`)?.generation ?? 0) + 1
    this.rows.set(`${of} ${token}`, { state: 'active', generation, registered: this.hour }) // R0, R6
  }

  unregister(of: number): void {
    for (let token = 0; token < TOKENS; token++) this.#end(`${of} ${token}`, 'dead')
  }

  sendable(of: number): { token: number; row: Row } | undefined {
    for (let token = 0; token < TOKENS; token++) {
      const row = this.rows.get(`${of} ${token}`)
      if (row !== undefined && isSendable(row)) return { token, row }
    }
    return undefined
  }

  answer(flight: Flight, answer: 'accepted' | 'dead' | number): void {
    const row = this.rows.get(`${flight.device} ${flight.token}`)
    if (row === undefined || !isSendable(row)) return
    const isOfNow = row.generation === flight.generation // R1c
    if (answer === 'accepted') {
      if (isOfNow && row.state === 'suspect') this.#become(row, 'active')
    } else if (answer === 'dead') {
      if (isOfNow) this.#become(row, 'dead')
    } else if (flight.hour + answer > row.registered) {
      if (isOfNow)
        this.#become(row, 'dead') // R1
      else if (row.state === 'active') this.#become(row, 'suspect')
    }
  }

  #end(key: string, state: State): void {
    const row = this.rows.get(key)
    if (row !== undefined && isSendable(row)) this.#become(row, state)
  }

  #become(row: Row, state: State): void {
    row.state = state
    row.generation++
  }
}

let stories = 0

/** One story: the same steps for the model and for the server. */
class Story {
  readonly model = new Model()
  readonly #flights: Flight[] = []
  readonly #name = `story-${++stories}`

  hwid = (of: number) => `${this.#name}-device-${of}`
  token(of: number): string {
    return Buffer.from(`${this.#name}-token-${of}`).toString('hex')
  }
  hash(of: number): Buffer {
    return addressHash({
      provider: 'apns',
      environment: 'production',
      kind: 'alert',
      address: this.token(of),
    })
  }

  async take(it: Step): Promise<void> {
    if (it.do === 'wait') {
      this.model.hour += 2
      server.clock.advance(2 * HOUR_MS)
    } else if (it.do === 'send') this.#send(it.device)
    else if (it.do === 'answer') await this.#answer(it)
    else await this.call(it)
  }

  /** A call of a device; what the model makes of it is in the order of arrival. */
  async call(it: Exclude<Step, { do: 'wait' | 'send' | 'answer' }>): Promise<void> {
    const isStale = this.model.isStale(it.device, it.seq, it.do !== 'unregister')
    if (!isStale && it.do === 'register') this.model.register(it.device, it.token)
    if (!isStale && it.do === 'unregister') this.model.unregister(it.device)
    if (!isStale && it.do === 'logout') this.model.users.set(it.device, null)
    if (!isStale && it.do === 'login') this.model.users.set(it.device, `${this.#name}-user-${it.user}`)
    const answer = await this.#post(it)
    expect(answer.status_code).toBe(200)
    expect(answer.response).toEqual(isStale ? { stale: true } : null)
  }

  async #post(it: Exclude<Step, { do: 'wait' | 'send' | 'answer' }>) {
    const hwid = this.hwid(it.device)
    const base = { hwid, device_type: IOS, client_seq: it.seq }
    if (it.do === 'register')
      return (await server.device(app, 'registerDevice', { ...base, push_token: this.token(it.token) })).body
    if (it.do === 'unregister') return (await server.device(app, 'unregisterDevice', base)).body
    const userId = it.do === 'login' ? `${this.#name}-user-${it.user}` : hwid
    return (await server.device(app, 'registerUser', { ...base, userId })).body
  }

  #send(of: number): void {
    const found = this.model.sendable(of)
    if (found === undefined) return
    this.#flights.push({
      device: of,
      token: found.token,
      generation: found.row.generation,
      hour: this.model.hour,
      sentAt: server.clock.now(),
    })
  }

  async #answer({ flight: n, answer }: Extract<Step, { do: 'answer' }>): Promise<void> {
    const flight = this.#flights[this.#flights.length - 1 - n]
    if (flight === undefined) return
    this.model.answer(flight, answer)
    await server.db.transaction(tx => applyResults(tx, [this.#result(flight, answer)], server.clock.now()))
  }

  #result(flight: Flight, answer: 'accepted' | 'dead' | number): AddressResult {
    const key = {
      bucket: bucketOf(this.hwid(flight.device)),
      appId,
      hwid: this.hwid(flight.device),
      hash: this.hash(flight.token),
      generation: flight.generation,
      sentAt: flight.sentAt,
      reason: 'Unregistered',
      messageId: randomUUID(),
    }
    if (answer === 'accepted') return { ...key, kind: 'accepted' }
    return {
      ...key,
      kind: 'dead',
      since: answer === 'dead' ? null : flight.sentAt + answer * HOUR_MS,
    }
  }

  async compare(): Promise<void> {
    const { rows } = await server.db.query<{
      hwid: string
      address: string
      state: State
      generation: number
    }>('select hwid, address, state, generation from address where hwid like $1', [`${this.#name}-device-%`])
    const seen = Object.fromEntries(
      rows.map(it => [`${it.hwid} ${it.address}`, `${it.state} ${it.generation}`]),
    )
    const wanted = [...this.model.rows].map(([key, row]) => {
      const [of, token] = key.split(' ').map(Number) as [number, number]
      return [`${this.hwid(of)} ${this.token(token)}`, `${row.state} ${row.generation}`]
    })
    expect(seen).toEqual(Object.fromEntries(wanted))
    const users = await server.db.query<{ hwid: string; user: string | null }>(
      'select hwid, user_id as "user" from device where hwid like $1',
      [`${this.#name}-device-%`],
    )
    expect(Object.fromEntries(users.rows.map(it => [it.hwid, it.user]))).toEqual(
      Object.fromEntries([...this.model.users].map(([of, user]) => [this.hwid(of), user])),
    )
  }

  /** R2, R3: of a device at most one address is sent to, and of an address at most one device. */
  async expectOneEach(): Promise<void> {
    const { rows } = await server.db.query<{ hwid: string; address: string }>(
      "select hwid, address from address where hwid like $1 and state in ('active', 'suspect')",
      [`${this.#name}-device-%`],
    )
    expect(new Set(rows.map(it => it.hwid)).size).toBe(rows.length)
    expect(new Set(rows.map(it => it.address)).size).toBe(rows.length)
  }
}

test('R0–R6, R20, R25: in whatever order and however often things arrive, the base ends as the rules say', async () => {
  await fc.assert(
    fc.asyncProperty(story, async steps => {
      const it = new Story()
      for (const step of steps) await it.take(step)
      await it.compare()
    }),
    { numRuns: 80 },
  )
}, 60_000)

test('R2, R3: what arrives at once leaves each device one address, each address one device, and the last call its way', async () => {
  const calls = fc.array(
    fc.record({ device, token: fc.nat({ max: TOKENS - 1 }), unregisters: fc.nat({ max: 5 }) }),
    { minLength: 2, maxLength: 24 },
  )
  await fc.assert(
    fc.asyncProperty(calls, async all => {
      const it = new Story()
      const answers = all.map(({ device: of, token, unregisters }) =>
        server.device(app, unregisters === 0 ? 'unregisterDevice' : 'registerDevice', {
          hwid: it.hwid(of),
          device_type: IOS,
          push_token: it.token(token),
        }),
      )
      for (const answer of await Promise.all(answers)) expect(answer.body.status_code).toBe(200)
      await it.expectOneEach()
      const last = all.at(-1) as (typeof all)[number]
      await server.device(app, 'registerDevice', {
        hwid: it.hwid(last.device),
        device_type: IOS,
        push_token: it.token(last.token),
      })
      await it.expectOneEach()
      const { addresses } = await server.view(app, it.hwid(last.device))
      const active = addresses.filter(address => address.state === 'active')
      expect(active.map(address => address.addressEnd)).toEqual([it.token(last.token).slice(-8)])
    }),
    { numRuns: 40 },
  )
}, 60_000)
