/** Every operator against real rows, and everything that must not get through to them. */
import type { Comparison, Condition, Scalar } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { compileAccepted, compileCondition } from './condition.ts'
import type { ConditionScope, TagTypes } from './context.ts'
import { readScope } from './scope.ts'

let server: BareServer
let app: Access
let openedAt: string
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  for (const { hwid, tags, fields } of DEVICES) {
    await server.device(app, 'setTags', { hwid, tags, ...fields })
    if (hwid === 'anna') await server.device(app, 'applicationOpen', { hwid })
  }
  // A tag that holds JSON null: what the first call of a device leaves when it clears a tag.
  await server.db.query(`update device set tags = '{"tier": null}' where hwid = 'nothing'`)
  openedAt = (await server.view(app, 'anna')).lastOpenAt ?? ''
})
afterAll(() => server.close())

interface Row {
  readonly hwid: string
  readonly tags: Record<string, unknown>
  readonly fields: Record<string, unknown>
}

const DEVICES: readonly Row[] = [
  {
    hwid: 'anna',
    tags: { tier: 'gold', age: 30, isVip: true, likes: ['tea', 'jazz', 7], since: '2026-03-01' },
    fields: {
      userId: 'u1',
      device_type: 1,
      language: 'de',
      timezone: 3600,
      app_version: '2.0',
      notificationTypes: 7,
      country: 'CH',
    },
  },
  {
    hwid: 'ben',
    tags: { tier: 'silver', age: 30.5, isVip: false, likes: ['tea'], since: '2025-12-31' },
    fields: { userId: 'u2', device_type: 3, language: 'en', timezone: -18_000, notificationTypes: 0 },
  },
  {
    hwid: 'carl',
    tags: { tier: 5, age: '30', isVip: 'true', likes: 'tea', since: [] },
    fields: { device_type: 11 },
  },
  { hwid: 'none', tags: {}, fields: {} },
  { hwid: 'nothing', tags: {}, fields: {} },
]
const SCOPE: ConditionScope = { types: new Map(), at: 0 }
const ALL = ['anna', 'ben', 'carl', 'none', 'nothing']

async function matching(condition: Condition): Promise<string[]> {
  const { sql, values } = compileCondition(condition, { firstParameter: 2, scope: SCOPE })
  const { rows } = await server.db.query<{ hwid: string; isMatch: boolean | null }>(
    `select d.hwid, (${sql}) as "isMatch" from device d
      where d.app_id = (select id from app where code = $1) order by 1`,
    [app.app, ...values],
  )
  expect(rows.map(row => row.isMatch)).not.toContain(null) // "not" of null would be null again
  return rows.filter(row => row.isMatch).map(row => row.hwid)
}

type Op = Comparison['op']
const without = (...hwids: string[]) => ALL.filter(it => !hwids.includes(it))

test('a list of thousands of values finds the same as one of a few', async () => {
  const few = ['gold', 5, true, 30.5, 'tea', '30']
  const many = [...few, ...Array.from({ length: 9000 }, (_, i) => (i % 2 === 0 ? `other ${i}` : i + 1e6))]
  for (const tag of ['tier', 'age', 'isVip', 'likes', 'since', 'missing'])
    for (const op of ['in', 'nin'] as const)
      expect(await matching({ tag, op, value: many })).toEqual(await matching({ tag, op, value: few }))
  expect(await matching({ tag: 'likes', op: 'in', value: many })).toEqual(['anna', 'ben', 'carl'])
})

