/**
 * R15 by made-up stories: devices that open, call, register, leave and keep silent, the sweep that runs now and then, and an
 * undo, held to a model of the rule.
 */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { ageAddresses } from './aging.ts'
import { finishUndos } from './undo.ts'

const DAY_MS = 24 * 3_600_000
const INACTIVE_DAYS = 30
const UNDO_DAYS = 30
const STORIES = 40

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
  app = await server.createApp()
  await server.rest('PATCH', `/v1/apps/${app.app}/address-policy`, {
    removeInactive: true,
    inactiveDays: INACTIVE_DAYS,
    otherDeadDays: 3650,
    tombstoneDays: 3650,
  })
})
afterAll(() => server.close())

type State = 'active' | 'inactive' | 'unregistered' | 'superseded'

interface Address {
  state: State
  endedAt: number
  readonly firstAt: number
  registeredAt: number
  begunAt: number
}

/** What the rule says of one device. */
class Model {
  readonly addresses = new Map<number, Address>()
  seenAt = 0
  openedAt: number | undefined

  living(): Address | undefined {
    return [...this.addresses.values()].find(it => it.state === 'active')
  }

  register(token: number, at: number): void {
    this.seenAt = at
    for (const [other, it] of this.addresses)
      if (other !== token && it.state === 'active') Object.assign(it, { state: 'superseded', endedAt: at })
    const known = this.addresses.get(token)
    if (known === undefined) {
      const fresh = { state: 'active', endedAt: 0, firstAt: at, registeredAt: at, begunAt: 0 } as const
      this.addresses.set(token, { ...fresh })
    } else {
      const begunAt = known.state === 'active' ? known.begunAt : at
      Object.assign(known, { state: 'active', registeredAt: at, begunAt })
    }
  }

  open(at: number): void {
    this.seenAt = at
    this.openedAt = at
    this.#bringBack(at, () => true)
  }

  undo(at: number): void {
    this.#bringBack(at, it => it.endedAt >= at - UNDO_DAYS * DAY_MS)
  }

  /** Only what was registered last, and only while nothing else is sent to. */
  #bringBack(at: number, isMeant: (address: Address) => boolean): void {
    if (this.living() !== undefined) return
    const [last] = [...this.addresses.values()].sort((a, b) => b.registeredAt - a.registeredAt)
    if (last?.state === 'inactive' && isMeant(last)) Object.assign(last, { state: 'active', begunAt: at })
  }

  call(at: number): void {
    this.seenAt = at
  }

  unregister(at: number): void {
    this.seenAt = at
    for (const it of this.addresses.values())
      if (it.state !== 'superseded') Object.assign(it, { state: 'unregistered', endedAt: at })
  }

  age(at: number): void {
    for (const it of this.addresses.values()) {
      const usedAt = this.openedAt ?? Math.max(this.seenAt, it.registeredAt)
      const since = Math.max(usedAt, it.firstAt, it.begunAt)
      if (it.state === 'active' && since < at - INACTIVE_DAYS * DAY_MS)
        Object.assign(it, { state: 'inactive', endedAt: at })
    }
  }
}

const TOKENS = 2
type Step =
  | { readonly does: 'register'; readonly token: number }
  | { readonly does: 'open' | 'call' | 'tell' | 'unregister' | 'age' | 'undo' }
  | { readonly does: 'pass'; readonly days: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('register' as const), token: fc.nat(TOKENS - 1) }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('open', 'call', 'tell', 'undo') }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('unregister' as const) }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('age' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ does: fc.constant('pass' as const), days: fc.constantFrom(1, 14, 29, 31) }),
  },
) as fc.Arbitrary<Step>

class Story {
  readonly hwid = randomBytes(8).toString('hex')
  readonly model = new Model()
  readonly #tokens = Array.from({ length: TOKENS }, () => randomBytes(32).toString('hex'))

  async take(step: Step): Promise<void> {
    server.clock.advance(1000)
    const at = server.clock.now()
    switch (step.does) {
      case 'register':
        this.model.register(step.token, at)
        return this.#call('registerDevice', { push_token: this.#tokens[step.token] })
      case 'open':
        this.model.open(at)
        return this.#call('applicationOpen')
      case 'call':
        this.model.call(at)
        return this.#call('setTags', { tags: { at } })
      case 'unregister':
        this.model.unregister(at)
        return this.#call('unregisterDevice')
      case 'tell':
        await server.rest('PATCH', `/v1/apps/${app.app}/devices/${this.hwid}`, { tags: { told: at } })
        return
      case 'pass':
        server.clock.advance(step.days * DAY_MS)
        return
      case 'age':
        this.model.age(at)
        await ageAddresses(server.db, at)
        return
      case 'undo':
        this.model.undo(at)
        await server.rest('POST', `/v1/apps/${app.app}/removals/undo`, { reasons: ['inactive'] })
        await finishUndos(server.db, server.clock.now())
    }
  }

  async #call(method: string, fields: object = {}): Promise<void> {
    await server.device(app, method, { hwid: this.hwid, device_type: 1, ...fields })
  }

  async check(): Promise<void> {
    const { addresses = [] } = await server.view(app, this.hwid)
    const seen = addresses.map(it => (it.state === 'dead' ? it.reason : it.state))
    expect(seen.sort()).toEqual([...this.model.addresses.values()].map(it => it.state).sort())
  }
}

test('R15: whatever a device does and how long it is silent, its addresses are as the rule says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 14 }), async steps => {
      const story = new Story()
      for (const it of [{ does: 'register', token: 0 } as const, ...steps]) {
        await story.take(it)
        await story.check()
      }
    }),
    { numRuns: STORIES, seed: 1907 },
  )
}, 180_000)
