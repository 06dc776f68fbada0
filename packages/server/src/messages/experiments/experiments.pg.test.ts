/** Experiments by way of the whole server: who gets which variant, what is counted, and what the rest gets. */
import type { DryRun, Experiment, MessageView, NewMessage } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../../test/roost.ts'
import { slotOf } from './parts.ts'

let roost: TestRoost

const HOUR_MS = 3_600_000

const AB: Experiment = {
  variants: [
    { name: 'A', percent: 40, content: { title: 'A' } },
    { name: 'B', percent: 40, content: { title: 'B' } },
  ],
  controlPercent: 20,
}
const TESTED: Experiment = {
  variants: [
    { name: 'A', percent: 30, content: { title: 'A' } },
    { name: 'B', percent: 30, content: { title: 'B' } },
  ],
  winner: { afterSeconds: 3600 },
}

const message = (experiment: Experiment, more: Partial<NewMessage> = {}): NewMessage => ({
  to: { all: true },
  content: { title: 'Plain', body: 'Text' },
  experiment,
  ...more,
})

const phonesOf = (count: number, options: (n: number) => { userId?: string } = () => ({})) =>
  Promise.all(
    Array.from({ length: count }, (_, n) => roost.phone(n % 2 === 0 ? 'ios' : 'android', options(n))),
  )

const titleOf = (phone: Phone) => phone.shown.map(it => it.title).join()
const having = (phones: readonly Phone[], title: string) => phones.filter(it => titleOf(it) === title)

const get = async (id: string) =>
  (await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)).body
const choose = (id: string, variant: string) =>
  roost.rest<MessageView & { code: string }>('POST', `/v1/apps/${roost.app}/messages/${id}/winner`, {
    variant,
  })

function holds({ counts }: MessageView): void {
  const { targeted, accepted, dead, failed, skipped, uncertain, pending } = counts
  expect(accepted + dead + failed + skipped + uncertain + pending).toBe(targeted)
}

