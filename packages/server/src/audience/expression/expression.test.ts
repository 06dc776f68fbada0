import {
  type Condition,
  conditionSchema,
  DEVICE_FIELDS,
  EXPRESSION_FAULTS,
  FIELD_FAULTS,
  type FieldFault,
  type Operand,
  PLATFORMS,
  PushError,
} from '@roost/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readConditionArrays } from './arrays.ts'
import { parseExpression } from './parse.ts'
import { printExpression } from './print.ts'

const app = 'AAAAA-BBBBB'
const parse = (text: string) => parseExpression(text, { app })
const print = (condition: Condition) => printExpression(condition, { app })
const lastOpen = 'Last Application Open'
const gold: Condition = { tag: 'tier', op: 'eq', value: 'gold' }
const vip: Condition = { tag: 'vip', op: 'eq', value: true }
const old: Condition = { tag: lastOpen, op: 'lte', value: { daysAgo: 90 } }

describe('an expression is read into a condition', () => {
  test.each<[string, Condition]>([
    ['A("AAAAA-BBBBB")', { field: 'hwid', op: 'set' }],
    ['a( "aaaaa-bbbbb" )', { field: 'hwid', op: 'set' }],
    [
      'A("AAAAA-BBBBB", ["iOS", 3, "web"])',
      { field: 'platform', op: 'in', value: ['ios', 'android', 'web'] },
    ],
    ['A("AAAAA-BBBBB", [10, 11])', { field: 'platform', op: 'in', value: ['web'] }],
    ['A("AAAAA-BBBBB", [], true)', { field: 'push', op: 'in', value: ['reachable', 'no_permission'] }],
    [
      'A("AAAAA-BBBBB", [1], 1)',
      {
        and: [
          { field: 'platform', op: 'in', value: ['ios'] },
          { field: 'push', op: 'in', value: ['reachable', 'no_permission'] },
        ],
      },
    ],
    ['T("tier", eq, "gold")', gold],
    ['T("tier", EQ, \'gold\')', gold],
    ['AT("AAAAA-BBBBB","tier",Eq,"gold")', gold],
    ['T("tier", NOTEQ, "gold")', { tag: 'tier', op: 'ne', value: 'gold' }],
    ['T("age", in, [1, 2.5, -3e2])', { tag: 'age', op: 'in', value: [1, 2.5, -300] }],
    ['T("age", between, [18, 30])', { tag: 'age', op: 'between', value: [18, 30] }],
    ['T("vip", eq, TRUE)', vip],
    ['T("tier", set)', { tag: 'tier', op: 'set' }],
    ['T("tier", NOTSET)', { tag: 'tier', op: 'unset' }],
    ['T("a\\"b\\\\c", eq, "d\\ne")', { tag: 'a"b\\c', op: 'eq', value: 'dne' }],
    ['F("appVersion", gte, "2.10")', { field: 'appVersion', op: 'gte', value: '2.10' }],
    ['f(ISVISITOR, eq, true)', { field: 'isVisitor', op: 'eq', value: true }],
    ['Event("Buy")', { event: 'Buy' }],
    ['Event("Buy", atLeast 3, withinDays 30)', { event: 'Buy', atLeast: 3, withinDays: 30 }],
    ['event("Buy", withindays 30)', { event: 'Buy', withinDays: 30 }],
    ['Message("any", opened)', { message: 'any', was: 'opened' }],
    ['Message("ANY", received, withinDays 7)', { message: 'any', was: 'received', withinDays: 7 }],
    ['T("a", set) * T("b", set) * T("c", set)', { and: ['a', 'b', 'c'].map(tag => ({ tag, op: 'set' })) }],
    ['T("a", set)+T("b", set)', { or: ['a', 'b'].map(tag => ({ tag, op: 'set' })) }],
    ['T("tier", eq, "gold") \\ T("vip", eq, true)', { and: [gold, { not: vip }] }],
    [
      'T("tier",eq,"gold") * T("tier",eq,"gold") \\ T("vip",eq,true) \\ Event("Buy")',
      { and: [gold, gold, { not: vip }, { not: { event: 'Buy' } }] },
    ],
    ['A("AAAAA-BBBBB") \\ T("vip", eq, true)', { not: vip }],
    [
      '(A("AAAAA-BBBBB") * T("vip", eq, true)) + (T("tier", eq, "gold") \\ (Event("x") + Event("y")))',
      {
        or: [
          { and: [{ field: 'hwid', op: 'set' }, vip] },
          { and: [gold, { not: { or: [{ event: 'x' }, { event: 'y' }] } }] },
        ],
      },
    ],
  ])('%s', (text, condition) => {
    expect(parse(text)).toEqual(condition)
    expect(parse(print(condition))).toEqual(condition)
    expect(conditionSchema.parse(condition)).toEqual(condition)
  })
})

