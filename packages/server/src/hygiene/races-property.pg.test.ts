/**
 * Registrations, logouts, unregistrations, permission, erasures, bulk calls, gateways' answers, deaths that are held and
 * undo, in any order and any number of times, over the real HTTP API, held to a model (`test/address-model.ts`): whatever
 * comes when, the base ends where the rules of docs/token-life.md say.
 *
 * Answers are handed to the base directly: the wire can't be made to bring one answer twice. `ROOST_TEST_STORIES` is how
 * many stories are told; thousands find what 40 may miss.
 */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AddressModel, type Flight, type ModelAnswer } from '../../test/address-model.ts'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { tick } from '../../test/roost.ts'
import { addressHash, bucketOf } from '../registry/buckets.ts'
import { type AddressResult, applyResults } from './results.ts'

const STORIES = Number(process.env.ROOST_TEST_STORIES ?? 40)
const WITHIN_MS = 60_000 + STORIES * 200

let server: BareServer
let app: Access
let appId: number
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  appId = rows[0]?.id as number
})
afterAll(() => server.close())

const HOUR_MS = 3_600_000
const SECOND_MS = 1000
const IOS = 1
/** Few, so that stories come back to the same ones. */
const DEVICES = 2
const TOKENS = 2
/** Race M: a device is told so at its fifth change of address at the earliest. */
const RETURNS_MIN = 4
/** So many deaths at once and no acceptance: more than the guard lets pass. */
const MASS = 12

interface Of {
  readonly device: number
}
interface Numbered extends Of {
  readonly seq: number | null
}
interface Which {
  /** Counted back from the newest. */
  readonly back: number
}

type Step =
  | ({ readonly do: 'register'; readonly token: number } & Numbered)
  | ({ readonly do: 'unregister' | 'logout' } & Numbered)
  | ({ readonly do: 'login'; readonly user: number } & Numbered)
  | ({ readonly do: 'permit'; readonly isGranted: boolean } & Of)
  | ({ readonly do: 'erase' | 'send' | 'bulkUnregister' } & Of)
  | { readonly do: 'bulkUnregisterToken'; readonly token: number }
  | ({ readonly do: 'answer'; readonly answer: 'accepted' | 'elsewhere' | 'dead' | number } & Which)
  | ({ readonly do: 'massDeath' | 'undo' } & Which)
  | ({ readonly do: 'decide'; readonly isReleased: boolean } & Which)
  | { readonly do: 'wait'; readonly ms: number }

type Call = Extract<Step, { do: 'register' | 'unregister' | 'logout' | 'login' }>

const device = fc.nat({ max: DEVICES - 1 })
const token = fc.nat({ max: TOKENS - 1 })
const back = fc.nat({ max: 5 })
const seq = fc.option(fc.nat({ max: 9 }), { freq: 2 })