describe('variants', () => {
  beforeEach(async () => {
    roost = await startRoost()
  })
  afterEach(() => roost.close())

  test('go to the parts of the audience that the hash says, and the control group gets nothing', async () => {
    const phones = await phonesOf(80)
    const done = await roost.sendAndSettle(message(AB))
    const expected = phones.map(({ hwid }) => {
      const slot = slotOf(done.id, hwid)
      return slot < 2000 ? '' : slot < 6000 ? 'A' : 'B'
    })
    expect(phones.map(titleOf)).toEqual(expected)
    expect(new Set(expected).size).toBe(3)
    const [a, b] = done.experiment?.variants ?? []
    const count = (title: string) => expected.filter(it => it === title).length
    expect([a?.accepted, b?.accepted]).toEqual([count('A'), count('B')])
    expect(done.experiment?.control).toEqual({ percent: 20, skipped: count('') })
    expect(done.counts).toMatchObject({ targeted: 80, accepted: count('A') + count('B'), skipped: count('') })
    holds(done)
    const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${done.id}/exceptions`)
    expect((body.exceptions as { reason: string }[]).map(it => it.reason)).toEqual(
      expect.arrayContaining(['control_group']),
    )
  })

  test('are the same on all devices of a user', async () => {
    const phones = await phonesOf(30, n => ({ userId: `user ${n % 10}` }))
    const { id } = await roost.sendAndSettle(message(AB))
    const titleOfUser = (n: number) => {
      const slot = slotOf(id, `user ${n % 10}`)
      return slot < 2000 ? '' : slot < 6000 ? 'A' : 'B'
    }
    expect(phones.map(titleOf)).toEqual(phones.map((_, n) => titleOfUser(n)))
  })

  test('take what they do not say from the message, and are rendered once each', async () => {
    const phones = await phonesOf(80) // so many that nobody waits for a variant that chance gave to no device of a gateway
    const done = await roost.sendAndSettle(message(AB))
    expect(phones.flatMap(it => it.shown.map(shown => shown.body))).toEqual(
      Array.from({ length: done.counts.accepted }, () => 'Text'),
    )
    const metrics = await (await fetch(`${roost.url}/metrics`)).text()
    // Two variants at two gateways; a gateway's runner may have met one of them twice.
    expect(metrics).toMatch(/roost_content_rendered_total\{kind="shared"\} 4\b/)
    expect(metrics).toMatch(/roost_content_rendered_total\{kind="personal"\} 0\b/)
  })

  test('with variables and languages are rendered for each device, as without variants', async () => {
    const phone = await roost.phone('ios', { tags: { Name: 'Ada' }, language: 'de' })
    const content = { title: 'Hi {{ tags.Name }}', languages: { de: { title: 'Hallo {{ tags.Name }}' } } }
    const variants = ['A', 'B'].map(name => ({ name, percent: 50, content }))
    await roost.sendAndSettle(message({ variants }))
    expect(titleOf(phone)).toBe('Hallo Ada')
  })

  test('are counted by their opens, once a device, whoever is logged in by then', async () => {
    const phones = await phonesOf(20)
    const done = await roost.sendAndSettle(message(AB))
    const [ofA] = having(phones, 'A') as [Phone]
    const ofB = having(phones, 'B')
    await ofA.logIn('somebody')
    for (const phone of [ofA, ...ofB]) {
      const hash = phone.shown[0]?.hash as string
      for (const method of ['pushStat', 'pushStat', 'messageDeliveryEvent'])
        await roost.device(method, { hwid: phone.hwid, hash })
    }
    const { experiment, counts } = await get(done.id)
    expect(experiment?.variants.map(it => it.opened)).toEqual([1, ofB.length])
    expect(experiment?.variants[0]?.delivered).toBeGreaterThanOrEqual(1)
    expect(counts.opened).toBe(1 + ofB.length)
  })

  test('stay what they are when a delivery is tried again', async () => {
    const phones = await phonesOf(20)
    for (const phone of phones.filter(it => it.kind === 'ios').slice(0, 5))
      roost.simulator.apns.faults.answerFor(phone.token as string, { reason: 'ServiceUnavailable' }, 1)
    const id = await roost.send(message(AB))
    await roost.until(id, it => it.retrying.length > 0)
    roost.clock.advance(HOUR_MS) // a gateway that is unavailable is left alone for a while
    const done = await roost.settle(id)
    for (const phone of phones) {
      const slot = slotOf(id, phone.hwid)
      expect(titleOf(phone)).toBe(slot < 2000 ? '' : slot < 6000 ? 'A' : 'B')
    }
    holds(done)
  })

  test('go to named devices, too', async () => {
    const phones = await phonesOf(20)
    const done = await roost.sendAndSettle(message(AB, { to: { devices: phones.map(it => it.hwid) } }))
    expect(having(phones, 'A').length).toBe(done.experiment?.variants[0]?.accepted)
    expect(done.counts.targeted).toBe(20)
    holds(done)
  })
})

describe('the rest', () => {
  beforeEach(async () => {
    roost = await startRoost()
  })
  afterEach(() => roost.close())

  const isTested = async (id: string, tested: number) =>
    roost.until(id, it => it.counts.accepted === tested && it.counts.pending === 0)

  async function begin(
    phones: readonly Phone[],
    more: Partial<NewMessage> = {},
    experiment = TESTED,
  ): Promise<{ id: string; tested: Phone[]; rest: Phone[] }> {
    const id = await roost.send(message(experiment, more))
    const isRest = (it: Phone) => slotOf(id, it.userId ?? it.hwid) >= 6000
    const [tested, rest] = [phones.filter(it => !isRest(it)), phones.filter(isRest)]
    await roost.until(id, it => it.counts.accepted === tested.length)
    return { id, tested, rest }
  }

  const open = async (phones: readonly Phone[]) => {
    for (const phone of phones)
      await roost.device('pushStat', { hwid: phone.hwid, hash: phone.shown[0]?.hash })
  }

  test('gets the variant that was opened most when its time has come, and not before', async () => {
    const phones = await phonesOf(40)
    const { id, tested, rest } = await begin(phones)
    expect(rest.length).toBeGreaterThan(3)
    expect(rest.map(titleOf)).toEqual(rest.map(() => ''))
    await open(having(tested, 'B'))
    expect((await get(id)).state).toBe('sending')
    roost.clock.advance(HOUR_MS + 1000)
    const done = await roost.settle(id)
    expect(rest.map(titleOf)).toEqual(rest.map(() => 'B'))
    expect(done.counts).toMatchObject({ targeted: 40, accepted: 40, pending: 0 })
    expect(done.experiment?.rest).toMatchObject({ percent: 40, accepted: rest.length })
    expect(done.experiment?.verdict).toMatchObject({ variant: 'B', by: 'numbers', metric: 'opened' })
    expect(done.experiment?.verdict?.variants[0]).toMatchObject({ name: 'B', rate: 1 })
    await open(rest)
    expect((await get(id)).experiment?.rest?.opened).toBe(rest.length)
  })

  test('of named devices and users waits for it, too', async () => {
    const phones = await phonesOf(30, n => ({ userId: `user ${n}` }))
    const { id, tested, rest } = await begin(phones, { to: { users: phones.map((_, n) => `user ${n}`) } })
    expect((await get(id)).counts).toMatchObject({ targeted: 30, pending: rest.length })
    await open(having(tested, 'A'))
    roost.clock.advance(HOUR_MS + 1000)
    holds(await roost.settle(id))
    expect(rest.map(titleOf)).toEqual(rest.map(() => 'A'))
  })

  test('lives from the decision on, however short the message lives', async () => {
    const phones = await phonesOf(20)
    const { id, rest } = await begin(phones, { ttlSeconds: 60 })
    roost.clock.advance(HOUR_MS + 1000)
    await roost.settle(id)
    expect(rest.every(it => it.shownCount === 1)).toBe(true)
  })

  test('waits for a word when the numbers say nothing and that is wished, and the numbers are told', async () => {
    const phones = await phonesOf(20)
    const experiment: Experiment = { ...TESTED, winner: { afterSeconds: 3600, ifUnclear: 'wait' } }
    const { id, rest } = await begin(phones, {}, experiment)
    roost.clock.advance(HOUR_MS + 1000)
    const undecided = await roost.until(id, it => it.experiment?.verdict !== null)
    expect(undecided.experiment?.verdict).toMatchObject({
      variant: null,
      finding: 'too_small',
      probability: null,
    })
    expect(rest.some(it => it.shownCount > 0)).toBe(false)
    const chosen = await choose(id, 'B')
    expect(chosen.body.experiment?.verdict).toMatchObject({ variant: 'B', by: 'hand', finding: 'too_small' })
    await roost.settle(id)
    expect(rest.map(titleOf)).toEqual(rest.map(() => 'B'))
  })

  test('gets what somebody chooses, at any time and once', async () => {
    const phones = await phonesOf(20)
    const { id, rest } = await begin(phones, {}, { ...TESTED, winner: {} })
    expect((await choose(id, 'C')).body.code).toBe('input_invalid')
    expect((await choose(id, 'A')).status).toBe(200)
    expect((await choose(id, 'A')).status).toBe(200)
    expect((await choose(id, 'B')).body.code).toBe('winner_decided')
    await roost.settle(id)
    expect(rest.map(titleOf)).toEqual(rest.map(() => 'A'))
  })

  test('is nobody twice and leaves nobody out, whoever logs in, out or comes meanwhile', async () => {
    const phones = await phonesOf(40)
    const { id } = await begin(phones)
    for (const [n, phone] of phones.entries()) if (n % 2 === 0) await phone.logIn(`late ${n}`)
    const late = await roost.phone('ios')
    roost.clock.advance(HOUR_MS + 1000)
    const done = await roost.settle(id)
    expect([...phones, late].map(it => it.shownCount)).toEqual([...phones, late].map(() => 1))
    expect(done.counts).toMatchObject({ targeted: 41, accepted: 41 })
    holds(done)
  })

  test('waits until all variants are read: decided before that, nobody gets two', async () => {
    const phones = await phonesOf(40)
    const id = await roost.send(message({ ...TESTED, winner: {} }, { sendRate: 4 }))
    await roost.until(id, it => it.state === 'sending')
    roost.clock.advance(500)
    await roost.until(id, it => it.counts.accepted > 0)
    expect((await choose(id, 'A')).status).toBe(200)
    const isDone = async () => (await get(id)).state === 'done'
    for (let second = 0; second < 60 && !(await isDone()); second++) {
      roost.clock.advance(1000)
      await tick()
    }
    const done = await roost.settle(id)
    expect(phones.map(it => it.shownCount)).toEqual(phones.map(() => 1))
    expect(done.counts).toMatchObject({ targeted: 40, accepted: 40 })
    const tested = phones.filter(it => slotOf(id, it.hwid) < 6000)
    const shares = tested.map(it => (slotOf(id, it.hwid) < 3000 ? 'A' : 'B'))
    expect(tested.map(titleOf)).toEqual(shares)
  })

  test('is counted when the message is cancelled, and gets nothing', async () => {
    const phones = await phonesOf(30)
    const { id, tested, rest } = await begin(phones)
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
    const ended = await roost.until(id, it => it.finishedAt !== null)
    expect(ended.counts).toMatchObject({
      targeted: 30,
      accepted: tested.length,
      skipped: rest.length,
      pending: 0,
    })
    roost.clock.advance(HOUR_MS + 1000)
    expect((await choose(id, 'A')).body.code).toBe('message_over')
    expect(rest.some(it => it.shownCount > 0)).toBe(false)
  })

  test('is counted once each by a cancel, whoever has logged in meanwhile', async () => {
    const phones = await phonesOf(40)
    const { id, tested } = await begin(phones)
    for (const [n, phone] of phones.entries()) if (n % 2 === 0) await phone.logIn(`late ${n}`)
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
    const ended = await roost.until(id, it => it.finishedAt !== null)
    expect(ended.counts).toMatchObject({
      targeted: 40,
      accepted: tested.length,
      skipped: 40 - tested.length,
      pending: 0,
    })
  })

  test('is counted once each by a cancel that comes before the variants are read', async () => {
    const phones = await phonesOf(40)
    roost.clock.stand() // or a slow machine would send more by the rate before it is cancelled
    const id = await roost.send(message(TESTED, { sendRate: 4 }))
    await roost.until(id, it => it.state === 'sending')
    roost.clock.advance(500)
    await roost.until(id, it => it.counts.accepted > 0)
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
    const { counts } = await roost.until(id, it => it.finishedAt !== null)
    roost.clock.run()
    expect(counts.targeted).toBe(phones.length)
    expect(counts.accepted + counts.skipped).toBe(40)
    expect(counts.accepted).toBeLessThan(20)
  })

  test('waits while the message is paused', async () => {
    const phones = await phonesOf(20)
    const { id, rest } = await begin(phones)
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/pause`)
    roost.clock.advance(HOUR_MS + 1000)
    expect((await get(id)).experiment?.verdict).toBeNull()
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/resume`)
    await roost.settle(id)
    expect(rest.every(it => it.shownCount === 1)).toBe(true)
  })

  test('is decided once by two servers, and sent once', async () => {
    const phones = await phonesOf(30)
    const { id, rest } = await begin(phones)
    const second = await roost.another()
    try {
      roost.clock.advance(HOUR_MS + 1000)
      const done = await roost.settle(id)
      expect(done.counts).toMatchObject({ targeted: 30, accepted: 30 })
      expect(rest.every(it => it.shownCount === 1 && it.repeats === 0)).toBe(true)
    } finally {
      await second.close()
    }
  })

  test('a device that is not tried is in the message’s counts all the same', async () => {
    const phones = await phonesOf(20)
    const { id, rest } = await begin(phones)
    const [gone] = rest as [Phone]
    gone.uninstall()
    roost.clock.advance(HOUR_MS + 1000)
    const done = await roost.settle(id)
    expect(done.counts).toMatchObject({ targeted: 20, dead: 1, accepted: 19 })
    expect(done.experiment?.rest).toMatchObject({ dead: 1, accepted: rest.length - 1 })
    expect(await isTested(id, 19)).toBeDefined()
  })
})

describe('a dry run', () => {
  beforeAll(async () => {
    roost = await startRoost()
  })
  afterAll(() => roost.close())

  const dryRun = async (experiment: Experiment) =>
    (await roost.rest<DryRun>('POST', `/v1/apps/${roost.app}/messages/dry-run`, message(experiment))).body

  test('tells of each variant how large it is and what it would come to, and of nothing that nobody gets', async () => {
    const phone = await roost.phone('ios')
    const experiment = {
      variants: [
        { name: 'A', percent: 50, content: { title: 'A', languages: { de: { title: 'Ä' } } } },
        { name: 'B', percent: 50, content: { title: 'Hello {{ tags.Name }}' } },
      ],
    }
    const { sizes, sample, warnings } = await dryRun(experiment)
    expect(sizes.filter(it => it.gateway === 'apns').map(it => [it.variant, it.language])).toEqual([
      ['A', null],
      ['A', 'de'],
    ])
    expect(sample).toMatchObject([
      { variant: 'A', hwid: phone.hwid, outcome: 'sent' },
      { variant: 'B', hwid: phone.hwid, outcome: 'skipped', reason: 'variable_missing: tags.Name' },
    ])
    expect(warnings).toContain('1 of the 1 devices looked at would not get it')
  })

  test.each(['ios', 'web'] as const)('has the size of what is sent then: %s', async kind => {
    const phone = await roost.phone(kind)
    const variants = ['A', 'B'].map(it => ({ name: it, percent: 50, content: { title: it.repeat(50) } }))
    const { sizes } = await dryRun({ variants })
    await roost.sendAndSettle(message({ variants }, { to: { devices: [phone.hwid] } }))
    const push = roost.simulator.pushes({ token: phone.token as string })[0]
    // The key for receipts goes along where there is room.
    const bytes = Buffer.byteLength(JSON.stringify({ ...push?.payload, rk: undefined }))
    const gateway = kind === 'ios' ? 'apns' : 'webpush'
    expect(sizes.filter(it => it.gateway === gateway).map(it => it.bytes)).toEqual([bytes, bytes])
  })
})

describe('in the inbox', () => {
  beforeEach(async () => {
    roost = await startRoost()
  })
  afterEach(() => roost.close())

  const entryOf = async ({ hwid }: Phone) => {
    const fields = { hwid }
    const { body } = await roost.device('getInboxMessages', fields)
    const { messages, new_inbox } = body.response as unknown as {
      messages: { title: string; hash: string }[]
      new_inbox: number
    }
    expect(new_inbox).toBe(messages.length)
    return messages[0]
  }

  test('each reads the variant that was pushed to them, by its hash, and the control group nothing', async () => {
    const phones = await phonesOf(40)
    const done = await roost.sendAndSettle(message(AB, { inbox: {} }))
    expect(having(phones, '').length).toBeGreaterThan(0)
    for (const phone of phones) {
      const entry = await entryOf(phone)
      expect(entry?.title ?? '').toBe(titleOf(phone))
      expect(entry?.hash).toBe(phone.shown[0]?.hash)
    }
    const [ofB] = having(phones, 'B') as [Phone]
    await roost.device('pushStat', { hwid: ofB.hwid, hash: (await entryOf(ofB))?.hash })
    expect((await get(done.id)).experiment?.variants.map(it => it.opened)).toEqual([0, 1])
  })

  test('the rest reads nothing before it is decided what it gets, and then that', async () => {
    const phones = await phonesOf(20)
    const id = await roost.send(message(TESTED, { inbox: {} }))
    const isRest = (it: Phone) => slotOf(id, it.hwid) >= 6000
    const rest = phones.filter(isRest)
    await roost.until(id, it => it.counts.accepted === phones.length - rest.length)
    expect(rest.length).toBeGreaterThan(0)
    for (const phone of phones) expect((await entryOf(phone))?.title ?? '').toBe(titleOf(phone))
    expect((await choose(id, 'B')).status).toBe(200)
    await roost.settle(id)
    for (const phone of rest) {
      expect(titleOf(phone)).toBe('B')
      expect(await entryOf(phone)).toMatchObject({ title: 'B', hash: phone.shown[0]?.hash })
    }
  })
})

describe('is refused', () => {
  beforeAll(async () => {
    roost = await startRoost()
  })
  afterAll(() => roost.close())

  const post = (experiment: unknown, more: Record<string, unknown> = {}) =>
    roost.rest<{ code: string; detail: string }>('POST', `/v1/apps/${roost.app}/messages`, {
      ...message(AB),
      experiment,
      ...more,
    })
  const variants = (...percents: number[]) =>
    percents.map((percent, n) => ({ name: `V${n}`, percent, content: { title: 'x' } }))

  test.each([
    ['one variant', { variants: variants(100) }, 'variants'],
    ['eight variants', { variants: variants(...Array.from({ length: 8 }, () => 12.5)) }, 'variants'],
    ['more than all', { variants: variants(60, 41) }, 'more than 100'],
    ['a rest without a word about it', { variants: variants(40, 40) }, '"winner" says'],
    ['a winner for nobody', { variants: variants(50, 50), winner: {} }, 'no rest'],
    [
      'two variants of one name',
      { variants: variants(50, 50).map(it => ({ ...it, name: 'A' })) },
      'same name',
    ],
    [
      'a template that can not be read',
      { variants: [...variants(50), { name: 'B', percent: 50, content: { title: '{{' } }] },
      'variant "B"',
    ],
    [
      'a silent variant of a message that shows something',
      { variants: [...variants(50), { name: 'B', percent: 50, content: { silent: true } }] },
      '"B" with the message\'s content, /title: a silent message shows nothing',
    ],
    [
      'a variant that takes away all that is shown',
      { variants: [...variants(50), { name: 'B', percent: 50, content: { title: '', body: '' } }] },
      '"B" with the message\'s content: a message needs',
    ],
  ])('%s', async (_, experiment, word) => {
    const { status, body } = await post(experiment)
    expect([status, body.code]).toEqual([400, 'input_invalid'])
    expect(body.detail).toContain(word)
  })

  test('for the inbox alone, or with a winner that has no moment', async () => {
    expect((await post(AB, { inbox: { only: true } })).body.detail).toContain('body/inbox/only')
    const localTime = { at: '2099-01-01T10:00' }
    expect((await post(TESTED, { localTime })).body.detail).toContain('body/')
  })

  test('a choice where nothing waits for one', async () => {
    await roost.phone('ios')
    const done = await roost.sendAndSettle({ to: { all: true }, content: { title: 'x' } })
    expect((await choose(done.id, 'A')).body.code).toBe('input_invalid')
  })
})