describe('a tag', () => {
  test.each<[string, Op, Comparison['value'], string[]]>([
    ['tier', 'set', undefined, ['anna', 'ben', 'carl']],
    ['tier', 'unset', undefined, ['none', 'nothing']],
    ['since', 'set', undefined, ['anna', 'ben', 'carl']],
    ['other', 'set', undefined, []],
    ['tier', 'eq', 'gold', ['anna']],
    ['tier', 'eq', 5, ['carl']],
    ['tier', 'eq', '5', []],
    ['tier', 'ne', 'gold', without('anna')],
    ['tier', 'in', ['gold', 'silver', 'lead'], ['anna', 'ben']],
    ['tier', 'in', ['gold', 5], ['anna', 'carl']],
    ['tier', 'nin', ['gold', 5], ['ben', 'none', 'nothing']],
    ['age', 'eq', 30, ['anna']],
    ['age', 'eq', '30', ['carl']],
    ['age', 'gte', 30, ['anna', 'ben']],
    ['age', 'gte', 30.5, ['ben']],
    ['age', 'lte', 30, ['anna']],
    ['age', 'gte', '3', ['carl']],
    ['age', 'gte', -1e300, ['anna', 'ben']],
    ['age', 'between', [30, 30.4], ['anna']],
    ['isVip', 'eq', true, ['anna']],
    ['isVip', 'eq', false, ['ben']],
    ['isVip', 'eq', 'true', ['carl']],
    ['isVip', 'ne', true, without('anna')],
    ['isVip', 'gte', true, ['anna']],
    ['likes', 'eq', 'tea', ['anna', 'ben', 'carl']],
    ['likes', 'eq', 7, ['anna']],
    ['likes', 'in', ['jazz', 'rock'], ['anna']],
    ['likes', 'nin', ['jazz'], without('anna')],
    ['likes', 'ne', 'tea', ['none', 'nothing']],
    ['likes', 'gte', 'a', ['carl']],
    ['since', 'gte', '2026-01-01', ['anna']],
    ['since', 'lte', '2026-01-01', ['ben']],
    ['since', 'between', ['2025-12-31', '2026-03-01'], ['anna', 'ben']],
  ])('%s %s %j', async (tag, op, value, expected) => {
    expect(await matching({ tag, op, ...(value === undefined ? {} : { value }) })).toEqual(expected)
  })
})

describe('a tag that the server keeps', () => {
  test.each<[string, Op, Comparison['value'], string[]]>([
    ['Language', 'eq', 'de', ['anna']],
    ['Country', 'eq', 'CH', ['anna']],
    ['Timezone', 'lte', -1, ['ben']],
    ['Application Version', 'set', undefined, ['anna']],
    ['Device Model', 'set', undefined, []],
    ['OS Version', 'unset', undefined, ALL],
    ['First Install', 'gte', '2000-01-01', ALL],
    ['Last Application Open', 'gte', '2000-01-01', ['anna']],
    ['Push Alerts Enabled', 'eq', true, ['anna']],
    ['Push Alerts Enabled', 'eq', false, ['ben']],
    ['Push Alerts Enabled', 'in', [true, false], ['anna', 'ben']],
    ['Push Alerts Enabled', 'ne', true, without('anna')],
    ['Push Alerts Enabled', 'unset', undefined, ['carl', 'none', 'nothing']],
  ])('%s %s %j', async (tag, op, value, expected) => {
    expect(await matching({ tag, op, ...(value === undefined ? {} : { value }) })).toEqual(expected)
  })

  test.each<[string, Scalar]>([
    ['Push Alerts Enabled', 1],
    ['Timezone', 'CET'],
    ['First Install', 'long ago'],
  ])('%s refuses a value of another type, with its name', (tag, value) => {
    expect(() => compileCondition({ tag, op: 'eq', value }, { firstParameter: 1, scope: SCOPE })).toThrow(
      `tag "${tag}" holds`,
    )
  })
})

