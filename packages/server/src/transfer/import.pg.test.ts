/** Imports into a real database, from files as other systems write them. */
import { createECDH, createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { generateVapidKeys } from '@roost/gateways'
import type { ImportMapping, ImportRefusal, TransferFormat } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { BEGINNING, readBlocks } from './blocks.ts'
import { CohortReport } from './cohorts.ts'
import { csvLine } from './csv.ts'
import { exportDevices } from './export.ts'
import {
  draftOptions,
  type ImportSettings,
  readBlock,
  readImport,
  readRefusals,
  runImport,
  startImport,
} from './import.ts'
import { columnsOf } from './mappings/mappings.ts'

let server: BareServer
let app: Access
let appId: number
beforeAll(async () => {
  server = await startBare()
})
afterAll(() => server.close())

const DAY_MS = 86_400_000
const newToken = () => randomBytes(32).toString('hex')
const end = (token: string) => token.slice(-8)

async function newApp(): Promise<void> {
  app = await server.createApp()
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  appId = rows[0]?.id ?? 0
}

interface Import {
  readonly mapping?: ImportMapping
  readonly format?: TransferFormat
  readonly platform?: ImportSettings['platform']
  /** ms; default now. */
  readonly asOf?: number
  /** Bytes of the text that arrive at once. */
  readonly piece?: number
}

function settingsOf({ mapping = 'roost', format = 'csv', platform = null }: Import): ImportSettings {
  return { mapping, format, platform, environment: null }
}

async function start(text: string, options: Import) {
  return startImport(server.db, {
    appId,
    settings: settingsOf(options),
    asOf: options.asOf ?? server.clock.now(),
    sha256: createHash('sha256').update(text).digest(),
    at: server.clock.now(),
  })
}

async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
}

async function importText(text: string, options: Import = {}) {
  const started = await start(text, options)
  const bytes = Buffer.from(text).subarray(started.byteOffset)
  return runImport({
    db: server.db,
    appId,
    importId: started.id,
    source: piecesOf(bytes, options.piece ?? 65_536),
    isFinal: true,
    allowPrivateEndpoints: false,
    now: () => server.clock.now(),
  })
}

async function refusalsOf(id: string): Promise<ImportRefusal[]> {
  const all: ImportRefusal[] = []
  for await (const page of readRefusals(server.db, id)) all.push(...page)
  return all
}

const register = (hwid: string, token: string) =>
  server.device(app, 'registerDevice', { hwid, device_type: 1, push_token: token })
const addresses = async (hwid: string) => (await server.view(app, hwid)).addresses