describe('days ago are compared by their number, as the compatible protocol does', () => {
  test.each<[string, Condition]>([
    [`AT("AAAAA-BBBBB","${lastOpen}",daysago,gt,3)`, { tag: lastOpen, op: 'lte', value: { daysAgo: 4 } }],
    [`T("${lastOpen}", DAYSAGO, GTE, 90)`, old],
    [`T("${lastOpen}", GTE, "90 days ago")`, old],
    [`T("${lastOpen}", LTE, "7 Days Ago")`, { tag: lastOpen, op: 'gte', value: { daysAgo: 7 } }],
    [`T("${lastOpen}", daysago, lt, 7)`, { tag: lastOpen, op: 'gte', value: { daysAgo: 6 } }],
    [`T("${lastOpen}", daysago, eq, 0)`, { tag: lastOpen, op: 'eq', value: { daysAgo: 0 } }],
    [`T("${lastOpen}", EQ, "1 day ago")`, { tag: lastOpen, op: 'eq', value: { daysAgo: 1 } }],
    [
      `T("${lastOpen}", BETWEEN, ["7 days ago", "30 days ago"])`,
      { tag: lastOpen, op: 'between', value: [{ daysAgo: 30 }, { daysAgo: 7 }] },
    ],
    [
      `T("${lastOpen}", daysago, between, [7, 30])`,
      { tag: lastOpen, op: 'between', value: [{ daysAgo: 30 }, { daysAgo: 7 }] },
    ],
    [
      `T("${lastOpen}", BETWEEN, ["2026-01-01 00:00", "3 days ago"])`,
      { tag: lastOpen, op: 'between', value: ['2026-01-01 00:00', { daysAgo: 3 }] },
    ],
    [
      `T("${lastOpen}", daysago, notin, [1, 2])`,
      { tag: lastOpen, op: 'nin', value: [{ daysAgo: 1 }, { daysAgo: 2 }] },
    ],
    ['T("note", eq, "\\3 days ago")', { tag: 'note', op: 'eq', value: '3 days ago' }],
  ])('%s', (text, condition) => {
    expect(parse(text)).toEqual(condition)
    expect(parse(print(condition))).toEqual(condition)
  })
})

const faultsOf = (text: string, segmentNamed?: () => undefined): readonly FieldFault[] => {
  try {
    parseExpression(text, { app, ...(segmentNamed && { segmentNamed }) })
  } catch (error) {
    if (error instanceof PushError) return error.faults
    throw error
  }
  return []
}