describe('a field', () => {
  const past = '2000-01-01T00:00:00Z'
  const future = '2999-01-01T00:00:00+02:00'
  test.each<[NonNullable<Comparison['field']>, Op, Comparison['value'], string[]]>([
    ['hwid', 'eq', 'anna', ['anna']],
    ['hwid', 'in', ['anna', 'nobody', 'ben'], ['anna', 'ben']],
    ['hwid', 'gte', 'c', ['carl', 'none', 'nothing']],
    ['userId', 'set', undefined, ['anna', 'ben']],
    ['userId', 'unset', undefined, ['carl', 'none', 'nothing']],
    ['userId', 'eq', 'u1', ['anna']],
    ['userId', 'ne', 'u1', without('anna')],
    ['userId', 'nin', ['u1', 'u2'], ['carl', 'none', 'nothing']],
    ['platform', 'eq', 'ios', ['anna']],
    ['platform', 'in', ['android', 'web'], ['ben', 'carl']],
    ['platform', 'ne', 'ios', without('anna')],
    ['language', 'eq', 'de', ['anna']],
    ['language', 'eq', 'DE', ['anna']],
    ['language', 'nin', ['De', 'EN_us'], without('anna')],
    ['appVersion', 'eq', '2.0', ['anna']],
    ['osVersion', 'set', undefined, []],
    ['deviceModel', 'unset', undefined, ALL],
    ['timezoneSeconds', 'eq', 3600, ['anna']],
    ['timezoneSeconds', 'gte', -18_000, ['anna', 'ben']],
    ['timezoneSeconds', 'lte', -1, ['ben']],
    ['timezoneSeconds', 'between', [0, 7200], ['anna']],
    ['timezoneSeconds', 'in', [3600, 1], ['anna']],
    ['timezoneSeconds', 'nin', [3600], without('anna')],
    ['timezoneSeconds', 'between', ['UTC-05:00', 'UTC+00:30'], ['ben']],
    ['timezoneSeconds', 'in', ['UTC+01:00'], ['anna']],
    ['firstSeenAt', 'gte', past, ALL],
    ['firstSeenAt', 'gte', future, []],
    ['lastSeenAt', 'between', [past, future], ALL],
    ['lastOpenAt', 'set', undefined, ['anna']],
    ['lastOpenAt', 'lte', future, ['anna']],
    ['lastOpenAt', 'nin', [past, future], ALL],
    ['permission', 'eq', 'granted', ['anna']],
    ['permission', 'unset', undefined, ['carl', 'none', 'nothing']],
    ['country', 'in', ['CH', 'DE'], ['anna']],
    ['country', 'unset', undefined, without('anna')],
  ])('%s %s %j', async (field, op, value, expected) => {
    expect(await matching({ field, op, ...(value === undefined ? {} : { value }) })).toEqual(expected)
  })

  test('of time is compared to the millisecond, in any zone', async () => {
    expect(await matching({ field: 'lastOpenAt', op: 'eq', value: openedAt })).toEqual(['anna'])
    expect(await matching({ field: 'lastOpenAt', op: 'in', value: [past, openedAt] })).toEqual(['anna'])
    const later = new Date(Date.parse(openedAt) + 1).toISOString()
    expect(await matching({ field: 'lastOpenAt', op: 'gte', value: later })).toEqual([])
  })
})

