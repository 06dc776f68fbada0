import { expect, test } from 'vitest'
import { KINDS, pathOf, readCall } from './audit-words.ts'

test.each([
  ['POST /v1/apps', 'app', 'added'],
  ['PATCH /v1/apps/{app}', 'app', 'changed'],
  ['PATCH /v1/apps/{app}/rules', 'rules', 'changed'],
  ['POST /v1/apps/{app}/tokens', 'tokens', 'added'],
  ['POST /v1/tokens', 'tokens', 'added'],
  ['DELETE /v1/apps/{app}/members/{person}', 'members', 'removed'],
  ['POST /v1/apps/{app}/messages/{id}/recall', 'messages', 'changed'],
  ['PUT /v1/me/password', 'me', 'changed'],
])('%s is about %s: %s', (what, kind, done) => {
  expect(readCall(what)).toEqual({ kind, done })
})

test('signing in says all by itself', () => {
  expect(readCall('POST /v1/session')).toEqual({ kind: 'session', done: undefined })
})

test('a command on the server, and what is newer than the console, keep their own words', () => {
  expect(readCall('roost access reset-password').kind).toBeUndefined()
  expect(readCall('POST /v1/apps/{app}/novelties').kind).toBeUndefined()
})

test('a kind is asked for as a part of the path, and nothing else is', () => {
  expect(pathOf('rules')).toBe('/rules')
  expect(pathOf('anything else')).toBeUndefined()
  expect(new Set(KINDS).size).toBe(KINDS.length)
})