const REFUSED: readonly [text: string, problem: string][] = [
  ['', 'character 1: expected A, T, AT, F, Event, Message, Segment, List or a parenthesis, found the end'],
  ['  Q("x")', 'character 3: expected A, T, AT'],
  ['constructor("x")', 'character 1: expected A, T, AT'],
  ['T("a" eq, 1)', 'character 7: expected ",", found "eq"'],
  ['T("a", like, 1)', 'character 8: expected an operator (eq, noteq, in, notin, gte'],
  ['T("a", gt, 1)', 'character 8: expected an operator'],
  ['T(a, eq, 1)', 'character 3: expected the name of a tag in quotes, found "a"'],
  ['T("a", eq, gold)', 'character 12: expected text in quotes, a number, true or false, found "gold"'],
  ['T("a", eq, [1])', 'character 12: expected text in quotes'],
  ['T("a", in, 1)', 'character 12: expected "[", found "1"'],
  ['T("a", between, [1])', 'character 17: expected a list of two'],
  ['T("a", in, [1, 2)', 'character 17: expected a comma or "]", found ")"'],
  ['T("a", eq, 1, 2)', 'character 13: expected no more than that and ")", found ","'],
  ['T("a", eq, "gold', 'character 12: the text that begins here has no closing quote'],
  ['T("a", eq, 1e999)', 'character 12: 1e999 is larger than any number'],
  ['T("a", daysago, ne, 1)', 'character 17: expected an operator for days (eq, noteq'],
  ['T("a", daysago, gte, -1)', 'character 22: expected a whole number'],
  ['T("a", daysago, lt, 0)', 'character 21: nothing is less than 0 days ago'],
  ['F("password", set)', 'character 3: expected a field (hwid, userId'],
  ['A("CCCCC-DDDDD")', 'character 3: "CCCCC-DDDDD" is another application'],
  ['A("AAAAA-BBBBB", [99])', 'character 19: expected a platform (ios, macos, android, huawei, web, 1, 3'],
  ['A("AAAAA-BBBBB", [1], maybe)', 'character 23: expected true or false'],
  ['G("group")', 'character 1: there are no groups'],
  ['Updated("x")', 'character 1: Updated(…) is documented without'],
  ['Event("Buy", atLeast 1, atLeast 2)', 'character 25: atLeast stands here twice'],
  ['Event("Buy", withinDays 1.5)', 'character 25: expected a whole number'],
  ['Message("any", clicked)', 'character 16: expected what became of it (accepted, received, opened)'],
  ['(T("a", set)', 'character 13: expected *, +, \\ or ")", found the end'],
  ['T("a", set) T("b", set)', 'character 13: expected *, +, \\ or the end, found "T"'],
  ['T("a", set) & T("b", set)', 'character 13: "&" has no meaning here'],
  ['T("a",set) * T("b",set) + T("c",set)', 'character 25: "+" after "*" can be read in two ways'],
  ['T("a",set) \\ T("b",set) * T("c",set)', 'character 25: "*" after "\\" can be read in two ways'],
  ['T("a",set) + T("b",set) \\ T("c",set)', 'character 25: "\\" after "+" can be read in two ways'],
  [`${'('.repeat(51)}A("AAAAA-BBBBB")`, 'character 51: nested deeper than 50'],
  [
    'T("a", set) * Segment("gold")',
    'expression, character 23: a segment is named by its id, a UUID, not "gold"',
  ],
  ['List("vip")', 'expression, character 6: a list is named by its id, a UUID, not "vip"'],
  [
    'Message("7", opened)',
    'expression, character 9: a message is named by its id, a UUID, or is "any", not "7"',
  ],
  [
    'T("a", set) * Event("Buy", atLeast 0)',
    'expression, character 15: Event(…): atLeast: it must be at least 1',
  ],
  ['T("a", eq, "3 days ago") * T("", set)', 'expression, character 28: T(…): tag: it must not be empty'],
  ['T("a", notin, [])', 'expression, character 15: expected a list with at least one value, found []'],
  ['T("a", daysago, in, [])', 'expression, character 21: expected a list with at least one value'],
]

describe('what can not be read is refused with its place and with what is allowed there', () => {
  test.each(REFUSED)('%s', (text, problem) => {
    expect(() => parse(text)).toThrow(problem)
  })

  test('each kind of fault has its code with its values, by which others say it in their language', () => {
    const faults = [
      ...REFUSED.flatMap(([text]) => faultsOf(text)),
      ...faultsOf('Segment("Silver")', () => undefined),
    ]
    const codes = new Set(faults.map(it => it.code))
    for (const code of Object.keys(EXPRESSION_FAULTS)) expect(codes).toContain(code)
    for (const { code, place, values } of faults) {
      const names = FIELD_FAULTS[code as keyof typeof FIELD_FAULTS]
      expect([code, place]).toEqual([code, 'body/expression'])
      expect([code, Object.keys(values).sort()]).toEqual([code, [...names, 'character'].sort()])
    }
    expect(codes).not.toContain('other')
  })

  test('and so is a text of any other kind, whatever it is', () => {
    const words = [
      'T',
      'A',
      '(',
      ')',
      '[',
      ']',
      ',',
      '"',
      '\\',
      '*',
      '+',
      '"a"',
      'eq',
      '1',
      '-',
      ' ',
      'daysago',
      'é',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 30 }), parts => {
        try {
          parse(parts.join(''))
        } catch (error) {
          expect((error as { code?: string }).code).toBe('condition_invalid')
        }
      }),
      { numRuns: 2000 },
    )
  })
})

const word = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
  fc.constantFrom(
    '3 days ago',
    '1 Day ago',
    ' 3 days ago',
    '"',
    '\\',
    "'",
    'a\nb',
    '2026-01-01',
    'true',
    '7',
  ),
)
const scalar = fc.oneof(
  word,
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(it => it + 0),
  fc.integer(),
)
const days = fc.integer({ min: 0, max: 36_500 }).map(daysAgo => ({ daysAgo }))
const operand: fc.Arbitrary<Operand> = fc.oneof(scalar, days)
const subject = fc.oneof(
  word.map(tag => ({ tag })),
  fc.constantFrom(...DEVICE_FIELDS).map(field => ({ field })),
)
const betweenDays = fc.tuple(days, days).map(([a, b]) => (a.daysAgo < b.daysAgo ? [b, a] : [a, b]))
const comparison: fc.Arbitrary<Condition> = fc
  .tuple(
    subject,
    fc.oneof(
      fc.constantFrom('set', 'unset').map(op => ({ op })),
      fc.tuple(fc.constantFrom('eq', 'ne', 'gte', 'lte'), operand).map(([op, value]) => ({ op, value })),
      fc
        .tuple(fc.constantFrom('in', 'nin'), fc.array(operand, { minLength: 1, maxLength: 4 }))
        .map(([op, value]) => ({ op, value })),
      fc.oneof(betweenDays, fc.tuple(scalar, operand)).map(value => ({ op: 'between', value })),
    ),
  )
  .map(([it, rest]) => ({ ...it, ...rest }) as Condition)
