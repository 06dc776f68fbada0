/** The reach of a message: every step of the waterfall, with those who were lost there, against the real server and the stand-ins. */
import type { AlertView, ReachDevices, ReachStep, ReachView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../../test/roost.ts'
import { raiseIncidents } from './incidents.ts'

const HOUR_MS = 3_600_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const path = (id: string) => `/v1/apps/${roost.app}/messages/${id}/reach`

async function reachOf(id: string, lang = ''): Promise<ReachView> {
  const answer = await roost.rest<ReachView>('GET', `${path(id)}${lang === '' ? '' : `?lang=${lang}`}`)
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body
}

/** All pages. */
async function lostAt(id: string, step: ReachStep, query = ''): Promise<ReachDevices['devices']> {
  const all: ReachDevices['devices'] = []
  for (let after: string | null = ''; after !== null; ) {
    const cursor: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`
    const { body } = await roost.rest<ReachDevices>(
      'GET',
      `${path(id)}/${step}/devices?limit=2${cursor}${query}`,
    )
    expect(body.devices.length).toBeLessThanOrEqual(2)
    all.push(...body.devices)
    after = body.next
  }
  return all
}

function stepsOf({ steps }: ReachView): Record<string, [count: number, lost: number | null]> {
  return Object.fromEntries(steps.map(it => [it.step, [it.count, it.lost]]))
}

const hwidsOf = (devices: ReachDevices['devices']) => devices.map(it => it.hwid).sort()

describe('a message to a condition', () => {
  let phones: Record<string, Phone>
  let id: string
  beforeAll(async () => {
    const tags = { Group: 'reach' }
    await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { categories: ['offers'] })
    phones = {
      good: await roost.phone('ios', { hwid: 'r-good', tags }),
      silent: await roost.phone('ios', { hwid: 'r-silent', tags }),
      gone: await roost.phone('ios', { hwid: 'r-gone', tags }),
      dead: await roost.phone('android', { hwid: 'r-dead', tags }),
      refuses: await roost.phone('android', { hwid: 'r-refuses', tags: { ...tags, optedOut: 'offers' } }),
      nameless: await roost.phone('ios', { hwid: 'r-nameless', tags }),
      denied: await roost.phone('ios', { hwid: 'r-denied', tags }),
    }
    for (const [name, phone] of Object.entries(phones))
      if (name !== 'nameless')
        await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${phone.hwid}`, { tags: { Name: name } })
    await roost.device('registerDevice', { hwid: 'r-mute', device_type: 1 })
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/r-mute`, { tags })
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/r-denied`, { permission: 'denied' })
    await phones.gone?.unregister()
    roost.simulator.fcm.killToken(phones.dead?.token as string)
    phones.silent?.goOffline()
    const message = await roost.sendAndSettle({
      to: { condition: { tag: 'Group', op: 'eq', value: 'reach' } },
      content: { title: 'Hello {{ tags.Name }}' },
      rules: { category: 'offers' },
    })
    id = message.id
  })

  test('each step has its count, and the devices that were lost there with their rule', async () => {
    await expect.poll(async () => stepsOf(await reachOf(id)).received?.[0]).toBe(1)
    const reach = await reachOf(id)
    expect(stepsOf(reach)).toEqual({
      audience: [8, null],
      with_address: [7, 1],
      alive: [5, 2],
      permitted: [4, 1],
      targeted: [5, null],
      addressable: [5, 0],
      allowed: [4, 1],
      rendered: [3, 1],
      answered: [3, 0],
      accepted: [2, 1],
      received: [1, 1],
      opened: [0, 1],
    })
    expect(reach.errorPercent).toBe(0)
    expect(hwidsOf(await lostAt(id, 'with_address'))).toEqual(['r-mute'])
    expect(await lostAt(id, 'alive')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ hwid: 'r-gone', gateway: 'apns' }),
        expect.objectContaining({ hwid: 'r-dead', gateway: 'fcm', reason: 'UNREGISTERED' }),
      ]),
    )
    expect(hwidsOf(await lostAt(id, 'permitted'))).toEqual(['r-denied'])
    expect(await lostAt(id, 'allowed')).toMatchObject([
      {
        hwid: 'r-refuses',
        rule: 'DX-49',
        outcome: 'skipped',
        reason: 'category_opted_out',
        platform: 'android',
      },
    ])
    expect(await lostAt(id, 'rendered')).toMatchObject([{ hwid: 'r-nameless', rule: 'DX-64' }])
    expect(await lostAt(id, 'accepted')).toMatchObject([{ hwid: 'r-dead', rule: 'DX-37', outcome: 'dead' }])
  })

  test('the reasons are told with rule, title and remedy, and are found by what was booked', async () => {
    const { groups, steps } = await reachOf(id)
    expect(groups.map(it => [it.rule, it.reason, it.gateway, it.count, it.share])).toEqual(
      expect.arrayContaining([
        ['DX-49', 'category_opted_out', 'fcm', 1, 0.2],
        ['DX-64', 'variable_missing: tags.Name', 'apns', 1, 0.2],
        ['DX-37', 'UNREGISTERED', 'fcm', 1, 0.2],
      ]),
    )
    const gone = groups.find(it => it.rule === 'DX-37')
    expect(gone).toMatchObject({ title: 'Token gone', remedy: { who: 'user' } })
    expect(gone?.remedy.steps[0]?.text).toMatch(/Open the app/)
    expect(hwidsOf(await lostAt(id, 'accepted', '&reason=UNREGISTERED'))).toEqual(['r-dead'])
    expect(await lostAt(id, 'accepted', '&reason=BadDeviceToken')).toEqual([])
    const listed = steps.find(it => it.step === 'accepted')?.devices ?? ''
    expect((await roost.rest<ReachDevices>('GET', listed)).body.devices).toHaveLength(1)
  })

  test('who was sent to and has told of nothing is found, and who has told no more', async () => {
    expect(hwidsOf(await lostAt(id, 'received'))).toEqual(['r-silent'])
    expect(hwidsOf(await lostAt(id, 'opened'))).toEqual(['r-good'])
    await phones.good?.openNotification(phones.good.shown.at(-1)?.hash as string)
    await expect.poll(async () => lostAt(id, 'opened')).toEqual([])
    phones.silent?.goOnline()
    await expect.poll(async () => lostAt(id, 'received')).toEqual([])
    expect(stepsOf(await reachOf(id))).toMatchObject({ received: [2, 0], opened: [1, 1] })
  })

  test('who came after it was planned is not counted among those who were meant', async () => {
    roost.clock.advance(HOUR_MS)
    await roost.phone('ios', { hwid: 'r-late', tags: { Group: 'reach' } })
    expect(stepsOf(await reachOf(id)).audience).toEqual([8, null])
  })

  test('of "audience" and "targeted" nobody is listed, and a cursor of one’s own making is refused', async () => {
    for (const step of ['audience', 'targeted'])
      expect((await roost.rest('GET', `${path(id)}/${step}/devices`)).status).toBe(400)
    expect((await roost.rest('GET', `${path(id)}/accepted/devices?after=nonsense`)).status).toBe(400)
    expect((await roost.rest('GET', `${path(id)}/nowhere/devices`)).status).toBe(400)
    expect((await roost.rest('GET', path('01939c3e-0000-7000-8000-000000000000'))).status).toBe(404)
  })
})

