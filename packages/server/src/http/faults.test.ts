/** What is said of a request that is wrong: the place, and what is allowed there. */
import { newMessageSchema, newScheduleSchema, newTriggerSchema, PushError } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { check } from './faults.ts'

function faultOf(schema: z.ZodType, value: unknown): string {
  try {
    check(schema, { name: 'body', value, separator: '/' })
  } catch (error) {
    if (error instanceof PushError) return error.message
    throw error
  }
  return 'nothing'
}

const content = { title: 'Hello' }
const faultOfMessage = (fields: object) =>
  faultOf(newMessageSchema, { to: { all: true }, content, ...fields })
const faultOfContent = (fields: object) => faultOfMessage({ content: { ...content, ...fields } })

describe('whom a message is for', () => {
  test.each([
    [
      { all: true, users: ['a'] },
      'body/to: exactly one of all, condition, segment, devices, users; it has all, users',
    ],
    [{}, 'body/to: exactly one of all, condition, segment, devices, users; it has none'],
    [
      { expression: 'T("a", SET)' },
      'it has expression; an expression is given as a segment, or as the condition that POST …/segments/compile makes of it',
    ],
    [{ user: ['a'] }, 'it has user'],
    [{ all: false }, 'body/to/all: it must be true'],
    [
      { users: ['a'], userDevics: 'all' },
      'body/to: unknown field "userDevics"; known are users, userDevices',
    ],
    [{ segment: ' ' }, 'body/to/segment: it must not be empty'],
    [{ condition: { tag: 'a', op: 'like' } }, 'body/to/condition/op: it must be "eq", "ne", "in"'],
    [{ condition: { event: 'Buy', atLeast: 0 } }, 'body/to/condition/atLeast: it must be at least 1'],
    [
      { condition: { tag: 'a', op: 'set', valu: 1 } },
      'unknown field "valu"; known are tag, field, op, value',
    ],
  ])('is told with its place and what is allowed: %j', (to, said) => {
    expect(faultOfMessage({ to })).toContain(said)
  })

  test('of a schedule is one of those that can recur', () => {
    const schedule = { name: 'x', cron: '@daily', message: { to: { users: ['a'] }, content } }
    expect(faultOf(newScheduleSchema, schedule)).toContain(
      'body/message/to: exactly one of all, condition, segment; it has users',
    )
    expect(faultOf(newScheduleSchema, { ...schedule, message: { to: { all: true }, content } })).toBe(
      'nothing',
    )
  })
})

test('what a trigger asks of an event is told of the form that was meant', () => {
  const where = { tag: 'total', op: 'gte', value: 5 }
  expect(faultOf(newTriggerSchema, { name: 'x', event: 'Buy', where, message: { content } })).toContain(
    'body/where: unknown field "tag"; known are attribute, op, value',
  )
})

describe('content', () => {
  test('that has a badge of no allowed form is told all that there are', () => {
    expect(faultOfContent({ badge: '+2' })).toBe(
      'body/content/badge: it must be a number, "+1" or "unread"; it is "+2"',
    )
  })

  test('in what is no language is told how languages are written', () => {
    expect(faultOfContent({ languages: { 'deutsch!': { title: 'Hallo' } } })).toContain(
      'body/content/languages/deutsch!: a language as in "pt" or "pt-BR"',
    )
  })

  test.each(['javascript:alert(1)', ' Java\nScript:alert(1)', 'data:text/html,x', 'file:///etc/passwd'])(
    'opens nothing that is no page and no app: %j',
    url => {
      const said = "an https or http URL, or one of an app's own scheme; refused are javascript:, vbscript:"
      expect(faultOfContent({ url })).toContain(`body/content/url: ${said}`)
      expect(faultOfContent({ buttons: [{ title: 'a', url }] })).toContain(said)
      expect(faultOfContent({ languages: { de: { url } } })).toContain(said)
      expect(faultOfContent({ webPush: { url } })).toContain(said)
    },
  )

  test.each([
    'https://example.com/a:b',
    'http://example.com',
    'shop://cart',
    '/sale',
    'data',
    '{{ tags.Link }}',
    'mailto:a@example.com',
  ])('may open pages and apps: %s', url => {
    expect(faultOfContent({ url })).toBe('nothing')
  })
})

describe('what is known from the fault itself is not said once more', () => {
  test.each([
    [{ to: { users: [] } }, 'body/to/users: it must not be empty'],
    [
      { content: { sound: 'x' } },
      'body/content: a message needs a "title" or a "body" (those of a language or a gateway are not for all), or it is "silent"',
    ],
  ])('%j', (fields, said) => {
    expect(faultOfMessage(fields)).toBe(said)
  })
})