function steps<Do extends Step['do']>(
  weight: number,
  what: Do,
  fields: { [key in keyof Omit<Extract<Step, { do: Do }>, 'do'>]: fc.Arbitrary<unknown> },
): fc.WeightedArbitrary<Step> {
  return {
    weight,
    arbitrary: fc.record({ do: fc.constant(what), ...fields }) as unknown as fc.Arbitrary<Step>,
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  steps(12, 'register', { device, token, seq }),
  steps(2, 'unregister', { device, seq }),
  steps(2, 'logout', { device, seq }),
  steps(2, 'login', { device, user: fc.nat({ max: 1 }), seq }),
  steps(3, 'permit', { device, isGranted: fc.boolean() }),
  steps(1, 'erase', { device }),
  steps(1, 'bulkUnregister', { device }),
  steps(1, 'bulkUnregisterToken', { token }),
  steps(12, 'send', { device }),
  steps(14, 'answer', {
    back,
    // A number: Apple's time of the death, so long after the registration that the sending knew. Two clocks of honest
    // servers are up to 5 s apart.
    answer: fc.constantFrom(
      'accepted',
      'elsewhere',
      'dead',
      ...[-5 * HOUR_MS, -HOUR_MS, -3 * SECOND_MS, 3 * SECOND_MS, HOUR_MS, 5 * HOUR_MS],
    ),
  }),
  steps(3, 'massDeath', { back }),
  steps(2, 'decide', { back, isReleased: fc.boolean() }),
  steps(3, 'undo', { back }),
  // The clock of the server may also be set back.
  steps(4, 'wait', { ms: fc.constantFrom(2 * HOUR_MS, 2 * HOUR_MS, -10 * SECOND_MS) }),
)
/** Below a day: what lasts for days has tests of its own. */
const WAITS_MAX = 10
const story = fc
  .array(step, { minLength: 4, maxLength: 60, size: 'max' })
  .filter(all => all.filter(it => it.do === 'wait').length <= WAITS_MAX)

/** The model counts generations of its own: how often a change is told is not the rules' business. */
interface Sent extends Flight {
  readonly messageId: string
  readonly generationOfBase: number
}

let stories = 0

/** One story: the same steps for the model and for the server. */
class Story {
  readonly model = new AddressModel()
  readonly #flights: Sent[] = []
  /** Alerts that hold deaths and that nobody has decided on, by the credential that they are of. */
  readonly #alerts: { readonly number: number; readonly credentialId: string }[] = []
  /** Of each device, those that counted. */
  readonly #registrations = new Map<number, number>()
  readonly #name = `story-${++stories}`
  /** The server's clock when the model's stood at nought. */
  readonly #begin = server.clock.now()

  hwid = (of: number) => `${this.#name}-device-${of}`
  user = (of: number) => `${this.#name}-user-${of}`
  token(of: number): string {
    return Buffer.from(`${this.#name}-token-${of}`).toString('hex')
  }

  async take(it: Step): Promise<void> {
    switch (it.do) {
      case 'wait':
        this.model.now += it.ms
        return server.clock.advance(it.ms)
      case 'send':
        return this.#send(it.device)
      case 'permit':
        return this.#permit(it)
      case 'erase':
        this.model.erase(it.device)
        return this.#call('deleteDevice', { hwid: this.hwid(it.device) })
      case 'bulkUnregister':
        this.model.unregister(it.device, 'sender')
        return this.#bulkUnregister({ hwid: this.hwid(it.device) })
      case 'bulkUnregisterToken':
        this.model.unregisterToken(it.token)
        return this.#bulkUnregister({ pushToken: this.token(it.token) })
      case 'answer':
        return this.#answer(it)
      case 'massDeath':
        return this.#massDeath(it)
      case 'decide':
        return this.#decide(it)
      case 'undo':
        return this.#undo(it)
      case 'register':
      case 'unregister':
      case 'logout':
      case 'login':
        return this.call(it)
    }
  }

  /** A call whose order counts; what the model makes of it is in the order of arrival. */
  async call(it: Call): Promise<void> {
    const isStale = this.model.isStale(it.device, it.seq)
    if (it.do !== 'unregister' || it.seq !== null) this.model.meet(it.device)
    if (!isStale && it.do === 'register') this.model.register(it.device, it.token)
    if (!isStale && it.do === 'unregister') this.model.unregister(it.device, 'device')
    if (!isStale && it.do === 'logout') this.model.users.set(it.device, null)
    if (!isStale && it.do === 'login') this.model.users.set(it.device, it.user)
    if (!isStale && it.do === 'register') return this.#register(it)
    await this.#call(...this.#wordsOf(it), isStale ? { stale: true } : null)
  }

  /** Race M: who returns to former addresses again and again may be told to be another one; what is stored is the same. */
  async #register(it: Extract<Step, { do: 'register' }>): Promise<void> {
    const registrations = (this.#registrations.get(it.device) ?? 0) + 1
    this.#registrations.set(it.device, registrations)
    const [method, fields] = this.#wordsOf(it)
    const { body } = await server.device(app, method, fields)
    const returns = registrations > RETURNS_MIN
    expect([null, ...(returns ? [{ new_hwid: expect.any(String) }] : [])]).toContainEqual(body.response)
    expect(body.status_code).toBe(200)
  }

  #wordsOf(it: Call): [string, Record<string, unknown>] {
    const hwid = this.hwid(it.device)
    const base = { hwid, device_type: IOS, client_seq: it.seq }
    if (it.do === 'register') return ['registerDevice', { ...base, push_token: this.token(it.token) }]
    if (it.do === 'unregister') return ['unregisterDevice', base]
    return ['registerUser', { ...base, userId: it.do === 'login' ? this.user(it.user) : hwid }]
  }

  async #call(method: string, fields: Record<string, unknown>, response: unknown = null): Promise<void> {
    const { body } = await server.device(app, method, fields)
    expect(body).toMatchObject({ status_code: 200, response })
  }

  #permit({ device: of, isGranted }: Extract<Step, { do: 'permit' }>): Promise<void> {
    this.model.meet(of)
    this.model.permit(of, isGranted)
    const permission = isGranted ? 'granted' : 'denied'
    return this.#call('applicationOpen', { hwid: this.hwid(of), device_type: IOS, permission })
  }

  async #bulkUnregister(target: Record<string, string>): Promise<void> {
    const path = `/v1/apps/${app.app}`
    const asked = await server.rest<{ id: string }>('POST', `${path}/devices/bulk-unregister`, {
      devices: [target],
    })
    expect(asked.status).toBe(202)
    for (;;) {
      const { body } = await server.rest('GET', `${path}/bulk-requests/${asked.body.id}`)
      if (body.state === 'done') return
      await tick()
    }
  }

  async #send(of: number): Promise<void> {
    const found = this.model.sendable(of)
    if (found === undefined || this.model.denied.has(of)) return // R26
    this.#flights.push({
      id: this.#flights.length,
      device: of,
      token: found.token,
      generation: found.address.generation,
      registeredAt: found.address.registeredAt,
      sentAt: this.model.now,
      messageId: randomUUID(),
      generationOfBase: await this.#generationOf(of, found.token),
    })
  }

  async #generationOf(of: number, token: number): Promise<number> {
    const { rows } = await server.db.query<{ generation: number }>(
      'select generation from address where hwid = $1 and address = $2',
      [this.hwid(of), this.token(token)],
    )
    return rows[0]?.generation ?? 0
  }

  async #answer({ back: n, answer }: Extract<Step, { do: 'answer' }>): Promise<void> {
    const flight = this.#flights.at(-1 - n)
    if (flight === undefined) return
    const said: ModelAnswer =
      typeof answer === 'number'
        ? { kind: 'dead', since: flight.registeredAt + answer }
        : answer === 'dead'
          ? { kind: 'dead', since: null }
          : { kind: answer }
    this.model.answer(flight, said)
    await this.#apply([this.#result(flight, said)])
  }

  #apply(results: readonly AddressResult[]): Promise<unknown> {
    return server.db.transaction(tx => applyResults(tx, results, server.clock.now()))
  }

  /** R16: the same is said of many strangers. */
  async #massDeath({ back: n }: Which): Promise<void> {
    const flight = this.#flights.at(-1 - n)
    if (flight === undefined) return
    const alert = { number: this.#alerts.length, credentialId: randomUUID() }
    this.#alerts.push(alert)
    const said = { kind: 'dead', since: null } as const
    this.model.answer(flight, { ...said, heldBy: alert.number })
    const via = { credentialId: alert.credentialId, part: '' }
    const own = { ...this.#result(flight, said), via }
    const strangers = Array.from({ length: MASS }, (_, i) => ({
      ...own,
      hwid: `${this.#name}-stranger-${i}`,
    }))
    await this.#apply([own, ...strangers])
  }

  async #decide({ back: n, isReleased }: Extract<Step, { do: 'decide' }>): Promise<void> {
    const [alert] = this.#alerts.splice(-1 - n, 1)
    if (alert === undefined) return
    this.model.decide(alert.number, isReleased)
    const { rows } = await server.db.query<{ id: string }>(
      "select id from alert where app_id = $1 and kind = 'deaths_held' and subject = $2",
      [appId, `${alert.credentialId} `],
    )
    const verb = isReleased ? 'release' : 'forget'
    const answer = await server.rest('POST', `/v1/apps/${app.app}/alerts/${rows[0]?.id}/${verb}`)
    expect(answer.status).toBe(200)
  }

  async #undo({ back: n }: Which): Promise<void> {
    const flight = this.#flights.at(-1 - n)
    if (flight === undefined) return
    this.model.undo(flight)
    const filter = { messageId: flight.messageId }
    expect(await server.rest('POST', `/v1/apps/${app.app}/removals/undo`, filter)).toMatchObject({
      status: 200,
      body: { state: 'done' },
    })
  }

  #result(flight: Sent, said: ModelAnswer): AddressResult {
    const key = {
      bucket: bucketOf(this.hwid(flight.device)),
      appId,
      hwid: this.hwid(flight.device),
      hash: addressHash({
        provider: 'apns',
        environment: 'production',
        kind: 'alert',
        address: this.token(flight.token),
      }),
      generation: flight.generationOfBase,
      // The sending is after the registration that it knows, by the ms that the model leaves out.
      sentAt: this.#begin + flight.sentAt + SECOND_MS,
      messageId: flight.messageId,
    }
    if (said.kind === 'accepted') return { ...key, kind: 'accepted', reason: 'accepted' }
    if (said.kind === 'elsewhere')
      return { ...key, kind: 'mismatch', trust: 'full', reason: 'DeviceTokenNotForTopic' }
    const since = said.since === null ? null : this.#begin + said.since
    return { ...key, kind: 'dead', since, reason: 'Unregistered' }
  }

  async compare(): Promise<void> {
    const seen = await server.db.query<{ name: string; is: string }>(
      `select hwid || ' ' || address as name,
              state || case when opted_out and state in ('active', 'suspect') then ', opted out' else '' end as is
         from address where hwid like $1`,
      [`${this.#name}-device-%`],
    )
    const wanted = [...this.model.addresses].map(([key, { state }]) => {
      const [of, number] = key.split(' ').map(Number) as [number, number]
      const isOptedOut = this.model.denied.has(of) && (state === 'active' || state === 'suspect')
      return [`${this.hwid(of)} ${this.token(number)}`, `${state}${isOptedOut ? ', opted out' : ''}`]
    })
    expect(Object.fromEntries(seen.rows.map(it => [it.name, it.is]))).toEqual(Object.fromEntries(wanted))
    const users = await server.db.query<{ hwid: string; user: string | null }>(
      'select hwid, user_id as "user" from device where hwid like $1',
      [`${this.#name}-device-%`],
    )
    const known = [...this.model.users].map(([of, user]) => [
      this.hwid(of),
      user === null ? null : this.user(user),
    ])
    expect(Object.fromEntries(users.rows.map(it => [it.hwid, it.user]))).toEqual(Object.fromEntries(known))
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

test(
  'R0–R6, R14, R16, R20, R25, R26: in whatever order and however often things arrive, the base ends as the rules say',
  async () => {
    await fc.assert(
      fc.asyncProperty(story, async all => {
        const it = new Story()
        for (const one of all) await it.take(one)
        await it.compare()
      }),
      { numRuns: STORIES },
    )
  },
  WITHIN_MS,
)

test(
  'R2, R3: what arrives at once leaves each device one address, each address one device, and the last call its way',
  async () => {
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
      { numRuns: Math.ceil(STORIES / 2) },
    )
  },
  WITHIN_MS,
)