test('of named devices and users all is known exactly, those included that are none', async () => {
  await roost.phone('ios', { hwid: 'n-good', userId: 'n-ann' })
  await roost.device('registerDevice', { hwid: 'n-mute', device_type: 1 })
  const { id } = await roost.sendAndSettle({
    to: { devices: ['n-good', 'n-mute', 'n-nobody'] },
    content: { title: 'Hello' },
  })
  const reach = await reachOf(id)
  expect(stepsOf(reach)).toMatchObject({ audience: [3, null], with_address: [1, 2], accepted: [1, 0] })
  expect(reach.steps.every(it => it.basis !== 'now')).toBe(true)
  expect((await lostAt(id, 'with_address')).map(it => [it.hwid, it.rule]).sort()).toEqual([
    ['n-mute', 'DX-33'],
    ['n-nobody', 'DX-31'],
  ])
})

test('a segment means those who were in it when the message was planned, whatever becomes of it', async () => {
  for (const n of [1, 2, 3]) await roost.phone('ios', { hwid: `s-${n}`, tags: { Wave: 'first' } })
  const condition = { tag: 'Wave', op: 'eq', value: 'first' }
  const { body } = await roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/segments`, {
    name: 'First',
    condition,
  })
  const { id } = await roost.sendAndSettle({ to: { segment: body.id }, content: { title: 'Hello' } })
  await roost.rest('PATCH', `/v1/apps/${roost.app}/segments/${body.id}`, {
    condition: { tag: 'Wave', op: 'eq', value: 'second' },
  })
  expect(stepsOf(await reachOf(id))).toMatchObject({
    audience: [3, null],
    targeted: [3, null],
    accepted: [3, 0],
  })
})

test('the same cause for more than a fifth of all is one incident, and opens one alert; for less, or for few, it is none', async () => {
  const crowd = await startRoost({ roles: ['api', 'send'] }) // whose jobs would open the alerts first
  try {
    for (let n = 0; n < 40; n++) {
      const kind = n < 20 ? 'ios' : 'android'
      const phone = await crowd.phone(kind, { hwid: `c-${n}`, tags: { Name: n % 8 === 0 ? 'x' : 'y' } })
      if (n >= 10 && n < 20) crowd.simulator.apns.killToken(phone.token as string)
    }
    for (let n = 0; n < 12; n++)
      await crowd.rest('PATCH', `/v1/apps/${crowd.app}/devices/c-${n + 28}`, { tags: { Name: null } })
    const { id } = await crowd.sendAndSettle({
      to: { all: true },
      content: { title: 'Hello {{ tags.Name }}' },
    })
    const { body } = await crowd.rest<ReachView>('GET', `/v1/apps/${crowd.app}/messages/${id}/reach`)
    expect(body.incidents.map(it => [it.rule, it.count, it.share])).toEqual([
      ['DX-64', 12, 0.3],
      ['DX-37', 10, 0.25],
    ])
    const alerts = async () =>
      (
        await crowd.rest<{ alerts: AlertView[] }>('GET', `/v1/apps/${crowd.app}/alerts?state=open`)
      ).body.alerts.filter(it => it.kind === 'message_incident')
    const at = crowd.clock.now()
    expect(await raiseIncidents(crowd.server.db, at)).toBe(2)
    expect(await raiseIncidents(crowd.server.db, at)).toBe(0)
    const open = await alerts()
    expect(open.map(it => it.data).sort((a, b) => Number(b.deliveries) - Number(a.deliveries))).toEqual([
      { rule: 'DX-64', messageId: id, deliveries: 12, targeted: 40 },
      { rule: 'DX-37', messageId: id, deliveries: 10, targeted: 40 },
    ])
    expect(open[0]?.remedy).toContain('/reach')
    await crowd.rest('POST', `/v1/apps/${crowd.app}/alerts/${open[0]?.id}/close`)
    expect(await raiseIncidents(crowd.server.db, at + 60_000)).toBe(0) // people have seen it
    expect(await alerts()).toHaveLength(1)
    const small = await crowd.sendAndSettle({
      to: { devices: ['c-28', 'c-29', 'c-0'] },
      content: { title: 'Hello {{ tags.Name }}' },
    })
    const few = await crowd.rest<ReachView>('GET', `/v1/apps/${crowd.app}/messages/${small.id}/reach`)
    expect(few.body.groups[0]).toMatchObject({ rule: 'DX-64', count: 2 })
    expect(few.body.incidents).toEqual([])
  } finally {
    await crowd.close()
  }
})

test('a message that waits for its credential says so, and those who wait are listed', async () => {
  const own = await startRoost()
  try {
    for (const n of [1, 2]) await own.phone('ios', { hwid: `h-${n}` })
    const { body } = await own.rest<{ credentials: { gateway: string; settings: { keyId: string } }[] }>(
      'GET',
      `/v1/apps/${own.app}/credentials`,
    )
    own.simulator.apns.revokeKey(body.credentials.find(it => it.gateway === 'apns')?.settings.keyId ?? '')
    const id = await own.send({ to: { all: true }, content: { title: 'Hello' } })
    await own.until(id, it => it.held.length > 0 && it.counts.pending === 2)
    const { body: reach } = await own.rest<ReachView>('GET', `/v1/apps/${own.app}/messages/${id}/reach`)
    expect(reach.held).toMatchObject([{ rule: 'DX-04', gateway: 'apns', reason: 'InvalidProviderToken' }])
    expect(reach.groups).toMatchObject([{ rule: 'DX-04', outcome: 'waiting', count: 2, step: 'answered' }])
    const { body: page } = await own.rest<ReachDevices>(
      'GET',
      `/v1/apps/${own.app}/messages/${id}/reach/answered/devices`,
    )
    expect(page.devices.map(it => [it.hwid, it.rule]).sort()).toEqual([
      ['h-1', 'DX-04'],
      ['h-2', 'DX-04'],
    ])
  } finally {
    await own.close()
  }
})

test('what was cancelled before it came to anybody still adds up', async () => {
  const id = await roost.send({
    to: { all: true },
    content: { title: 'Later' },
    sendAt: new Date(roost.clock.now() + HOUR_MS).toISOString(),
  })
  const before = await reachOf(id)
  expect(before.steps[0]).toMatchObject({ step: 'audience', basis: 'now' })
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  const { groups, steps } = await reachOf(id)
  const targeted = steps.find(it => it.step === 'targeted')?.count ?? -1
  expect(groups.reduce((sum, it) => sum + it.count, 0)).toBe(targeted)
})

test('titles and remedies come in the language that is asked for, and in English for one that is not there', async () => {
  const { id } = await roost.sendAndSettle({
    to: { devices: ['nobody-of-this-app'] },
    content: { title: 'Hello' },
  })
  expect((await reachOf(id)).groups[0]?.title).toBe('Not on record')
  expect((await reachOf(id, 'zh-CN')).groups[0]).toMatchObject({ title: '没有记录', rule: 'DX-31' })
  expect((await reachOf(id, 'tlh')).lang).toBe('en')
  const answer = await fetch(`${roost.url}${path(id)}`, {
    headers: {
      authorization: 'Bearer test-server-token-of-enough-length',
      'accept-language': 'en;q=0.5, pt-BR',
    },
  })
  expect(((await answer.json()) as ReachView).lang).toBe('pt')
})
