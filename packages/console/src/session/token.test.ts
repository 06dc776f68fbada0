import { describe, expect, test } from 'vitest'
import type { ProblemBody } from '../api/client.ts'
import { Access, takeInvitation, takeSetupCode, takeToken } from './token.ts'

const REFUSAL: ProblemBody = {
  status: 401,
  code: 'token_unknown',
  detail: 'No server token matches.',
  remedy: 'Make a new one.',
  requestId: 'r1',
}

/** A tab's store that survives a reload, as `sessionStorage` does. */
function openTab(): { readonly reload: () => Access; readonly values: ReadonlyMap<string, string> } {
  const values = new Map<string, string>()
  const storage = {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  }
  return { reload: () => new Access(storage), values }
}

describe('the token in the fragment', () => {
  test('is taken out, and the console begins at the start', () => {
    expect(takeToken('#token=rst_abc')).toEqual({ token: 'rst_abc', place: '#/' })
  })

  test('may come with the place to go to', () => {
    const go = encodeURIComponent('/apps/A/devices/x?y')
    expect(takeToken(`#token=t&go=${go}`)).toEqual({ token: 't', place: '#/apps/A/devices/x?y' })
  })

  test('keeps a plus sign, which a form would read as a space', () => {
    expect(takeToken('#token=a+b/c==')?.token).toBe('a+b/c==')
  })

  test.each(['', '#/apps/A', '#token=', '#/?token=x'])('is absent from "%s"', fragment => {
    expect(takeToken(fragment)).toBeUndefined()
  })
})

test('an invitation is the whole fragment, and nothing else is one', () => {
  expect(takeInvitation('#join=abc_-1')).toBe('abc_-1')
  expect(takeInvitation('#join=')).toBeUndefined()
  expect(takeInvitation('#/apps/A?join=x')).toBeUndefined()
})

test('a set-up code is the whole fragment, as the server prints it', () => {
  expect(takeSetupCode('#setup=K7QWM-3XHTB-9RNZE-VD4FA')).toBe('K7QWM-3XHTB-9RNZE-VD4FA')
  expect(takeSetupCode('#setup=')).toBeUndefined()
  expect(takeSetupCode('#/?setup=K7QWM')).toBeUndefined()
})

describe('access', () => {
  test('an entered token is still there after a reload', () => {
    const tab = openTab()
    tab.reload().enter('t1')
    expect(tab.reload().state()).toEqual({ token: 't1', refusal: undefined })
  })

  test('a refused token is forgotten and its refusal is shown until the next one', () => {
    const tab = openTab()
    const access = tab.reload()
    access.enter('t1')
    access.refuse('t1', REFUSAL)
    expect(access.state()).toEqual({ token: undefined, refusal: REFUSAL })
    expect(tab.values.size).toBe(0)
    access.enter('t2')
    expect(access.state()).toEqual({ token: 't2', refusal: undefined })
  })

  test('a late refusal of an old token leaves the new one alone', () => {
    const access = openTab().reload()
    access.enter('t1')
    access.enter('t2')
    access.refuse('t1', REFUSAL)
    expect(access.state()).toEqual({ token: 't2', refusal: undefined })
  })

  test('leaving forgets the token without blaming it', () => {
    const tab = openTab()
    const access = tab.reload()
    access.enter('t1')
    access.leave()
    expect(access.state()).toEqual({ token: undefined, refusal: undefined })
    expect(tab.values.size).toBe(0)
  })

  test('listeners hear of each change until they stop listening', () => {
    const access = openTab().reload()
    const heard: (string | undefined)[] = []
    const stop = access.subscribe(() => heard.push(access.state().token))
    access.enter('t1')
    access.leave()
    stop()
    access.enter('t2')
    expect(heard).toEqual(['t1', undefined])
  })
})
