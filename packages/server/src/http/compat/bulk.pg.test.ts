/** Bulk calls through the compatible protocol and REST, worked on by the job of a real server. */
import { randomBytes } from 'node:crypto'
import type { BulkRequestView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'
import { tick } from '../../../test/roost.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const WITHIN_MS = 45_000
const newToken = () => randomBytes(32).toString('hex')

async function post(path: string, body: unknown) {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function settled(id: unknown): Promise<BulkRequestView> {
  for (const end = Date.now() + WITHIN_MS; Date.now() < end; await tick()) {
    const { body } = await server.rest<BulkRequestView>(
      'GET',
      `/v1/apps/${app.app}/bulk-requests/${String(id)}`,
    )
    if (body.state === 'done') return body
  }
  throw new Error(`bulk request ${String(id)} was not done within ${WITHIN_MS} ms`)
}

async function bulk(method: string, devices: unknown[]): Promise<BulkRequestView> {
  const { body } = await post(`/api/v2/audience/${method}`, {
    application: app.app,
    auth: SERVER_TOKEN,
    devices,
  })
  expect(body).toMatchObject({ status: 'Pending' })
  return settled(body.request_id)
}

const register = (hwid: string, fields: Record<string, unknown> = {}) =>
  server.device(app, 'registerDevice', { hwid, device_type: 1, push_token: newToken(), ...fields })
const states = async (hwid: string) => (await server.view(app, hwid)).addresses.map(it => it.state)

describe('bulkRegisterDevice', () => {
  test('registers each device by the rules of registerDevice, and a wrong one costs the others nothing', async () => {
    const token = newToken()
    await register('old-holder', { push_token: token })
    const request = await bulk('bulkRegisterDevice', [
      { hwid: 'b-1', push_token: token.toUpperCase(), platform: 1, tags: { level: 4 } },
      { hwid: 'b-2', push_token: 'no hex', platform: 1 },
      { hwid: 'b-3', push_token: 'fcm-token-of-b-3', platform: 3, user_id: 'gina' },
      { push_token: newToken(), platform: 1 },
    ])
    expect(request.counts).toEqual({ done: 2, unknown: 0, refused: 2 })
    expect(request.results?.map(it => it.outcome)).toEqual(['done', 'refused', 'done', 'refused'])
    expect(request.results?.[1]?.detail).toContain('address_malformed')
    expect(request.results?.[3]?.detail).toContain('hwid')
    expect(await server.view(app, 'b-1')).toMatchObject({
      tags: { level: 4 },
      addresses: [{ state: 'active' }],
    })
    expect(await server.view(app, 'b-3')).toMatchObject({ userId: 'gina', platform: 'android' })
    expect(await states('old-holder')).toEqual(['moved'])
  })

  test('looks like no opening of the app', async () => {
    await bulk('bulkRegisterDevice', [{ hwid: 'quiet', push_token: newToken(), platform: 1 }])
    expect((await server.view(app, 'quiet')).lastOpenAt).toBeNull()
  })
})

describe('bulkSetTags', () => {
  test('finds devices by hwid, token and user, and tells of those that it does not know', async () => {
    const token = newToken()
    await register('t-1')
    await register('t-2', { push_token: token })
    await register('t-3', { userId: 'hugo' })
    await register('t-4', { userId: 'hugo' })
    const request = await bulk('bulkSetTags', [
      { hwid: 't-1', tags: { city: 'Bern' } },
      { push_token: token.toUpperCase(), tags: [{ name: 'city', value: 'Chur' }] },
      { user_id: 'hugo', tags: { city: 'Zug' } },
      { hwid: 'nobody', tags: { city: 'Thun' } },
    ])
    expect(request.results?.map(it => it.outcome)).toEqual(['done', 'done', 'done', 'unknown'])
    for (const [hwid, city] of [
      ['t-1', 'Bern'],
      ['t-2', 'Chur'],
      ['t-3', 'Zug'],
      ['t-4', 'Zug'],
    ] as const)
      expect((await server.view(app, hwid)).tags).toEqual({ city })
  })

  test('appends to and removes from lists by list_operator', async () => {
    await register('lists', { tags: { topics: ['a', 'b'] } })
    await bulk('bulkSetTags', [{ hwid: 'lists', tags: { topics: ['c'] }, list_operator: 'append' }])
    expect((await server.view(app, 'lists')).tags).toEqual({ topics: ['a', 'b', 'c'] })
    await bulk('bulkSetTags', [{ hwid: 'lists', tags: { topics: ['a'] }, list_operator: 'remove' }])
    expect((await server.view(app, 'lists')).tags).toEqual({ topics: ['b', 'c'] })
  })
})

describe('bulkUnregisterDevice', () => {
  test('ends addresses by hwid, token and user; repeating it, and what is unknown, is no error', async () => {
    const token = newToken()
    await register('u-1')
    await register('u-2', { push_token: token, gateway: 'sandbox' })
    await register('u-3', { userId: 'ida' })
    await register('u-4')
    const devices = [{ hwid: 'u-1' }, { push_token: token }, { user_id: 'ida' }, { hwid: 'nobody' }]
    const first = await bulk('bulkUnregisterDevice', devices)
    expect(first.results?.map(it => it.outcome)).toEqual(['done', 'done', 'done', 'unknown'])
    for (const hwid of ['u-1', 'u-2', 'u-3']) expect(await states(hwid)).toEqual(['dead'])
    expect(await states('u-4')).toEqual(['active'])
    expect((await server.ledger(app, 'u-1')).at(-1)).toMatchObject({
      event: 'unregistered',
      reason: 'asked_by_sender',
    })
    const second = await bulk('bulkUnregisterDevice', devices)
    expect(second.counts).toEqual(first.counts)
    expect(await server.ledger(app, 'u-1')).toHaveLength(2)
  })

  test('is revived by the next registration of the device', async () => {
    const token = newToken()
    await register('again', { push_token: token })
    await bulk('bulkUnregisterDevice', [{ hwid: 'again' }])
    await register('again', { push_token: token })
    expect(await states('again')).toEqual(['active'])
  })

  test('is in the envelope below /json/1.3 and under REST, too', async () => {
    await register('e-1')
    await register('e-2')
    const enveloped = await post('/json/1.3/bulkUnregisterDevice', {
      request: { application: app.app, auth: SERVER_TOKEN, devices: [{ hwid: 'e-1' }] },
    })
    expect(enveloped.body).toMatchObject({ status_code: 200, response: { status: 'Pending' } })
    await settled((enveloped.body.response as { request_id: string }).request_id)
    expect(await states('e-1')).toEqual(['dead'])
    const rest = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/devices/bulk-unregister`, {
      devices: [{ hwid: 'e-2' }],
    })
    expect(rest.status).toBe(202)
    await settled(rest.body.id)
    expect(await states('e-2')).toEqual(['dead'])
  })

  test('under REST is one with its repeat, by an id of the caller', async () => {
    await register('e-3')
    const id = 'b1c2d3e4-0000-4000-8000-000000000001'
    const ask = (hwids: readonly string[]) =>
      server.rest<{ id: string; code?: string }>('POST', `/v1/apps/${app.app}/devices/bulk-unregister`, {
        id,
        devices: hwids.map(hwid => ({ hwid })),
      })
    expect(await ask(['e-3'])).toMatchObject({ status: 202, body: { id } })
    const { createdAt } = await settled(id)
    expect(await ask(['e-3'])).toMatchObject({ status: 202, body: { id } })
    expect((await settled(id)).createdAt).toBe(createdAt)
    expect(await ask(['e-3', 'e-1'])).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } })
  })
})

describe('an entry that is wrong', () => {
  const wrong = [
    {},
    { hwid: '' },
    { hwid: 7 },
    { hwid: 'x'.repeat(300) },
    { push_token: 't'.repeat(5000) },
    'a text',
    null,
    [],
  ]

  test('of bulkUnregisterDevice is refused alone, in its place, without the names in it', async () => {
    await register('w-1')
    await register('w-2')
    const request = await bulk('bulkUnregisterDevice', [{ hwid: 'w-1' }, ...wrong, { hwid: 'w-2' }])
    expect(request.results?.map(it => it.outcome)).toEqual(['done', ...wrong.map(() => 'refused'), 'done'])
    expect(request.results?.[1]?.detail).toBe(
      'input_invalid: the entry has none of hwid, push_token, user_id',
    )
    expect(request.results?.[4]?.detail).toBe('input_invalid: hwid has 300 characters; it has 1 to 256')
    expect(JSON.stringify(request.results)).not.toContain('xxx')
    expect([await states('w-1'), await states('w-2')]).toEqual([['dead'], ['dead']])
  })

  test('of bulkSetTags and bulkRegisterDevice is refused alone, too, also for its tags', async () => {
    await register('w-3')
    const set = await bulk('bulkSetTags', [
      ...wrong,
      { hwid: 'w-3', tags: 'x' },
      { hwid: 'w-3' },
      { hwid: 'w-3', tags: { a: 1 }, list_operator: 'merge' },
      { hwid: 'w-3', user_id: null, tags: { city: 'Bern' } },
    ])
    expect(set.counts).toEqual({ done: 1, unknown: 0, refused: wrong.length + 3 })
    expect((await server.view(app, 'w-3')).tags).toEqual({ city: 'Bern' })
    const registered = await bulk('bulkRegisterDevice', [
      'a text',
      { hwid: 'w-4', platform: 1, push_token: newToken(), tags: [7] },
      { hwid: 'w-5', platform: 1, push_token: newToken(), tags: null },
    ])
    expect(registered.results?.map(it => it.outcome)).toEqual(['refused', 'refused', 'done'])
    expect(registered.results?.[1]?.detail).toContain('tags is neither')
  })

  test('under REST names a device by more than one, or has other fields', async () => {
    await register('w-6', { userId: 'kim' })
    const { body, status } = await server.rest<{ id: string }>(
      'POST',
      `/v1/apps/${app.app}/devices/bulk-unregister`,
      { devices: [{ hwid: 'w-7', userId: 'kim' }, { hwid: '' }, { hwid: 'w-8', why: 1 }, { hwid: 'w-6' }] },
    )
    expect(status).toBe(202)
    const { results } = await settled(body.id)
    expect(results?.map(it => it.outcome)).toEqual(['refused', 'refused', 'refused', 'done'])
    expect(results?.[0]?.detail).toBe(
      'input_invalid: the entry has hwid and userId, of 2 fields; it may have one: hwid, pushToken, userId',
    )
    expect(await states('w-6')).toEqual(['dead'])
  })
})

describe('a bulk request', () => {
  test('takes 10 000 entries, works on all of them, and refuses one more', async () => {
    const devices = Array.from({ length: 10_000 }, (_, i) => ({
      hwid: `many-${i}`,
      push_token: newToken(),
      platform: 1,
    }))
    expect((await bulk('bulkRegisterDevice', devices)).counts).toEqual({
      done: 10_000,
      unknown: 0,
      refused: 0,
    })
    expect(
      (
        await bulk(
          'bulkUnregisterDevice',
          devices.map(({ hwid }) => ({ hwid })),
        )
      ).counts?.done,
    ).toBe(10_000)
    const { status, body } = await post('/api/v2/audience/bulkUnregisterDevice', {
      application: app.app,
      auth: SERVER_TOKEN,
      devices: [...devices, { hwid: 'x' }].map(({ hwid }) => ({ hwid })),
    })
    expect(status).toBe(400)
    expect(body.message).toContain('10000')
  }, 60_000)

  test('keeps no name when it is done, and its status is told without the entries unless they are asked for', async () => {
    await register('secret-name')
    const request = await bulk('bulkUnregisterDevice', [{ hwid: 'secret-name' }])
    const { rows } = await server.db.query("select from bulk_request r where r::text like '%secret-name%'")
    expect(rows).toEqual([])
    const read = async (query: string) => {
      const response = await fetch(
        `${server.url}/api/v2/audience/bulkUnregisterDevice/${request.id}?${query}`,
        {
          headers: { authorization: `Token ${SERVER_TOKEN}` },
        },
      )
      return (await response.json()) as Record<string, unknown>
    }
    expect(await read('detailed=false')).toEqual({
      request_id: request.id,
      status: 'Completed',
      total: 1,
      done: 1,
      unknown: 0,
      refused: 0,
    })
    expect(await read('detailed=true')).toMatchObject({ devices: [{ outcome: 'done' }] })
  })

  test('with a wrong or missing token, or an unknown app, is refused and stores nothing', async () => {
    const devices = [{ hwid: 'a' }]
    const path = '/api/v2/audience/bulkUnregisterDevice'
    expect((await post(path, { application: app.app, auth: app.deviceToken, devices })).status).toBe(401)
    expect((await post(path, { application: app.app, devices })).status).toBe(400)
    expect((await post(path, { application: 'AAAAA-AAAAA', auth: SERVER_TOKEN, devices })).status).toBe(404)
    expect((await post(path, { application: app.app, auth: SERVER_TOKEN, devices: 'a' })).body).toMatchObject(
      {
        code: 'input_invalid',
        message: expect.stringContaining('devices'),
      },
    )
    const { rows } = await server.db.query("select from bulk_request where state = 'waiting'")
    expect(rows).toEqual([])
  })
})
