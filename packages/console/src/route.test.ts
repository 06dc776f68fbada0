import { describe, expect, test } from 'vitest'
import { formatRoute, parseRoute, type Route } from './route.ts'

const ROUTES: readonly Exclude<Route, { page: 'unknown' }>[] = [
  { page: 'start' },
  { page: 'overview', app: 'AAAAA-BBBBB' },
  { page: 'messages', app: 'AAAAA-BBBBB' },
  { page: 'message', app: 'AAAAA-BBBBB', id: '01J/9?x=1' },
  { page: 'devices', app: 'AAAAA-BBBBB', search: '' },
  { page: 'devices', app: 'AAAAA-BBBBB', search: 'a+b & 100 % ü?' },
  { page: 'credentials', app: 'AAAAA-BBBBB' },
  { page: 'push-test', app: 'AAAAA-BBBBB', credential: '', hwid: '' },
  { page: 'push-test', app: 'AAAAA-BBBBB', credential: '01J-1', hwid: 'a&b=c ü' },
  { page: 'device', app: 'AAAAA-BBBBB', hwid: '50%/..#?ü +' },
]

describe('routes', () => {
  test.each(ROUTES)('a link to $page leads back to the same page', route => {
    expect(parseRoute(formatRoute(route))).toEqual(route)
  })

  test('an empty fragment is the start', () => {
    expect(parseRoute('')).toEqual({ page: 'start' })
  })

  test.each([
    '#/else',
    '#/apps',
    '#/apps/A/else',
    '#/apps/A/devices/x/y',
    '#/apps/A/credentials/x',
    '#/apps/%E0%A4%A',
  ])('%s is no page, and no exception', fragment => {
    expect(parseRoute(fragment)).toEqual({ page: 'unknown' })
  })
})
