/** Pre-flight: what would become of a message is told before it is sent, and nothing of it is stored. */
import type { NewMessage, PreflightView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
  await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { categories: ['offers'] })
  await roost.phone('ios', { hwid: 'p-named', tags: { Name: 'Ada', optedOut: 'offers' } })
  await roost.phone('android', { hwid: 'p-nameless' })
  await roost.phone('hms', { hwid: 'p-huawei', tags: { Name: 'Bo' } })
  await roost.phone('ios', { hwid: 'p-denied', tags: { Name: 'Cy' } })
  await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/p-denied`, { permission: 'denied' })
  await roost.device('registerDevice', { hwid: 'p-mute', device_type: 1 })
})
afterAll(() => roost.close())

async function preflight(send: Partial<NewMessage> | Record<string, unknown>): Promise<PreflightView> {
  const answer = await roost.rest<PreflightView>('POST', `/v1/apps/${roost.app}/diagnose`, { send })
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return answer.body
}

const ALL = { to: { all: true }, content: { title: 'Hello' } }
const found = ({ findings }: PreflightView) => Object.fromEntries(findings.map(it => [it.rule, it.devices]))

test('what keeps it from whom is told once for each cause, with how many of those looked at have it', async () => {
  const { rule, dryRun, looked, refusal, ...answer } = {
    rule: found(await preflight({ ...ALL, content: { title: 'Hello {{ tags.Name }}' } })),
    ...(await preflight({ ...ALL, content: { title: 'Hello {{ tags.Name }}' } })),
  }
  expect(refusal).toBeNull()
  expect(looked).toBe(5)
  expect(rule).toMatchObject({ 'DX-01': 1, 'DX-33': 1, 'DX-45': 1, 'DX-64': 1 })
  expect(dryRun?.reach).toEqual({ devices: 5, withAddress: 4, valid: 4, permitted: 3 })
  expect(answer.findings.find(it => it.rule === 'DX-64')).toMatchObject({
    title: 'Variable without a value',
    effect: 'blocks',
    example: 'A variable of the message has no value for this device: tags.Name.',
    remedy: { who: 'operator' },
  })
  const effects = answer.findings.map(it => it.effect)
  expect(effects.indexOf('warns') === -1 || effects.indexOf('warns') > effects.lastIndexOf('blocks')).toBe(
    true,
  )
})

test('how many have it is told of those who were looked at for it, and of no others', async () => {
  const { findings, looked, dryRun } = await preflight({
    ...ALL,
    content: { title: 'Hello {{ tags.Name }}' },
  })
  const baseOf = (rule: string) => {
    const { devices, of, among } = findings.find(it => it.rule === rule) ?? {}
    return { devices, of, among }
  }
  const rendered = new Set(dryRun?.sample.map(it => it.hwid)).size
  expect([looked, rendered]).toEqual([5, 3])
  expect(baseOf('DX-33')).toEqual({ devices: 1, of: 5, among: 'diagnosed' })
  expect(baseOf('DX-64')).toEqual({ devices: 1, of: 3, among: 'rendered' })
})

test('what its content has wrong is told by kind, place and values', async () => {
  const content = { title: 'Hello', languages: { de: { title: 'Hallo {{ tags.Name' } } }
  expect((await preflight({ ...ALL, content })).refusal?.remarks).toEqual([
    {
      code: 'template_brackets_open',
      place: 'content/languages/de/title',
      values: { written: '{{ tags.Name', line: 1, column: 7 },
      text: expect.stringMatching(/^body\/content\/languages\/de\/title: /),
    },
  ])
  const variants = [
    { name: 'A', percent: 50 },
    { name: 'B', percent: 50, content: { title: '{{ name }}' } },
  ]
  expect((await preflight({ ...ALL, experiment: { variants } })).refusal?.remarks).toMatchObject([
    { code: 'template_variable_unknown', variant: 'B', place: 'content/title', values: { variable: 'name' } },
  ])
  const large = await preflight({ ...ALL, content: { title: 'Hello', body: 'é'.repeat(2300) } })
  expect(large.refusal?.remarks).toMatchObject([
    {
      code: 'payload_too_large',
      place: 'content',
      values: { gateway: 'apns', language: '', bytes: expect.any(Number), limit: 4096 },
    },
  ])
})

test('nothing is stored and nobody is sent to', async () => {
  await preflight(ALL)
  const { body } = await roost.rest<{ messages: unknown[] }>('GET', `/v1/apps/${roost.app}/messages`)
  expect(body.messages).toEqual([])
  expect(roost.simulator.pushes({})).toEqual([])
})

test('rules of the message count, and concern no transactional one', async () => {
  const opted = { ...ALL, rules: { category: 'offers' } }
  expect(found(await preflight(opted))['DX-49']).toBe(1)
  expect(found(await preflight(ALL))['DX-49']).toBeUndefined()
  const hour = new Date(roost.clock.now()).getUTCHours()
  const clock = (hours: number) => `${String((hours + 24) % 24).padStart(2, '0')}:00`
  const quietHours = { from: clock(hour - 1), to: clock(hour + 2), action: 'defer' }
  await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { quietHours })
  expect(found(await preflight(ALL))['DX-56']).toBe(5)
  expect(found(await preflight({ ...ALL, rules: { kind: 'transactional' } }))['DX-56']).toBeUndefined()
  expect(
    found(await preflight({ ...ALL, content: { silent: true, data: { a: 1 } } }))['DX-56'],
  ).toBeUndefined()
  const dropping = await preflight({ ...ALL, rules: { quietHours: { ...quietHours, action: 'drop' } } })
  expect(dropping.findings[0]).toMatchObject({ rule: 'DX-56', effect: 'blocks', devices: 5 })
  const sendAt = new Date(roost.clock.now() + 6 * 3_600_000).toISOString()
  expect(found(await preflight({ ...ALL, sendAt }))['DX-56']).toBeUndefined() // by then it is over
  await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { quietHours: null })
})

test('caps that are used up are told before they keep it back', async () => {
  await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { cap: { messages: 1, days: 7 } })
  await roost.sendAndSettle({ to: { devices: ['p-named'] }, content: { title: 'The one' } })
  const told = await preflight(ALL)
  expect(found(told)['DX-55']).toBe(1)
  expect(told.findings.find(it => it.rule === 'DX-55')?.effect).toBe('blocks')
  await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { cap: null })
})

test('a mix of builds shows in the environments of the addresses', async () => {
  const { places } = await preflight(ALL)
  expect(places).toContainEqual({ gateway: 'apns', environment: 'production', devices: 2 })
  expect(places).toContainEqual({ gateway: 'fcm', environment: '', devices: 1 })
})

test('a message that would be refused is told with the reason, and with the rule where there is one', async () => {
  const plain = await preflight({ ...ALL, content: { title: 'Hello', image: 'http://example.com/a.png' } })
  expect(plain.refusal).toMatchObject({ code: 'input_invalid', detail: expect.stringContaining('https') })
  expect(plain.findings).toMatchObject([
    { rule: 'DX-65', effect: 'blocks', devices: null, remedy: { who: 'operator' } },
  ])
  const large = await preflight({ ...ALL, content: { title: 'Hello', body: 'é'.repeat(2300) } })
  expect(large).toMatchObject({
    refusal: { code: 'message_too_large' },
    dryRun: null,
    findings: [{ rule: 'DX-61' }],
  })
  const strange = await preflight({ ...ALL, colour: 'red' })
  expect(strange.refusal?.detail).toContain('colour')
  expect(
    (await preflight({ ...ALL, to: { segment: '01939c3e-0000-7000-8000-000000000000' } })).refusal?.code,
  ).toBe('segment_unknown')
})

test('a refusal is worded as that of sending it, with what to do', async () => {
  for (const send of [
    {},
    { ...ALL, to: { devices: [] } },
    { ...ALL, to: { segment: 7 } },
    { to: 'all', content: { title: 7 } },
  ]) {
    const { refusal } = await preflight(send)
    const path = `/v1/apps/${roost.app}/messages`
    const sent = await roost.rest<{ detail: string; remedy: string }>('POST', path, send)
    expect(sent.status).toBe(400)
    const { detail, remedy } = sent.body
    expect(refusal).toEqual({
      code: 'input_invalid',
      detail: detail.replaceAll('body', 'body/send'),
      remedy,
      remarks: [],
    })
  }
  const { refusal } = await preflight({ ...ALL, to: { segment: 'people' } })
  expect(refusal).toMatchObject({ code: 'segment_unknown', detail: expect.stringContaining('"people"') })
})

test('a question that names nothing is told what it may name', async () => {
  for (const body of [{}, { message: '01939c3e-0000-7000-8000-000000000000' }]) {
    const answer = await roost.rest<{ detail: string }>('POST', `/v1/apps/${roost.app}/diagnose`, body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    for (const word of ['"device"', '"token"', '"user"', '"send"', '/reach'])
      expect(answer.body.detail).toContain(word)
  }
})

test('devices that are named are looked at, and no others', async () => {
  const { looked, findings } = await preflight({
    to: { devices: ['p-mute', 'nobody'] },
    content: { title: 'Hello' },
  })
  expect(looked).toBe(1)
  expect(findings.map(it => it.rule)).toContain('DX-33')
})

test('a device that a nightly segment would mean if it were computed now is told, before sending', async () => {
  const { body: segment } = await roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/segments`, {
    name: 'Stale',
    mode: 'nightly',
    condition: { tag: 'Late', op: 'set' },
  })
  const isComputed = async () =>
    (
      await roost.server.db.query('select from segment where id = $1 and snapshot_id is not null', [
        segment.id,
      ])
    ).rowCount
  await expect.poll(isComputed).toBe(1)
  const toSegment = { ...ALL, to: { segment: segment.id } }
  expect(found(await preflight(toSegment))).not.toHaveProperty('DX-21')
  roost.clock.advance(60_000)
  await roost.phone('ios', { hwid: 'p-late', tags: { Late: 'yes' } })
  const { findings, looked } = await preflight(toSegment)
  expect(looked).toBe(0)
  expect(findings).toMatchObject([
    { rule: 'DX-21', effect: 'blocks', devices: 1, example: expect.stringContaining('Stale') },
  ])
  // Whom the rest of the condition leaves out is not missed.
  const narrower = {
    condition: { and: [{ segment: segment.id }, { field: 'platform', op: 'eq', value: 'web' }] },
  }
  const told = await preflight({ ...ALL, to: narrower })
  expect(told.refusal).toBeNull()
  expect(found(told)).not.toHaveProperty('DX-21')
})

