/** Segments, from the call that makes one to what the gateways were sent. */
import type { Condition, SegmentView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const DAY_MS = 24 * 3_600_000
const content = { title: 'Hello' }
const path = (rest = '') => `/v1/apps/${roost.app}/segments${rest}`
const tier = (value: string): Condition => ({ tag: 'tier', op: 'eq', value })

async function create(segment: object): Promise<string> {
  const { status, body } = await roost.rest<{ id: string }>('POST', path(), segment)
  expect([status, body]).toEqual([201, { id: expect.any(String) }])
  return body.id
}
const read = async (id: string) => (await roost.rest<SegmentView>('GET', path(`/${id}`))).body
const computed = async (id: string, after: string | undefined = undefined) => {
  await expect
    .poll(async () => {
      const { nightly } = await read(id)
      return nightly?.running === null && nightly.snapshot !== null && nightly.snapshot.computedAt !== after
    })
    .toBe(true)
  return (await read(id)).nightly?.snapshot
}
const codeOf = async (method: string, rest: string, body?: unknown) => {
  const answer = await roost.rest<{ code: string; detail: string }>(method, path(rest), body)
  return `${answer.status} ${answer.body.code}: ${answer.body.detail}`
}

describe('a live segment', () => {
  test('is sent to whoever is in it when the message is planned', async () => {
    const gold = await roost.phone('android', { tags: { tier: 'a-gold' } })
    const silver = await roost.phone('ios', { tags: { tier: 'a-silver' } })
    const id = await create({ name: 'Gold', expression: `T("tier", EQ, "a-gold")` })
    expect(await read(id)).toMatchObject({
      name: 'Gold',
      mode: 'live',
      condition: tier('a-gold'),
      expression: 'T("tier", EQ, "a-gold")',
      nightly: null,
    })
    const { counts } = await roost.sendAndSettle({ to: { segment: id }, content })
    expect(counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect([gold.shown.length, silver.shown.length]).toEqual([1, 0])
    await roost.device('setTags', { hwid: silver.hwid, tags: { tier: 'a-gold' } })
    expect((await roost.sendAndSettle({ to: { segment: id }, content })).counts.accepted).toBe(2)
  })

  test('may be named by conditions and by other segments', async () => {
    const both = await roost.phone('android', { tags: { tier: 'b-gold', city: 'b-Rome' } })
    await roost.phone('android', { tags: { tier: 'b-gold' } })
    const gold = await create({ name: 'b', condition: tier('b-gold') })
    const rome: Condition = { tag: 'city', op: 'eq', value: 'b-Rome' }
    const nested = await create({ name: 'b in Rome', condition: { and: [{ segment: gold }, rome] } })
    for (const to of [{ segment: nested }, { condition: { and: [{ segment: gold }, rome] } }])
      expect((await roost.sendAndSettle({ to, content })).counts.accepted).toBe(1)
    expect(both.shown).toHaveLength(2)
  })

  test('is refused where it would ask for itself, and where nothing has its id', async () => {
    const a = await create({ name: 'cycle a', condition: tier('x') })
    const b = await create({ name: 'cycle b', condition: { not: { segment: a } } })
    expect(await codeOf('PATCH', `/${a}`, { condition: { segment: b } })).toContain(
      `400 condition_invalid: condition: segment ${b}.not: segment ${a}: segment ${b} would ask for itself`,
    )
    expect(await codeOf('PATCH', `/${a}`, { condition: { segment: a } })).toContain('would ask for itself')
    const strange = '0199c0de-0000-7000-8000-000000000009'
    expect(await codeOf('GET', `/${strange}`)).toContain('404 segment_unknown')
    const message = { to: { segment: strange }, content }
    expect(await roost.rest('POST', `/v1/apps/${roost.app}/messages`, message)).toMatchObject({
      status: 404,
      body: { code: 'segment_unknown', detail: `body/to/segment: this app has no segment "${strange}"` },
    })
    const other = (await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Other' })).body.code
    expect((await roost.rest('GET', `/v1/apps/${other}/segments/${a}`)).status).toBe(404)
  })

  test('that nests so deep that no message could name it is not made', async () => {
    const nested = (steps: number): Condition => (steps === 0 ? tier('deep') : { not: nested(steps - 1) })
    expect(await codeOf('POST', '', { name: 'too deep', condition: nested(12) })).toContain(
      '400 condition_invalid: condition.not',
    )
    const id = await create({ name: 'deep', condition: nested(11) })
    expect((await roost.rest('GET', path(`/${id}/size`))).body).toMatchObject({ exact: expect.any(Number) })
    expect(await codeOf('PATCH', `/${id}`, { condition: nested(12) })).toContain('nested deeper than 12')
  })

  test('and another one can not be made to name one another at the same moment', async () => {
    for (let n = 0; n < 10; n++) {
      const [a, b] = [
        await create({ name: `One ${n}`, condition: tier('x') }),
        await create({ name: `Other ${n}`, condition: tier('x') }),
      ]
      const answers = await Promise.all([
        roost.rest('PATCH', path(`/${a}`), { condition: { segment: b } }),
        roost.rest('PATCH', path(`/${b}`), { condition: { segment: a } }),
      ])
      expect(answers.map(it => it.status).sort()).toEqual([200, 400])
    }
  })

  test('of a name that is taken is refused', async () => {
    await create({ name: 'Once', condition: tier('x') })
    expect(await codeOf('POST', '', { name: 'Once', condition: tier('y') })).toContain(
      '409 segment_name_taken',
    )
  })

  test('is not deleted while a message that is not done or a segment names it', async () => {
    const id = await create({ name: 'used', condition: tier('x') })
    const user = await create({ name: 'user of it', condition: { segment: id } })
    expect(await codeOf('DELETE', `/${id}`)).toContain('409 segment_in_use: segment "user of it"')
    await expectDeleted(user)
    const sendAt = new Date(roost.clock.now() + DAY_MS).toISOString()
    const message = await roost.send({ to: { segment: id }, content, sendAt })
    expect(await codeOf('DELETE', `/${id}`)).toContain(`409 segment_in_use: message ${message}`)
    await roost.server.db.query("update message set state = 'done' where id = $1", [message])
    await expectDeleted(id)
    expect(await codeOf('GET', `/${id}`)).toContain('404 segment_unknown')
  })
})

test('a list that a segment names is not deleted', async () => {
  const list = await roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/lists`, {
    name: 'kept',
    kind: 'devices',
    ids: ['kept-1'],
  })
  await create({ name: 'of a list', condition: { list: list.body.id } })
  const answer = await roost.rest('DELETE', `/v1/apps/${roost.app}/lists/${list.body.id}`)
  expect([answer.status, answer.body]).toMatchObject([
    409,
    { code: 'list_in_use', detail: expect.stringContaining('segment "of a list"') },
  ])
})

async function expectDeleted(id: string): Promise<void> {
  const answer = await fetch(`${roost.url}${path(`/${id}`)}`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer test-server-token-of-enough-length' },
  })
  expect(answer.status).toBe(204)
}

describe('a nightly segment', () => {
  test('is judged as of its snapshot, until it is computed again', async () => {
    const first = await roost.phone('android', { tags: { tier: 'n-gold' } })
    const id = await create({ name: 'nightly', mode: 'nightly', hour: 4, condition: tier('n-gold') })
    const snapshot = await computed(id)
    expect(snapshot).toMatchObject({ members: 1 })
    const late = await roost.phone('android', { tags: { tier: 'n-gold' } })
    await roost.device('setTags', { hwid: first.hwid, tags: { tier: 'other' } })
    expect((await roost.sendAndSettle({ to: { segment: id }, content })).counts.accepted).toBe(1)
    expect([first.shown.length, late.shown.length]).toEqual([1, 0])

    roost.clock.advance(1000)
    expect((await roost.rest('POST', path(`/${id}/compute`))).status).toBe(202)
    expect(await computed(id, snapshot?.computedAt)).toMatchObject({ members: 1 })
    await roost.sendAndSettle({ to: { segment: id }, content })
    expect([first.shown.length, late.shown.length]).toEqual([1, 1])
  })

  test('whose condition was changed is asked live until that is computed: nobody of before is sent to', async () => {
    const before = await roost.phone('android', { tags: { tier: 'c-before' } })
    const after = await roost.phone('android', { tags: { tier: 'c-after' } })
    const id = await create({ name: 'changing', mode: 'nightly', condition: tier('c-before') })
    await computed(id)
    const patched = await roost.rest('PATCH', path(`/${id}`), { condition: tier('c-after') })
    expect([patched.status, patched.body]).toMatchObject([200, { condition: tier('c-after') }])
    await roost.sendAndSettle({ to: { segment: id }, content })
    expect([before.shown.length, after.shown.length]).toEqual([0, 1])
    expect(await computed(id)).toMatchObject({ members: 1 })
  })
})

describe('the size of a segment', () => {
  test('is exact of a small base, without a word: nobody is nobody, and one device is one', async () => {
    await roost.device('setTags', { hwid: 'sole', tags: { tier: 'sole' } })
    for (const [value, exact] of [
      ['of nobody', 0],
      ['sole', 1],
    ] as const) {
      const id = await create({ name: `small ${value}`, condition: tier(value) })
      const { body } = await roost.rest('GET', path(`/${id}/size`))
      expect(body).toMatchObject({ estimate: exact, errorPercent: 0, exact })
    }
  })

  test('is told exactly, with how far each of its devices can be reached', async () => {
    const reachable = await roost.phone('android', { tags: { tier: 's' } })
    const denied = await roost.phone('ios', { tags: { tier: 's' } })
    await roost.server.db.query('update address set opted_out = true where hwid = $1', [denied.hwid])
    const gone = await roost.phone('android', { tags: { tier: 's' } })
    await roost.device('unregisterDevice', { hwid: gone.hwid })
    await roost.device('setTags', { hwid: 's-without-address', tags: { tier: 's' } })
    const id = await create({ name: 'sized', condition: tier('s') })
    const { body } = await roost.rest('GET', path(`/${id}/size?exact=true&reach=true`))
    expect(body).toEqual({
      estimate: 4,
      errorPercent: 0,
      exact: 4,
      asOf: expect.stringMatching(/Z$/),
      reach: { devices: 4, withAddress: 3, valid: 2, permitted: 1 },
    })
    expect(reachable.hwid).not.toBe(gone.hwid)
    expect((await roost.rest('GET', path(`/${id}/size`))).body).toMatchObject({ reach: null })
  })

  test('of a condition that makes no sense any more is refused with the place, and is not 0', async () => {
    await roost.rest('PUT', `/v1/apps/${roost.app}/tags/shade`, { type: 'string' })
    const id = await create({ name: 'senseless', condition: { tag: 'shade', op: 'eq', value: 'red' } })
    await roost.server.db.query("update tag_definition set type = 'integer' where name = 'shade'")
    expect(await codeOf('GET', `/${id}/size`)).toContain('400 condition_invalid')
    expect(await codeOf('GET', `/${id}/size?exact=true`)).toContain('tag "shade" is of type integer')
  })

  test('may be asked of an expression that gives the name or the code of a segment', async () => {
    const id = await create({ name: 'By Name', condition: tier('by-name') })
    const { body } = await roost.rest<{ code: string }>('GET', path(`/${id}`))
    for (const name of ['By Name', 'by name', body.code.toLowerCase(), id]) {
      const compiled = await roost.rest('POST', path('/compile'), { expression: `Segment("${name}")` })
      expect(compiled.body).toMatchObject({ condition: { segment: id }, expression: `Segment("${id}")` })
    }
    expect(await codeOf('POST', '/compile', { expression: 'Segment("By")' })).toContain(
      'expression, character 9: this app has no segment "By"',
    )
  })

  test('may be asked of a condition or an expression that no segment has yet', async () => {
    await roost.device('setTags', { hwid: 'compiled', tags: { compiled: 1 } })
    const asked = { expression: `A("${roost.app}") * t("compiled", eq, 1)`, exact: true, reach: true }
    const { status, body } = await roost.rest('POST', path('/compile'), asked)
    expect([status, body]).toMatchObject([
      200,
      {
        condition: {
          and: [
            { field: 'hwid', op: 'set' },
            { tag: 'compiled', op: 'eq', value: 1 },
          ],
        },
        expression: `A("${roost.app}") * T("compiled", EQ, 1)`,
        size: { exact: 1, reach: { devices: 1, withAddress: 0 } },
      },
    ])
    expect(await codeOf('POST', '/compile', { condition: { tag: 'a', op: 'like' } })).toContain('400')
    expect(await codeOf('POST', '/compile', { expression: 'T("a", like, 1)' })).toContain('character 8')
  })
})