describe('a row of a file', () => {
  beforeAll(newApp)

  test('becomes a device with all that the row says, and a ledger that names the import', async () => {
    const token = newToken()
    await importText(
      csvLine([
        'hwid',
        'platform',
        'pushToken',
        'environment',
        'userId',
        'tags',
        'appVersion',
        'firstSeenAt',
        'lastOpenAt',
      ]) +
        csvLine([
          'whole',
          'ios',
          token.toUpperCase(),
          'sandbox',
          'anna',
          '{"level":3,"vip":true}',
          '2.1',
          '2025-01-02',
          '2026-03-04 05:06:07',
        ]),
    )
    expect(await server.view(app, 'whole')).toMatchObject({
      platform: 'ios',
      userId: 'anna',
      tags: { level: 3, vip: true },
      appVersion: '2.1',
      firstSeenAt: '2025-01-02T00:00:00.000Z',
      lastOpenAt: '2026-03-04T05:06:07.000Z',
      addresses: [{ provider: 'apns', environment: 'sandbox', state: 'active', addressEnd: end(token) }],
    })
    expect(await server.ledger(app, 'whole')).toMatchObject([{ event: 'registered', reason: 'imported' }])
  })

  test('that can not be taken is refused by its number with the reason, and costs its neighbours nothing', async () => {
    const [first, second] = [newToken(), newToken()]
    const view = await importText(
      'hwid,platform,pushToken\n' +
        `good-1,ios,${first}\n` +
        'bad-token,ios,xyz\n' +
        `,,\n` +
        `bad-platform,blackberry,${newToken()}\n` +
        `"bad"quote,ios,${newToken()}\n` +
        `good-2,ios,${second}\n`,
    )
    expect(view).toMatchObject({ state: 'done', rows: 6, stored: 2, refused: 4 })
    const refusals = await refusalsOf(view.id)
    expect(refusals.map(it => [it.row, it.code])).toEqual([
      [2, 'address_malformed'],
      [3, 'input_invalid'],
      [4, 'platform_unsupported'],
      [5, 'row_malformed'],
    ])
    expect((await addresses('good-2'))[0]).toMatchObject({ state: 'active', addressEnd: end(second) })
  })

  test('whose name is one that clients write when they have none is refused, as its registration is', async () => {
    const view = await importText(
      `hwid,platform,pushToken\nundefined,ios,${newToken()}\n(null),ios,${newToken()}\n,ios,${newToken()}\n`,
    )
    expect(view).toMatchObject({ rows: 3, stored: 1, refused: 2 })
    expect((await refusalsOf(view.id)).map(it => [it.row, it.field, it.detail])).toEqual([
      [1, 'hwid', '"undefined" names no single device; leave the name empty to import the token alone'],
      [2, 'hwid', '"(null)" names no single device; leave the name empty to import the token alone'],
    ])
  })

  test('whose quote is never closed costs its own line and not the rest of the file', async () => {
    const view = await importText(
      `hwid,platform,pushToken\nq-1,ios,${newToken()}\n"q-2,ios,${newToken()}\nq-3,ios,${newToken()}\n`,
    )
    expect(view).toMatchObject({ rows: 3, stored: 2, refused: 1 })
    expect((await refusalsOf(view.id)).map(it => it.row)).toEqual([2])
    expect(await addresses('q-3')).toHaveLength(1)
  })

  test.each([
    [
      'a cell of tags',
      `hwid,tags\nnul,"{""note"":""a\\u0000b""}"\n`,
      ['input_invalid', 'tags', 'tags.note holds a NUL character or half a surrogate pair'],
    ],
    [
      'a cell of tags that is no JSON',
      'hwid,tags\nnul,{level}\n',
      ['input_invalid', 'tags', 'tags is not JSON: unexpected character at position 1'],
    ],
    [
      'a line of JSON',
      `{"hwid":"nul","tags":{"note":"a\\u0000b"}}\n`,
      ['row_malformed', 'tags', 'tags.note holds a NUL character or half a surrogate pair'],
    ],
    [
      'the name of a field',
      `{"hwid":"nul","a\\u0000b":1}\n`,
      ['row_malformed', null, 'the line holds a NUL character or half a surrogate pair'],
    ],
  ])('with a NUL character or a slip in %s is refused by the name of the field', async (_, text, refusal) => {
    const view = await importText(text, { format: text.startsWith('{') ? 'ndjson' : 'csv' })
    expect(view).toMatchObject({ rows: 1, stored: 0, refused: 1 })
    expect((await refusalsOf(view.id)).map(it => [it.code, it.field, it.detail])).toEqual([refusal])
  })

  test('that the database itself refuses is refused alone', async () => {
    const huge = JSON.stringify({ n: 1 }).replace('1', `1${'0'.repeat(131_073)}.5`)
    const view = await importText(
      `{"hwid":"n-1","platform":"ios"}\n{"hwid":"n-2","tags":{"s":"\\u0000"}}\n{"hwid":"n-3","platform":"ios"}\n${huge}\n`,
      { format: 'ndjson' },
    )
    expect(view).toMatchObject({ stored: 2, refused: 2 })
  })

  test('may hold line breaks, semicolons as delimiters and any cut between two reads', async () => {
    const token = newToken()
    const text = `\uFEFFhwid;platform;pushToken;tag.note\r\n"näh-1";ios;${token};"two\r\nlines; ""quoted"""\r\nnäh-2;ios;${newToken()};x\r\n`
    const view = await importText(text, { piece: 1 })
    expect(view).toMatchObject({ rows: 2, stored: 2, byteOffset: Buffer.byteLength(text) })
    expect((await server.view(app, 'näh-1')).tags).toEqual({ note: 'two\r\nlines; "quoted"' })
  })
})

