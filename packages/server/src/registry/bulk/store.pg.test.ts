/** What imported rows may do to devices that Roost knows better than their file. */
import { randomBytes } from 'node:crypto'
import type { ImportView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const DAY_MS = 86_400_000
const newToken = () => randomBytes(32).toString('hex')
const end = (token: string) => token.slice(-8)

type Row = Readonly<Record<string, unknown>>

/** Rows without a time are as old as the file, which was made now. */
async function importRows(rows: readonly Row[], mapping = 'roost'): Promise<ImportView> {
  const begun = await server.rest<ImportView>('POST', `/v1/apps/${app.app}/imports`, {
    mapping,
    format: 'ndjson',
    platform: 'ios',
  })
  const path = `/v1/apps/${app.app}/imports/${begun.body.id}/parts?offset=0&final=true`
  const answer = await fetch(`${server.url}${path}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${SERVER_TOKEN}`, 'content-type': 'application/x-ndjson' },
    body: rows.map(row => `${JSON.stringify(row)}\n`).join(''),
  })
  expect(answer.status).toBe(200)
  return (await answer.json()) as ImportView
}

const register = (hwid: string, token: string, fields: Row = {}) =>
  server.device(app, 'registerDevice', { hwid, device_type: 1, push_token: token, ...fields })
const statesOf = async (hwid: string) =>
  (await server.view(app, hwid)).addresses.map(it => [it.addressEnd, it.state]).sort()
const ago = (days: number) => new Date(server.clock.now() - days * DAY_MS).toISOString()

/** The device, and what it said, that long ago. */
async function registerAgo(days: number, hwid: string, token: string, fields: Row = {}): Promise<void> {
  await register(hwid, token, fields)
  await server.db.query('update device set first_seen_at = $2, last_seen_at = $2 where hwid = $1', [
    hwid,
    ago(days),
  ])
  await server.db.query(
    'update address set first_registered_at = $2, last_registered_at = $2, state_since = $2 where hwid = $1',
    [hwid, ago(days)],
  )
}

const isOptedOut = async (hwid: string) => (await server.view(app, hwid)).isOptedOut

describe('R26: a device that is known to have denied', () => {
  test('keeps a new token that an import brings without being sent to', async () => {
    await registerAgo(5, 'denied', newToken())
    await server.db.query("update device set permission = 'denied' where hwid = 'denied'")
    await server.db.query("update address set opted_out = true where hwid = 'denied'")
    const token = newToken()
    await importRows([{ hwid: 'denied', platform: 'ios', pushToken: token, lastSeenAt: ago(1) }])
    const { rows } = await server.db.query(
      "select right(address, 8) as end from address where hwid = 'denied' and state = 'active' and opted_out",
    )
    expect(rows).toEqual([{ end: end(token) }])
  })

  test('does not lose its token to a list of bare tokens, which would be sent to', async () => {
    const token = newToken()
    await registerAgo(5, 'denied-listed', token)
    await server.db.query("update device set permission = 'denied' where hwid = 'denied-listed'")
    await server.db.query("update address set opted_out = true where hwid = 'denied-listed'")
    await importRows([{ token }], 'tokens')
    expect(await isOptedOut('denied-listed')).toBe(true)
    expect(await statesOf('denied-listed')).toEqual([[end(token), 'active']])
  })
})

describe('a list of bare tokens', () => {
  test('leaves a token with the device that is known to hold it, and changes nothing that it said', async () => {
    const token = newToken()
    await registerAgo(5, 'listed', token, { userId: 'anna', tags: { plan: 'pro' } })
    expect(await importRows([{ token, user: 'berta' }], 'tokens')).toMatchObject({ older: 1 })
    expect(await server.view(app, 'listed')).toMatchObject({ userId: 'anna', tags: { plan: 'pro' } })
    expect(await statesOf('listed')).toEqual([[end(token), 'active']])
  })

  test('may have a token twice, and may have one of which a named row says whose it is', async () => {
    const [twice, named] = [newToken(), newToken()]
    await importRows(
      [{ token: twice }, { token: named, hwid: 'a-name' }, { token: twice }, { token: named }],
      'tokens',
    )
    expect(await statesOf('a-name')).toEqual([[end(named), 'active']])
    const { rows } = await server.db.query<{ state: string }>(
      'select state from address where address = $1',
      [twice],
    )
    expect(rows).toEqual([{ state: 'active' }])
  })
})