describe('versions', () => {
  const VERSIONS: Readonly<Record<string, string>> = {
    v9: '2.9',
    v10: '2.10',
    v10long: '2.10.0.0',
    candidate: '2.10.1-rc1',
    big: '10.0.19045.3448',
    word: 'nightly',
    empty: '.',
    endless: `1.${'9'.repeat(40)}`,
  }
  let versions: Access
  beforeAll(async () => {
    versions = await server.createApp()
    const types = { build: 'version', seen: 'date', vip: 'boolean', points: 'integer' }
    for (const [tag, type] of Object.entries(types))
      await server.rest('PUT', `/v1/apps/${versions.app}/tags/${tag}`, { type })
    for (const [hwid, app_version] of Object.entries(VERSIONS))
      await server.device(versions, 'setTags', {
        hwid,
        app_version: app_version.slice(0, 64),
        tags: { plain: 1 },
      })
    await server.device(versions, 'setTags', {
      hwid: 'v9',
      tags: { build: '2.9', seen: '2026-03-01 10:00', vip: 1, points: '7' },
    })
    await server.device(versions, 'setTags', {
      hwid: 'v10',
      tags: { build: '2.10.0', seen: '2026-03-01', vip: 'false', points: 30 },
    })
  })

  /** As a message asks: accepted with the types of the app, or refused. */
  async function named(condition: Condition): Promise<string[]> {
    const { rows: apps } = await server.db.query<{ id: number }>('select id from app where code = $1', [
      versions.app,
    ])
    const appId = apps[0]?.id as number
    const scope = await readScope(server.db, { appId, condition, at: server.clock.now() })
    const { sql, values } = compileCondition(condition, { firstParameter: 2, scope })
    const { rows } = await server.db.query<{ hwid: string; isMatch: boolean | null }>(
      `select d.hwid, (${sql}) as "isMatch" from device d where d.app_id = $1 order by 1`,
      [appId, ...values],
    )
    expect(rows.map(row => row.isMatch)).not.toContain(null)
    return rows.filter(row => row.isMatch).map(row => row.hwid)
  }

  test.each<[Op, Comparison['value'], string[]]>([
    ['gte', '2.10', ['big', 'candidate', 'v10', 'v10long']],
    ['lte', '2.9.0', ['endless', 'v9']],
    ['between', ['2.9', '2.10'], ['v10', 'v10long', 'v9']],
    ['eq', '2.10', ['v10', 'v10long']],
    ['eq', '02.010.0', ['v10', 'v10long']],
    ['ne', '2.10', ['big', 'candidate', 'empty', 'endless', 'v9', 'word']],
    ['in', ['2.9', 'nightly'], ['v9', 'word']],
    ['nin', ['2.9', '2.10', '10.0.19045.3448'], ['candidate', 'empty', 'endless', 'word']],
    ['gte', 10, ['big']],
  ])('of apps and systems compare number by number: %s %j', async (op, value, expected) => {
    expect(await named({ tag: 'Application Version', op, value: value as string })).toEqual(expected)
    expect(await named({ field: 'appVersion', op, value: value as string })).toEqual(expected)
  })

  test.each<[Scalar]>([['nightly'], [2.1], [true], ['']])('are not ordered by %j', value => {
    const condition: Condition = { field: 'osVersion', op: 'gte', value }
    expect(() => compileCondition(condition, { firstParameter: 1, scope: SCOPE })).toThrow(
      'field "osVersion" holds a version',
    )
  })

  test.each<[string, Op, Comparison['value'], string[]]>([
    ['build', 'gte', '2.10', ['v10']],
    ['build', 'lte', '2.9', ['v9']],
    ['build', 'eq', '2.10', ['v10']],
    ['build', 'set', undefined, ['v10', 'v9']],
    ['seen', 'eq', '2026-03-01', ['v10']],
    ['seen', 'lte', '2026-03-01', ['v10']],
    ['seen', 'gte', '2026-03-01T12:00+02:00', ['v9']],
    ['seen', 'eq', 1772359200, ['v9']],
    ['vip', 'eq', true, ['v9']],
    ['vip', 'in', [0, 'false'], ['v10']],
    ['points', 'gte', '8', ['v10']],
    ['points', 'eq', 7, ['v9']],
  ])(
    'and other types of a defined tag are read as their type: %s %s %j',
    async (tag, op, value, expected) => {
      expect(await named({ tag, op, ...(value === undefined ? {} : { value }) })).toEqual(expected)
    },
  )

  test.each<[Comparison, string]>([
    [{ field: 'appVersion', op: 'eq', value: 2.1 }, 'field "appVersion"'],
    [{ field: 'appVersion', op: 'nin', value: ['2.1', 2.5] }, 'field "appVersion"'],
    [{ tag: 'OS Version', op: 'ne', value: 10.1 }, 'tag "OS Version"'],
    [{ tag: 'build', op: 'gte', value: 2.1 }, 'tag "build"'],
    [{ tag: 'build', op: 'in', value: [2.1] }, 'tag "build"'],
  ])('a number with a point is refused, since 2.10 would be 2.1: %j', async (condition, name) => {
    const { status, body } = await server.rest('POST', `/v1/apps/${versions.app}/segments`, {
      name: JSON.stringify(condition),
      condition,
    })
    expect([status, body.code]).toEqual([400, 'condition_invalid'])
    expect(body.detail).toContain(`${name} holds a version, in quotes like "2.10.1", not `)
  })

  test('a value that is none of its tag is refused with the type, when the message is made', async () => {
    const make = (value: Scalar) =>
      server.rest('POST', `/v1/apps/${versions.app}/messages`, {
        to: { condition: { tag: 'build', op: 'gte', value } },
        content: { title: 'Hello' },
      })
    const refused = await make('latest')
    expect(refused).toMatchObject({ status: 400, body: { code: 'condition_invalid' } })
    expect(refused.body.detail).toContain('tag "build" is of type version')
    expect((await make('2.1')).status).toBe(202)
  })

  test('a message whose tag got another type since is sent to those that still compare', async () => {
    const types: TagTypes = new Map([['plain', 'version']])
    const scope: ConditionScope = { types, at: 0 }
    const condition: Condition = {
      or: [
        {
          and: [
            { tag: 'plain', op: 'gte', value: true },
            { tag: 'plain', op: 'set' },
          ],
        },
        { field: 'hwid', op: 'eq', value: 'word' },
      ],
    }
    expect(() => compileCondition(condition, { firstParameter: 2, scope })).toThrow('condition.or[0].and[0]')
    const { sql, values } = compileAccepted(condition, { firstParameter: 1, scope })
    const { rows } = await server.db.query<{ hwid: string }>(`select hwid from device d where ${sql}`, values)
    expect(rows).toEqual([{ hwid: 'word' }])
  })
})

