/** Which segments a device is in, and why not in the others, against the real server and database. */
import type { SegmentOfDeviceReasons, SegmentsOfDevice } from '@roost/protocol'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
})
beforeEach(async () => {
  app = await server.createApp()
  const phone = { platform: 'ios', userId: 'ann', tags: { tier: 'gold', visits: 3 }, appVersion: '2.1' }
  await server.rest('PUT', `/v1/apps/${app.app}/devices/phone`, phone)
})
afterAll(() => server.close())

async function create(name: string, expression: string, more: object = {}): Promise<string> {
  const { status, body } = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/segments`, {
    name,
    expression,
    ...more,
  })
  expect([status, body]).toEqual([201, { id: expect.any(String) }])
  return body.id
}

async function read<Body>(rest = '', hwid = 'phone'): Promise<Body> {
  const path = `/v1/apps/${app.app}/devices/${encodeURIComponent(hwid)}/segments${rest}`
  const { status, body } = await server.rest<Body>('GET', path)
  expect([status, body]).toEqual([200, body])
  return body
}
const segmentsOf = async (rest = '') => {
  const { segments } = await read<SegmentsOfDevice>(rest)
  return segments.map(({ name, isMember }) => [name, isMember])
}
const reasonsOf = async (id: string) => {
  const { reasons, ...rest } = await read<SegmentOfDeviceReasons>(`/${id}`)
  return { ...rest, reasons: reasons.map(({ expression, isTrue, value }) => [expression, isTrue, value]) }
}

test('of each segment it is told whether a device is in it, also of one that names others', async () => {
  const gold = await create('Gold', 'T("tier", EQ, "gold")')
  await create('Silver', 'T("tier", EQ, "silver")')
  await create('Not gold', `A("${app.app}") \\ Segment("${gold}")`)
  await create('Its user', 'F("userId", EQ, "ann")')
  expect(await segmentsOf()).toEqual([
    ['Its user', true],
    ['Not gold', false],
    ['Silver', false],
    ['Gold', true],
  ])
})

test('more segments than a page has come on the next ones, each once', async () => {
  for (let i = 0; i < 25; i++) await create(`Visits ${i}`, `T("visits", EQ, ${i})`)
  const names: string[] = []
  for (let after = ''; ; ) {
    const page = await read<SegmentsOfDevice>(`?limit=10${after}`)
    names.push(...page.segments.map(({ name, isMember }) => `${name} ${isMember}`))
    if (page.next === null) break
    after = `&after=${page.next}`
  }
  expect(names).toEqual(Array.from({ length: 25 }, (_, i) => `Visits ${24 - i} ${i === 21}`))
})

test('of a device that is not in a segment those parts are told that keep it out, with what it has', async () => {
  const id = await create('Rich', 'T("tier", EQ, "gold") * (T("visits", GTE, 10) + T("city", EQ, "Rome"))')
  expect(await reasonsOf(id)).toMatchObject({
    isMember: false,
    matchesNow: false,
    problem: null,
    reasons: [
      ['T("visits", GTE, 10)', false, 3],
      ['T("city", EQ, "Rome")', false, null],
    ],
  })
})

test('of a device that is in a segment those parts are told that let it in', async () => {
  const id = await create(
    'Either',
    '(T("visits", GTE, 10) + T("tier", EQ, "gold")) * F("platform", EQ, "ios")',
  )
  expect(await reasonsOf(id)).toMatchObject({
    isMember: true,
    reasons: [
      ['T("tier", EQ, "gold")', true, 'gold'],
      [expect.stringContaining('ios'), true, 'ios'],
    ],
  })
})

test('what is not to be is told as what it is', async () => {
  const id = await create('Nobody of gold', `A("${app.app}") \\ T("tier", EQ, "gold")`)
  expect(await reasonsOf(id)).toMatchObject({
    isMember: false,
    reasons: [['T("tier", EQ, "gold")', true, 'gold']],
  })
})

test('of a nightly segment it is told who was in it, and who would be now', async () => {
  const id = await create('Nightly gold', 'T("tier", EQ, "gold")', { mode: 'nightly' })
  await expect.poll(async () => (await reasonsOf(id)).asOf).toEqual(expect.any(String))
  await server.rest('PATCH', `/v1/apps/${app.app}/devices/phone`, { tags: { tier: 'silver' } })
  expect(await reasonsOf(id)).toMatchObject({
    isMember: true,
    matchesNow: false,
    reasons: [['T("tier", EQ, "gold")', false, 'silver']],
  })
  expect(await read<SegmentsOfDevice>()).toMatchObject({
    segments: [{ name: 'Nightly gold', isMember: true, asOf: expect.any(String) }],
  })
})

test('a segment whose condition can’t be asked any more says why, and the others are told', async () => {
  const id = await create('Old', 'T("visits", EQ, "three")')
  await create('Gold', 'T("tier", EQ, "gold")')
  const { status } = await server.rest('PUT', `/v1/apps/${app.app}/tags/visits`, { type: 'integer' })
  expect(status).toBeLessThan(300)
  expect((await read<SegmentsOfDevice>()).segments).toMatchObject([
    { name: 'Gold', isMember: true, problem: null },
    { name: 'Old', isMember: null, problem: expect.stringContaining('visits') },
  ])
  expect(await reasonsOf(id)).toMatchObject({ isMember: null, matchesNow: null, reasons: [] })
})

test('a device, a segment and a place that there are not are told so', async () => {
  const path = `/v1/apps/${app.app}/devices`
  const nobody = '0190a2b4-0000-7000-8000-000000000000'
  expect((await server.rest('GET', `${path}/a-slip/segments`)).body).toMatchObject({ code: 'device_unknown' })
  expect((await server.rest('GET', `${path}/phone/segments/${nobody}`)).body).toMatchObject({
    code: 'segment_unknown',
  })
  expect((await server.rest('GET', `${path}/phone/segments?after=x`)).body).toMatchObject({
    code: 'input_invalid',
  })
})