describe('R6, R27: a token that has ended for one device since the row was made', () => {
  test.each([
    ['dead', 'Unregistered'],
    ['dead', 'unregistered'],
    ['superseded', 'replaced_by_new_address'],
  ])('as %s (%s) does not come back under another name', async (state, reason) => {
    const token = newToken()
    const hwid = `ended-${state}-${reason}`
    await registerAgo(9, hwid, token)
    await server.db.query('update address set state = $2, reason = $3, state_since = $4 where hwid = $1', [
      hwid,
      state,
      reason,
      ago(1),
    ])
    const row = { hwid: `other-${hwid}`, platform: 'ios', pushToken: token, lastSeenAt: ago(3) }
    expect(await importRows([row])).toMatchObject({ older: 1 })
    expect(await statesOf(`other-${hwid}`)).toEqual([])
  })
})

describe('a row that does not say when its device was seen', () => {
  test('R6: revives nothing that has ended, whatever the date of the file', async () => {
    const token = newToken()
    await registerAgo(9, 'undated-dead', token)
    await server.device(app, 'unregisterDevice', { hwid: 'undated-dead' })
    server.clock.advance(1000)
    const rows = [{ hwid: 'undated-dead', platform: 'ios', pushToken: token }]
    expect(await importRows(rows)).toMatchObject({ stored: 0, older: 1 })
    expect(await importRows([{ token }], 'tokens')).toMatchObject({ stored: 0, older: 1 })
    expect(await statesOf('undated-dead')).toEqual([[end(token), 'dead']])
  })

  test('R2: does not replace a token that the device itself has registered', async () => {
    const [live, filed] = [newToken(), newToken()]
    await registerAgo(5, 'undated-live', live)
    expect(await importRows([{ hwid: 'undated-live', platform: 'ios', pushToken: filed }])).toMatchObject({
      older: 1,
    })
    expect(await statesOf('undated-live')).toEqual([[end(live), 'active']])
  })

  test('R2: replaces a token that an earlier import brought', async () => {
    const [former, filed] = [newToken(), newToken()]
    await importRows([{ hwid: 'undated-filed', platform: 'ios', pushToken: former }])
    server.clock.advance(1000)
    await importRows([{ hwid: 'undated-filed', platform: 'ios', pushToken: filed }])
    expect(await statesOf('undated-filed')).toEqual(
      [
        [end(filed), 'active'],
        [end(former), 'superseded'],
      ].sort(),
    )
  })

  test('R3: takes no token from a device that has registered it', async () => {
    const token = newToken()
    await registerAgo(5, 'undated-holder', token)
    expect(await importRows([{ hwid: 'undated-taker', platform: 'ios', pushToken: token }])).toMatchObject({
      older: 1,
    })
    expect(await statesOf('undated-holder')).toEqual([[end(token), 'active']])
  })
})

test('a defined tag gets its type, and a value that is none costs only itself', async () => {
  await server.rest('PUT', `/v1/apps/${app.app}/tags/level`, { type: 'integer' })
  await importRows([
    { hwid: 'typed', platform: 'ios', tags: { level: '7', other: 'x' } },
    { hwid: 'untyped', platform: 'ios', tags: { level: 'high', other: 'x' } },
  ])
  expect((await server.view(app, 'typed')).tags).toEqual({ level: 7, other: 'x' })
  expect((await server.view(app, 'untyped')).tags).toEqual({ other: 'x' })
})