test('a message to all but those on a plan still leaves them out when the tag has got another type since', async () => {
  const access = await server.createApp()
  for (const [hwid, plan] of Object.entries({ free: 'free', paid: 'paid', none: undefined, later: 7 }))
    await server.device(access, 'setTags', { hwid, tags: plan === undefined ? {} : { plan } })
  const types: TagTypes = new Map([['plan', 'integer']])
  const found = async (condition: Condition) => {
    const { sql, values } = compileAccepted(condition, { firstParameter: 2, scope: { types, at: 0 } })
    const { rows } = await server.db.query<{ hwid: string }>(
      `select d.hwid from device d where d.app_id = (select id from app where code = $1) and ${sql} order by 1`,
      [access.app, ...values],
    )
    return rows.map(it => it.hwid)
  }
  const isFree: Condition = { tag: 'plan', op: 'eq', value: 'free' }
  expect(() => compileCondition(isFree, { firstParameter: 2, scope: { types, at: 0 } })).toThrow(
    'of type integer',
  )
  expect(await found(isFree)).toEqual(['free'])
  expect(await found({ not: isFree })).toEqual(['later', 'none', 'paid'])
  expect(await found({ tag: 'plan', op: 'ne', value: 'free' })).toEqual(['later', 'none', 'paid'])
  expect(await found({ tag: 'plan', op: 'nin', value: ['free', 7] })).toEqual(['none', 'paid'])
})