test('a segment whose last computation has failed, or runs, is told: it means who was in it before', async () => {
  const { body: segment } = await roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/segments`, {
    name: 'Of the night',
    mode: 'nightly',
    condition: { tag: 'Name', op: 'set' },
  })
  const toSegment = { ...ALL, to: { segment: segment.id } }
  const hasRun = async () =>
    (
      await roost.server.db.query("select from segment_snapshot where segment_id = $1 and state = 'done'", [
        segment.id,
      ])
    ).rowCount
  await expect.poll(hasRun).toBe(1)
  expect(found(await preflight(toSegment))).not.toHaveProperty('DX-22')
  const run = (state: string) =>
    roost.server.db.query(
      `insert into segment_snapshot (segment_id, app_id, condition, state, started_at, ended_at, error)
       select id, app_id, condition, $2, now(), case when $2 = 'failed' then now() end, 'canceling statement' from segment where id = $1`,
      [segment.id, state],
    )
  await run('failed')
  const failed = (await preflight(toSegment)).findings.find(it => it.rule === 'DX-22')
  expect(failed).toMatchObject({
    effect: 'blocks',
    devices: null,
    example: expect.stringContaining('canceling'),
  })
  await run('computing')
  expect((await preflight(toSegment)).findings.find(it => it.rule === 'DX-22')).toMatchObject({
    effect: 'delays',
  })
})