describe('who was heard of later is right', () => {
  beforeAll(newApp)
  const row = (hwid: string, token: string, lastSeenAt: number) =>
    `${JSON.stringify({ hwid, platform: 'ios', pushToken: token, userId: 'from-file', lastSeenAt: new Date(lastSeenAt).toISOString() })}\n`
  const ago = (days: number) => server.clock.now() - days * DAY_MS

  test('a device that registered another token since the file was made keeps it, and its user', async () => {
    const [live, filed] = [newToken(), newToken()]
    await register('later', live)
    const view = await importText(row('later', filed, ago(1)), { format: 'ndjson' })
    expect(view).toMatchObject({ stored: 0, older: 1 })
    expect((await addresses('later')).map(it => [it.addressEnd, it.state])).toEqual([[end(live), 'active']])
    expect((await server.view(app, 'later')).userId).toBeNull()
  })

  test('what a back end has said since the file was made stays, and is no sign of life', async () => {
    const [former, filed] = [newToken(), newToken()]
    await importText(row('told', former, ago(9)), { format: 'ndjson' })
    await server.rest('PATCH', `/v1/apps/${app.app}/devices/told`, { userId: null, tags: { plan: 'pro' } })
    const at = ago(3)
    const line = { ...JSON.parse(row('told', filed, at)), tags: { plan: 'basic' } }
    await importText(`${JSON.stringify(line)}\n`, { format: 'ndjson' })
    expect(await server.view(app, 'told')).toMatchObject({
      userId: null,
      tags: { plan: 'pro' },
      lastSeenAt: new Date(at).toISOString(),
      addresses: [{ addressEnd: end(filed), state: 'active' }, { state: 'superseded' }],
    })
  })

  test('a row without a time is no sign of life of a device that is known', async () => {
    const at = ago(9)
    await importText(row('undated', newToken(), at), { format: 'ndjson' })
    await importText('{"hwid":"undated","platform":"ios","userId":"corrected"}\n', { format: 'ndjson' })
    expect(await server.view(app, 'undated')).toMatchObject({
      userId: 'corrected',
      lastSeenAt: new Date(at).toISOString(),
    })
  })

  test('R2: a row that is newer than the base replaces the token', async () => {
    const [old, fresh] = [newToken(), newToken()]
    await importText(row('r2', old, ago(9)), { format: 'ndjson' })
    await importText(row('r2', fresh, ago(3)), { format: 'ndjson' })
    expect((await addresses('r2')).map(it => [it.addressEnd, it.state])).toEqual([
      [end(fresh), 'active'],
      [end(old), 'superseded'],
    ])
  })

  test('R3: of two rows with one token the one heard of later holds it, in either order', async () => {
    for (const [first, second] of [
      [5, 2],
      [2, 5],
    ] as const) {
      const token = newToken()
      const [a, b] = [`${token.slice(0, 6)}-a`, `${token.slice(0, 6)}-b`]
      await importText(row(a, token, ago(first)) + row(b, token, ago(second)), { format: 'ndjson' })
      const winner = first < second ? a : b
      const { rows } = await server.db.query<{ hwid: string }>(
        "select hwid from address where address = $1 and state = 'active'",
        [token],
      )
      expect(rows.map(it => it.hwid)).toEqual([winner])
    }
  })

  test('R3: a token that a device has registered since is not taken from it', async () => {
    const token = newToken()
    await register('holder', token)
    expect(await importText(row('thief', token, ago(1)), { format: 'ndjson' })).toMatchObject({ older: 1 })
    expect((await addresses('holder'))[0]).toMatchObject({ state: 'active' })
    expect(await addresses('thief')).toEqual([])
  })

  test('R6: a token that ended before the row was seen is revived, one that ended after it stays dead', async () => {
    for (const [seen, state] of [
      [1, 'active'],
      [5, 'dead'],
    ] as const) {
      const token = newToken()
      const hwid = `revive-${state}`
      await importText(row(hwid, token, ago(9)), { format: 'ndjson' })
      await server.db.query(
        "update address set state = 'dead', reason = 'Unregistered', generation = 2, state_since = $2 where hwid = $1",
        [hwid, new Date(ago(3))],
      )
      await importText(row(hwid, token, ago(seen)), { format: 'ndjson' })
      expect((await addresses(hwid)).map(it => it.state)).toEqual([state])
    }
  })

  test('R12: a token whose environment a gateway has corrected stays in that one', async () => {
    const token = newToken()
    await importText(row('r12', token, ago(9)), { format: 'ndjson' })
    // As hygiene/results.ts leaves it.
    await server.db.query(
      `with former as (
         update address set state = 'superseded', reason = 'environment_corrected' where hwid = 'r12' returning *
       )
       insert into address (bucket, app_id, hwid, address_hash, provider, environment, kind, address, state,
                            first_registered_at, last_registered_at, state_since)
       select bucket, app_id, hwid, '\\x00', provider, 'sandbox', kind, address, 'active', state_since, state_since,
              state_since
         from former`,
    )
    expect(await importText(row('r12', token, ago(1)), { format: 'ndjson' })).toMatchObject({ older: 1 })
    expect((await addresses('r12')).map(it => [it.environment, it.state])).toEqual([
      ['sandbox', 'active'],
      ['production', 'superseded'],
    ])
  })

  test('the same file once more changes no row', async () => {
    const text = row('same-1', newToken(), ago(4)) + row('same-2', newToken(), ago(4))
    await importText(text, { format: 'ndjson' })
    const read = async () =>
      (
        await server.db.query(
          "select a.hwid, a.generation, a.xmin::text, a.state_since from address a where hwid like 'same-%' order by 1",
        )
      ).rows
    const before = await read()
    const again = await startImport(
      server.db,
      {
        appId,
        settings: settingsOf({ format: 'ndjson' }),
        asOf: server.clock.now(),
        sha256: null,
        at: server.clock.now(),
      },
      true,
    )
    await runImport({
      db: server.db,
      appId,
      importId: again.id,
      source: piecesOf(Buffer.from(text), 100),
      isFinal: true,
      allowPrivateEndpoints: false,
      now: () => server.clock.now(),
    })
    expect(await read()).toEqual(before)
    expect(await server.ledger(app, 'same-1')).toHaveLength(1)
  })
})