describe('segments in segments', () => {
  const [a, b, c] = ['a', 'b', 'c'] as const
  const scope: ConditionScope = {
    types: new Map(),
    at: 0,
    segments: new Map([
      [a, { condition: { or: [{ segment: b }, { field: 'hwid', op: 'eq', value: 'anna' }] } }],
      [b, { condition: { and: [{ segment: c }, { tag: 'tier', op: 'set' }] } }],
      [c, { condition: { not: { segment: a } } }],
    ]),
  }

  test('that lead back to themselves are refused with their way', () => {
    expect(() => compileCondition({ segment: b }, { firstParameter: 1, scope })).toThrow(
      'condition: segment b.and[0]: segment c.not: segment a.or[0]: segment b would ask for itself: b → c → a → b',
    )
  })

  test.each<[string, Condition, string[]]>([
    ['is sent to nobody because of them', { segment: b }, []],
    ['is sent to those alone whom they can not leave out', { not: { segment: b } }, ['none', 'nothing']],
    [
      'or whose segment is gone, is sent to the others alone',
      { or: [{ segment: 'x' }, { tag: 'tier', op: 'eq', value: 5 }] },
      ['carl'],
    ],
    [
      'or who is left out by one that is gone',
      { and: [{ not: { segment: 'x' } }, { field: 'hwid', op: 'set' }] },
      [],
    ],
    ['or by a list that is gone', { and: [{ not: { list: 'x' } }, { field: 'hwid', op: 'set' }] }, []],
  ])('a message whose segments were changed so since %s', async (_, condition, expected) => {
    const { sql, values } = compileAccepted(condition, { firstParameter: 2, scope })
    const { rows } = await server.db.query<{ hwid: string }>(
      `select hwid from device d where d.app_id = (select id from app where code = $1) and ${sql} order by 1`,
      [app.app, ...values],
    )
    expect(rows.map(it => it.hwid)).toEqual(expected)
  })
})

test('and, or and not combine, and not is the exact opposite, also where nothing is set', async () => {
  const gold: Condition = { tag: 'tier', op: 'eq', value: 'gold' }
  const tea: Condition = { tag: 'likes', op: 'eq', value: 'tea' }
  const named: Condition = { field: 'userId', op: 'set' }
  expect(await matching({ and: [tea, named] })).toEqual(['anna', 'ben'])
  expect(await matching({ or: [gold, { field: 'platform', op: 'eq', value: 'web' }] })).toEqual([
    'anna',
    'carl',
  ])
  expect(await matching({ not: gold })).toEqual(without('anna'))
  expect(await matching({ and: [{ not: { and: [tea, named] } }, { or: [tea, named] }] })).toEqual(['carl'])
  for (const op of ['gte', 'lte', 'eq'] as const) {
    const older: Condition = { tag: 'age', op, value: 30 }
    const [yes, no] = [await matching(older), await matching({ not: older })]
    expect([...yes, ...no].sort()).toEqual(ALL)
  }
})

test('a list of ten thousand values is one parameter', async () => {
  const value = Array.from({ length: 10_000 }, (_, i) => `value-${i}`)
  const conditions: Condition[] = Array.from({ length: 10 }, () => ({
    tag: 'tier',
    op: 'nin' as const,
    value,
  }))
  expect(await matching({ and: conditions })).toEqual(ALL)
})

describe('what looks like SQL stays a value', () => {
  const NASTY = [
    "' or true --",
    "'; drop table device; --",
    '$1',
    '"',
    "\\'",
    'a") or (d.hwid <> ("',
    '{"a": 1}',
    '%',
    "E'\\x27'",
    ') or (1=1',
  ]

  test.each(NASTY)('%s as the name of a tag, and as a value', async nasty => {
    expect(await matching({ tag: nasty, op: 'set' })).toEqual([])
    for (const op of ['eq', 'gte', 'lte'] as const)
      expect(await matching({ tag: nasty, op, value: nasty })).toEqual([])
    expect(await matching({ field: 'userId', op: 'eq', value: nasty })).toEqual([])
    expect(await matching({ field: 'userId', op: 'ne', value: nasty })).toEqual(ALL)
    expect(await matching({ field: 'userId', op: 'in', value: [nasty] })).toEqual([])
    expect(await matching({ tag: 'tier', op: 'in', value: [nasty] })).toEqual([])
    await server.device(app, 'setTags', { hwid: 'none', tags: { [nasty]: nasty } })
    expect(await matching({ tag: nasty, op: 'eq', value: nasty })).toEqual(['none'])
    expect(await matching({ tag: nasty, op: 'in', value: ['x', nasty] })).toEqual(['none'])
    await server.device(app, 'setTags', { hwid: 'none', tags: { [nasty]: null } })
    expect(await matching({ tag: nasty, op: 'set' })).toEqual([])
  })
})

