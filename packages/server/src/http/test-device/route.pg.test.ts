/** What strangers can do without a token: as often as their limit lets them, from any page, and to no effect. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../../test/bare.ts'

const CALLS = 50

let server: BareServer
beforeAll(async () => {
  server = await startBare({
    environment: { ROOST_CALLS_PER_CLIENT: String(CALLS), ROOST_TRUSTED_PROXIES: '127.0.0.0/8' },
  })
})
afterAll(() => server.close())

const guess = (ip: string) =>
  fetch(`${server.url}/v1/test-invitations/take`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': ip },
    body: JSON.stringify({ code: 'guess', hwid: 'stranger', application: 'AAAAA-BBBBB' }),
  })

test('who guesses codes is told from then on that it is too often, and nobody else is', async () => {
  const statuses: number[] = []
  for (let i = 0; i < CALLS; i++) statuses.push((await guess('203.0.113.7')).status)
  expect(statuses[0]).toBe(404)
  const refused = await guess('203.0.113.7')
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await guess('203.0.113.8')).status).toBe(404)
})

test('pages of any origin may call, and with no credentials', async () => {
  const preflight = await fetch(`${server.url}/v1/test-invitations/report`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
      'x-forwarded-for': '203.0.113.9',
    },
  })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
  expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
})

test('what is no call of a phone is refused before anything is looked up', async () => {
  for (const body of ['{}', '{"code":1}', '{"code":"x","hwid":"y","application":"z","more":1}', '[]']) {
    const response = await fetch(`${server.url}/v1/test-invitations/take`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.10' },
      body,
    })
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      400,
      'input_invalid',
    ])
  }
})