describe('an import that is broken off', () => {
  beforeAll(newApp)

  test('goes on behind the last committed row, refuses nothing twice, and loses no row', async () => {
    const rows = Array.from({ length: 48_000 }, (_, i) =>
      i % 100 === 7 ? csvLine([`cut-${i}`, 'ios', 'not hex']) : csvLine([`cut-${i}`, 'ios', newToken()]),
    )
    const text = `hwid,platform,pushToken\n${rows.join('')}`
    const bytes = Buffer.from(text)
    async function* failing(): AsyncGenerator<Buffer> {
      yield* piecesOf(bytes.subarray(0, 2_800_001), 65_536)
      throw new Error('the disk is gone')
    }
    const started = await start(text, {})
    const run = {
      db: server.db,
      appId,
      importId: started.id,
      isFinal: true,
      allowPrivateEndpoints: false,
      now: () => server.clock.now(),
    }
    await expect(runImport({ ...run, source: failing() })).rejects.toThrow('the disk is gone')
    const broken = await readImport(server.db, { appId, id: started.id })
    expect(broken.rows).toBeGreaterThan(0)
    expect(broken.rows).toBeLessThan(48_000)
    const resumed = await start(text, {})
    expect(resumed).toMatchObject({ id: started.id, isResumed: true })
    const source = Readable.from(piecesOf(bytes.subarray(resumed.byteOffset), 65_536))
    const done = await runImport({ ...run, source })
    expect(done).toMatchObject({ state: 'done', rows: 48_000, stored: 47_520, refused: 480 })
    expect((await refusalsOf(started.id)).map(it => it.row)).toEqual(
      Array.from({ length: 480 }, (_, i) => i * 100 + 8),
    )
    const { rows: counted } = await server.db.query<{ devices: number; ledger: number }>(
      `select (select count(*) from device where app_id = $1) as devices,
              (select count(*) from ledger where app_id = $1) as ledger`,
      [appId],
    )
    expect(counted).toEqual([{ devices: 47_520, ledger: 47_520 }])
  })

  test('is stored by one of two runs at once; the other one stops and says so', async () => {
    const text = `hwid,platform,pushToken\n${Array.from({ length: 20_000 }, (_, i) => csvLine([`two-${i}`, 'ios', newToken()])).join('')}`
    const runs = await Promise.allSettled([importText(text), importText(text)])
    const { rows } = await server.db.query<{ ledger: number }>(
      "select count(*) as ledger from ledger where app_id = $1 and hwid like 'two-%'",
      [appId],
    )
    expect(rows).toEqual([{ ledger: 20_000 }])
    for (const run of runs)
      if (run.status === 'rejected') expect(run.reason).toMatchObject({ code: 'import_moved' })
  })
})