describe('a condition that can not be asked is refused at the message, with its place', () => {
  const deep = (depth: number): unknown => {
    let condition: unknown = { tag: 'a', op: 'set' }
    for (let i = 0; i < depth; i++) condition = { not: condition }
    return condition
  }
  test.each<[string, unknown, string, string]>([
    [
      'a list where one value is needed',
      { tag: 'a', op: 'eq', value: [1] },
      'condition_invalid',
      'condition: "eq"',
    ],
    ['no value', { tag: 'a', op: 'gte' }, 'condition_invalid', 'condition: "gte"'],
    [
      'one value where a list is needed',
      { tag: 'a', op: 'in', value: 1 },
      'condition_invalid',
      'condition: "in"',
    ],
    [
      'three values between',
      { tag: 'a', op: 'between', value: [1, 2, 3] },
      'condition_invalid',
      'two values',
    ],
    ['one value between', { field: 'hwid', op: 'between', value: ['a'] }, 'condition_invalid', 'two values'],
    [
      'a fault deep inside',
      { and: [{ tag: 'a', op: 'set' }, { or: [{ not: { field: 'language', op: 'eq', value: 7 } }] }] },
      'condition_invalid',
      'condition.and[1].or[0].not: field "language" holds text, not 7',
    ],
    [
      'text for a number',
      { field: 'timezoneSeconds', op: 'eq', value: '3600' },
      'condition_invalid',
      'seconds, or text like "UTC+05:30"',
    ],
    [
      'a fraction for a whole number',
      { field: 'timezoneSeconds', op: 'eq', value: 0.5 },
      'condition_invalid',
      '0.5',
    ],
    [
      'a number that no column holds',
      { field: 'timezoneSeconds', op: 'lte', value: 3_000_000_000 },
      'condition_invalid',
      'condition: field "timezoneSeconds"',
    ],
    [
      'a word for a time',
      { field: 'lastSeenAt', op: 'gte', value: 'yesterday' },
      'condition_invalid',
      'a time like',
    ],
    [
      'a bare number for a time',
      { field: 'lastSeenAt', op: 'gte', value: '7' },
      'condition_invalid',
      'a time like',
    ],
    [
      'a time before all times',
      { field: 'lastSeenAt', op: 'gte', value: '-200000-01-01T00:00:00Z' },
      'condition_invalid',
      'a time like',
    ],
    [
      'a day that no month has',
      { field: 'lastSeenAt', op: 'in', value: ['2026-13-01'] },
      'condition_invalid',
      'a time',
    ],
    ['13 levels', deep(13), 'condition_invalid', 'nested deeper than 12'],
    [
      'a slip deep inside, with what is allowed there alone',
      { and: [{ tag: 'a', op: 'set' }, { not: { event: 'Buy', atLeast: 0 } }] },
      'input_invalid',
      'atLeast',
    ],
    [
      'a day that lies ahead',
      { field: 'lastOpenAt', op: 'eq', value: { daysAgo: -1 } },
      'input_invalid',
      'value',
    ],
    [
      'days of what is no time',
      { field: 'language', op: 'eq', value: { daysAgo: 1 } },
      'condition_invalid',
      'condition: field "language" is no time',
    ],
    [
      'days the wrong way round',
      { field: 'lastOpenAt', op: 'between', value: [{ daysAgo: 1 }, { daysAgo: 30 }] },
      'condition_invalid',
      '"between" begins with the earlier day: [{"daysAgo":30},{"daysAgo":1}]',
    ],
    [
      'a platform that there is not',
      { not: { field: 'platform', op: 'eq', value: 'symbian' } },
      'condition_invalid',
      'condition.not: field "platform" is one of ios, macos, android, huawei, web, not "symbian"',
    ],
    [
      'a permission that there is not',
      { field: 'permission', op: 'in', value: ['granted', 'yes'] },
      'condition_invalid',
      'field "permission" is one of granted, provisional, ephemeral, denied, not_determined, not "yes"',
    ],
    [
      'an empty list, of which everybody is outside',
      { tag: 'a', op: 'nin', value: [] },
      'condition_invalid',
      'condition: "nin" needs a list with at least one value',
    ],
    [
      'an empty list that nobody is in',
      { field: 'appVersion', op: 'in', value: [] },
      'condition_invalid',
      '"in" needs a list with at least one value',
    ],
    [
      'numbers upside down',
      { tag: 'a', op: 'between', value: [30, 18] },
      'condition_invalid',
      '"between" begins with the smaller value: [18,30]',
    ],
    [
      'versions upside down',
      { field: 'appVersion', op: 'between', value: ['2.10', '2.9'] },
      'condition_invalid',
      '"between" begins with the smaller value: ["2.9","2.10"]',
    ],
    [
      'times upside down',
      { field: 'lastOpenAt', op: 'between', value: ['2026-03-01', '2026-02-01T00:00:00Z'] },
      'condition_invalid',
      '"between" begins with the smaller value',
    ],
    [
      'a state that no device is in',
      { field: 'push', op: 'eq', value: 'alive' },
      'condition_invalid',
      'field "push" is one of reachable, no_permission',
    ],
    [
      'events of more days than are kept',
      { event: 'Buy', atLeast: 2, withinDays: 91 },
      'condition_invalid',
      'at most 90',
    ],
    [
      'a segment of nobody',
      { not: { segment: '0199c0de-0000-7000-8000-000000000000' } },
      'condition_invalid',
      'condition.not: segment 0199c0de',
    ],
    ['an unknown operator', { tag: 'a', op: 'like', value: 'x' }, 'input_invalid', 'condition'],
    ['an unknown field', { field: 'password', op: 'set' }, 'input_invalid', 'condition'],
    ['a tag and a field', { tag: 'a', field: 'hwid', op: 'set' }, 'input_invalid', 'condition'],
    ['neither', { op: 'set' }, 'input_invalid', 'condition'],
    ['nothing to combine', { and: [] }, 'input_invalid', 'condition'],
    ['an object as a value', { tag: 'a', op: 'eq', value: { b: 1 } }, 'input_invalid', 'condition'],
    [
      'more values than one query takes',
      { or: rows(100, () => ({ and: rows(100, () => ({ tag: 'a', op: 'between', value: [1, 2] })) })) },
      'condition_invalid',
      'too large',
    ],
  ])('%s', async (_what, condition, code, place) => {
    const answer = await server.rest('POST', `/v1/apps/${app.app}/messages`, {
      to: { condition },
      content: { title: 'Hello' },
    })
    expect(answer).toMatchObject({ status: 400, body: { code } })
    expect(answer.body.detail).toContain(place)
  })

  test('twelve levels can be asked', async () => {
    expect(await matching(deep(12) as Condition)).toEqual([])
  })
})

function rows<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make)
}

test('every kind of value that passes the compiler passes the database', async () => {
  const values: Scalar[] = [
    '',
    ' ',
    'ü'.repeat(1024),
    0,
    -0,
    1e308,
    5e-324,
    -1,
    0.1,
    true,
    false,
    '\u0001',
    '😀',
  ]
  for (const value of values) {
    for (const op of ['eq', 'ne', 'gte', 'lte'] as const) await matching({ tag: 'age', op, value })
    await matching({ tag: 'age', op: 'in', value: [value, value] })
    if (typeof value === 'string') await matching({ field: 'hwid', op: 'in', value: [value] })
  }
})