const limit = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: undefined })
const others: fc.Arbitrary<Condition> = fc.oneof(
  fc
    .tuple(word, limit(1_000_000), limit(365))
    .map(([event, atLeast, withinDays]) => clean({ event, atLeast, withinDays })),
  fc
    .tuple(
      fc.oneof(fc.constant('any'), fc.uuid()),
      fc.constantFrom('accepted' as const, 'received' as const, 'opened' as const),
      limit(365),
    )
    .map(([message, was, withinDays]) => clean({ message, was, withinDays })),
  fc.uuid().map(segment => ({ segment })),
  fc.uuid().map(list => ({ list })),
  fc.constant({ field: 'hwid', op: 'set' } as const),
  fc.constant({ field: 'push', op: 'in', value: ['reachable', 'no_permission'] } as const),
  fc
    .uniqueArray(fc.constantFrom(...PLATFORMS), { minLength: 1 })
    .map(value => ({ field: 'platform', op: 'in', value }) as const),
)

function clean<T extends object>(condition: T): T {
  return Object.fromEntries(Object.entries(condition).filter(([, value]) => value !== undefined)) as T
}

const { condition } = fc.letrec<{ condition: Condition }>(tie => ({
  condition: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'condition' },
    fc.oneof(comparison, others),
    fc.array(tie('condition'), { minLength: 2, maxLength: 4 }).map(and => ({ and })),
    fc.array(tie('condition'), { minLength: 2, maxLength: 4 }).map(or => ({ or })),
    tie('condition').map(not => ({ not })),
  ),
}))

/** Three seconds alone, and several times as long beside others. */
const MANY_RUNS = { timeout: 60_000 }

test('whatever a condition says, its expression is read back as the same', MANY_RUNS, () => {
  fc.assert(
    fc.property(condition, it => {
      expect(parse(print(it))).toEqual(it)
    }),
    { numRuns: 3000 },
  )
})

test('a segment may be named by what it is called, where that is known', () => {
  const id = '0199c0de-0000-7000-8000-000000000003'
  const options = { app, segmentNamed: (name: string) => (name === 'Gold' ? id : undefined) }
  expect(parseExpression('Segment("Gold")', options)).toEqual({ segment: id })
  expect(parseExpression(`Segment("${id.toUpperCase()}")`, options)).toEqual({ segment: id })
  expect(() => parseExpression('Segment("Silver")', options)).toThrow(
    'expression, character 9: this app has no segment "Silver"',
  )
})

describe('conditions of the compatible protocol', () => {
  test('are read with all operators and with days in words', () => {
    const conditions = [
      ['tier', 'EQ', 'gold'],
      ['age', 'between', [18, 30]],
      ['likes', 'IN', ['tea']],
      [lastOpen, 'GTE', '90 days ago'],
    ]
    const parts = [
      gold,
      { tag: 'age', op: 'between', value: [18, 30] },
      { tag: 'likes', op: 'in', value: ['tea'] },
      old,
    ]
    expect(readConditionArrays(conditions, 'and')).toEqual({ and: parts })
    expect(readConditionArrays(conditions, 'or')).toEqual({ or: parts })
    expect(readConditionArrays([['tier', 'eq', 'gold']], 'or')).toEqual(gold)
  })

  test.each<[unknown, string]>([
    [[], 'conditions: expected a list'],
    [{ tag: 'a' }, 'conditions: expected a list'],
    [[['a', 'EQ', 'b'], 'c'], 'conditions[1]: expected [tag, operator, operand]'],
    [[['a', 'LIKE', 'b']], 'conditions[0]: expected an operator (EQ, NOTEQ'],
    [[['a', 'IN', 'b']], 'conditions[0]: IN takes a list'],
    [[['a', 'BETWEEN', [1]]], 'conditions[0]: BETWEEN takes a list of two'],
    [[['a', 'EQ', { b: 1 }]], 'conditions[0]: expected text, a number'],
    [[['a', 'EQ']], 'conditions[0]: expected text, a number'],
    [[['', 'EQ', 1]], 'conditions: '],
  ])('are refused with their place: %j', (conditions, problem) => {
    expect(() => readConditionArrays(conditions, 'and')).toThrow(problem)
  })
})