describe('mappings', () => {
  beforeAll(newApp)

  test('Pushwoosh CSV: default tags become facts about the device, the others its tags', async () => {
    const token = newToken()
    await importText(
      csvLine([
        'Hwid',
        'User ID',
        'Push Token',
        'Type',
        'Type (humanized)',
        'Language',
        'Last Application Open',
        'Tier',
        'Topics',
        'Push Alerts Enabled',
      ]) +
        csvLine([
          'PW-1',
          'berta',
          token,
          '1',
          'iOS',
          'de',
          '2026-02-03 04:05:06',
          'gold',
          '["a","b"]',
          'true',
        ]) +
        csvLine(['PW-2', 'berta', newToken(), '1', 'iOS', 'de', '2026-02-03 04:05:06', 'gold', '', 'false']) +
        csvLine(['PW-3', 'berta', newToken(), '1', 'iOS', 'de', '2026-02-03 04:05:06', 'gold', '', '']),
      { mapping: 'pushwoosh' },
    )
    expect(await server.view(app, 'PW-1')).toMatchObject({
      userId: 'berta',
      language: 'de',
      lastOpenAt: '2026-02-03T04:05:06.000Z',
      tags: { Tier: 'gold', Topics: ['a', 'b'] },
      permission: 'granted',
      addresses: [{ provider: 'apns', addressEnd: end(token) }],
    })
    expect(await server.view(app, 'PW-2')).toMatchObject({
      permission: 'denied',
      isOptedOut: true,
      addresses: [{ state: 'active' }],
    })
    expect(await server.view(app, 'PW-3')).toMatchObject({ permission: null, isOptedOut: false })
  })

  test('Pushwoosh JSON: typed tags are read, and the token of an unsubscribed device is opted out', async () => {
    const line = (hwid: string, unsubscribed: boolean) =>
      `${JSON.stringify({ hwid, platform: 3, push_tokens: { 'AAAAA-BBBBB': `fcm-${hwid}` }, device_tags: [{ name: 'Age', integer: 41 }], app_tags: { 'AAAAA-BBBBB': { tags: [{ name: 'Language', string: 'en' }] } }, users: ['carl'], unsubscribed })}\n`
    await importText(line('PWJ-1', false) + line('PWJ-2', true), { mapping: 'pushwoosh', format: 'ndjson' })
    expect(await server.view(app, 'PWJ-1')).toMatchObject({
      platform: 'android',
      userId: 'carl',
      language: 'en',
      tags: { Age: 41 },
      addresses: [{ provider: 'fcm' }],
    })
    expect(await server.view(app, 'PWJ-2')).toMatchObject({
      isOptedOut: true,
      addresses: [{ state: 'active' }],
    })
  })

  test('OneSignal: an invalid subscription is kept without its token, and one that was ended with it, opted out', async () => {
    const header = [
      'id',
      'identifier',
      'device_type',
      'tags',
      'last_active',
      'external_user_id',
      'invalid_identifier',
      'notification_types',
    ]
    const row = (id: string, invalid: string, types: string) =>
      csvLine([id, newToken(), 0, '{"plan":"pro"}', '2026-01-02 03:04:05.678 UTC', 'dora', invalid, types])
    await importText(
      csvLine(header) + row('OS-1', 'f', '1') + row('OS-2', 't', '1') + row('OS-3', 'f', '-2'),
      {
        mapping: 'onesignal',
      },
    )
    expect(await server.view(app, 'OS-1')).toMatchObject({
      userId: 'dora',
      tags: { plan: 'pro' },
      lastOpenAt: '2026-01-02T03:04:05.678Z',
      addresses: [{ state: 'active' }],
    })
    expect(await addresses('OS-2')).toEqual([])
    expect(await server.view(app, 'OS-3')).toMatchObject({
      isOptedOut: true,
      addresses: [{ state: 'active' }],
    })
  })

  const ago = (days: number) => new Date(server.clock.now() - days * DAY_MS).toISOString()

  test('R26: who has unsubscribed elsewhere stays so when the app registers, until it says otherwise; a browser subscribes by registering', async () => {
    const row = (id: string, type: number, subscription: string) =>
      csvLine([id, newToken(), type, subscription])
    await importText(
      csvLine(['id', 'identifier', 'device_type', 'notification_types']) +
        row('no-1', 0, '-2') +
        row('no-2', 0, '0') +
        row('no-3', 5, '-2'),
      { mapping: 'onesignal' },
    )
    const optedOut = async (hwid: string) => (await server.view(app, hwid)).isOptedOut
    await register('no-1', newToken())
    await register('no-2', newToken())
    expect([await optedOut('no-1'), await optedOut('no-2')]).toEqual([true, false])
    expect((await server.view(app, 'no-3')).permission).toBeNull()
    await server.device(app, 'registerDevice', {
      hwid: 'no-1',
      device_type: 1,
      push_token: newToken(),
      notificationTypes: 7,
    })
    expect(await optedOut('no-1')).toBe(false)
  })

  test('R26: an opt-out goes with its token, whatever its device is called, until the app says otherwise', async () => {
    const [token, silent] = [newToken(), newToken()]
    const row = (id: string, identifier: string) => csvLine([id, identifier, 0, '-2', ago(2)])
    await importText(
      csvLine(['id', 'identifier', 'device_type', 'notification_types', 'last_active']) +
        row('player-1', token) +
        row('player-2', silent),
      { mapping: 'onesignal' },
    )
    const granted = { hwid: 'app-1', device_type: 1, push_token: token, notificationTypes: 7 }
    await server.device(app, 'registerDevice', granted)
    expect(await server.view(app, 'app-1')).toMatchObject({ isOptedOut: false, permission: 'granted' })
    await register('app-2', silent)
    await register('app-2', silent)
    expect(await server.view(app, 'app-2')).toMatchObject({ isOptedOut: true, permission: 'denied' })
    await server.device(app, 'registerDevice', { ...granted, hwid: 'app-2', push_token: silent })
    expect((await server.view(app, 'app-2')).isOptedOut).toBe(false)
  })

  test('R26: an opt-out goes with its token from one file to another, too', async () => {
    const token = newToken()
    await importText(
      csvLine(['id', 'identifier', 'device_type', 'notification_types', 'last_active']) +
        csvLine(['player-3', token, 0, '-2', ago(3)]),
      { mapping: 'onesignal' },
    )
    const line = { hwid: 'elsewhere', platform: 'ios', pushToken: token, lastSeenAt: ago(1) }
    await importText(`${JSON.stringify(line)}\n`, { format: 'ndjson' })
    expect(await server.view(app, 'elsewhere')).toMatchObject({
      isOptedOut: true,
      permission: 'denied',
      addresses: [{ state: 'active' }],
    })
  })

  test('R3: a token that its device has registered since is not opted out by a file', async () => {
    const token = newToken()
    await register('subscribed', token)
    await importText(
      csvLine(['id', 'identifier', 'device_type', 'notification_types', 'last_active']) +
        csvLine(['player-4', token, 0, '-2', ago(1)]),
      { mapping: 'onesignal' },
    )
    expect(await server.view(app, 'subscribed')).toMatchObject({
      isOptedOut: false,
      addresses: [{ state: 'active' }],
    })
  })

  test('Parse: an installation of mongoexport with its user, channels and times', async () => {
    await importText(
      `${JSON.stringify({ _id: 'x', installationId: 'inst-1', deviceType: 'android', deviceToken: 'parse-token', _p_user: '_User$emil', channels: ['news'], localeIdentifier: 'en-US', _updated_at: { $date: '2026-01-01T00:00:00Z' } })}\n`,
      { mapping: 'parse', format: 'ndjson' },
    )
    expect(await server.view(app, 'inst-1')).toMatchObject({
      userId: 'emil',
      language: 'en',
      tags: { channels: ['news'] },
      lastSeenAt: '2026-01-01T00:00:00.000Z',
      addresses: [{ provider: 'fcm' }],
    })
  })

  test('bare tokens get a device each, which the app itself takes over when it registers', async () => {
    const token = newToken()
    await importText(`token\n${token}\n`, { mapping: 'tokens', platform: 'ios' })
    const name = `token-${createHash('sha256').update(token).digest('hex').slice(0, 32)}`
    expect((await addresses(name))[0]).toMatchObject({ state: 'active' })
    server.clock.advance(1000)
    await register('the-app', token)
    expect((await addresses(name))[0]).toMatchObject({ state: 'moved' })
    expect((await addresses('the-app'))[0]).toMatchObject({ state: 'active' })
  })

  test('browser subscriptions need the VAPID key that they were made with', async () => {
    const ecdh = createECDH('prime256v1')
    const p256dh = ecdh.generateKeys().toString('base64url')
    const subscription = (n: number) => ({
      endpoint: `https://fcm.googleapis.com/fcm/send/imported-${n}`,
      keys: { p256dh, auth: randomBytes(16).toString('base64url') },
    })
    const { publicKey: applicationServerKey, privateKey } = generateVapidKeys()
    const lines = (n: number) =>
      `${JSON.stringify({ hwid: `web-${n}`, applicationServerKey, subscription: subscription(n) })}\n`
    const before = await importText(lines(1), { mapping: 'browser', format: 'ndjson' })
    expect((await refusalsOf(before.id))[0]).toMatchObject({
      code: 'address_malformed',
      detail: expect.stringContaining('VAPID'),
    })
    const key = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/credentials`, {
      gateway: 'webpush',
      kind: 'vapid',
      publicKey: applicationServerKey,
      privateKey,
      subject: 'mailto:push@example.com',
    })
    expect(key.status).toBe(201)
    expect(await importText(lines(2), { mapping: 'browser', format: 'ndjson' })).toMatchObject({ stored: 1 })
    const { rows } = await server.db.query("select credential_id from address where hwid = 'web-2'")
    expect(rows).toEqual([{ credential_id: key.body.id }])
  })
})

test('a dry run tells cohorts and reasons, and stores nothing', async () => {
  await newApp()
  const asOf = server.clock.now()
  const at = (days: number) => new Date(asOf - days * DAY_MS).toISOString()
  const text =
    'hwid,platform,pushToken,appVersion,lastOpenAt\n' +
    csvLine(['d-1', 'ios', newToken(), '1.0', at(3)]) +
    csvLine(['d-2', 'ios', newToken(), '1.0', at(5)]) +
    csvLine(['d-3', 'android', '', '2.0', at(400)]) +
    csvLine(['d-5', 'ios', newToken(), '1.0', at(364)]) +
    csvLine(['d-6', 'ios', newToken(), '1.0', at(366)]) +
    csvLine(['d-4', 'ios', 'zz', '1.0', at(3)])
  const options = await draftOptions(server.db, { appId, asOf, allowPrivateEndpoints: false })
  const report = new CohortReport()
  const read = { format: 'csv', from: BEGINNING, isFinal: true, columns: columnsOf('roost') } as const
  for await (const block of readBlocks(Readable.from([Buffer.from(text)]), read))
    report.add(readBlock(block, { settings: settingsOf({}), options }), {
      asOf,
      now: asOf,
      policy: options.policy,
    })
  expect(report.result()).toMatchObject({
    rows: 6,
    accepted: 5,
    refused: 1,
    withToken: 4,
    overdue: 1,
    reasons: [{ code: 'address_malformed', rows: 1 }],
    cohorts: [
      { platform: 'ios', appVersion: '1.0', lastSeen: 'within 7 days', rows: 2, withToken: 2 },
      { platform: 'ios', appVersion: '1.0', lastSeen: 'longer ago', rows: 2, withToken: 2 },
      { platform: 'android', appVersion: '2.0', lastSeen: 'longer ago', rows: 1, withToken: 0 },
    ],
  })
  const { rows } = await server.db.query('select from device where app_id = $1', [appId])
  expect(rows).toHaveLength(0)
})

describe('an export', () => {
  const exported = async (format: TransferFormat, hasTokens: boolean) => {
    let text = ''
    for await (const piece of exportDevices(server.db, { appId, format, hasTokens })) text += piece
    return text
  }

  test.each(['csv', 'ndjson'] as const)(
    'as %s with tokens brings the same base into another app',
    async format => {
      await newApp()
      const token = newToken()
      await server.device(app, 'registerDevice', {
        hwid: 'there, and "back"',
        device_type: 1,
        push_token: token,
        gateway: 'sandbox',
        userId: 'frida',
        tags: { list: ['a,b', 'c'], n: 1.5, yes: true },
      })
      const text = await exported(format, true)
      const { firstSeenAt, tags, platform, userId } = await server.view(app, 'there, and "back"')
      await newApp()
      await importText(text, { format })
      expect(await server.view(app, 'there, and "back"')).toMatchObject({
        firstSeenAt,
        tags,
        platform,
        userId,
        addresses: [{ environment: 'sandbox', state: 'active', addressEnd: end(token) }],
      })
    },
  )

  test.each(['csv', 'ndjson'] as const)(
    'as %s tells of a withdrawn permission, and its import sends to no such device',
    async format => {
      await newApp()
      await register('opted-out', newToken())
      await server.db.query("update address set opted_out = true where app_id = $1 and hwid = 'opted-out'", [
        appId,
      ])
      const text = await exported(format, true)
      await newApp()
      expect(await importText(text, { format })).toMatchObject({ stored: 1 })
      expect(await addresses('opted-out')).toMatchObject([{ state: 'active' }])
      expect(await server.view(app, 'opted-out')).toMatchObject({ isOptedOut: true, permission: 'denied' })
    },
  )

  test('shows no more than the end of a token, unless whole tokens were asked for', async () => {
    await newApp()
    const token = newToken()
    await register('masked', token)
    expect(await exported('ndjson', false)).not.toContain(token)
    expect(await exported('ndjson', false)).toContain(`"…${end(token)}"`)
    expect(await exported('ndjson', true)).toContain(token)
  })
})
