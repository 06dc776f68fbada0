/** Deleting an app: everything of it goes, in steps that a crash may interrupt, and nothing of any other. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'
import { join } from '../../test/people.ts'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { Visitor } from '../../test/visitor.ts'
import type { Queryable } from '../store/database.ts'
import { BELONGING, finishDeletions } from './deletion.ts'

const MINUTE_MS = 60_000
/** Of no app: what belongs to the installation, to people, or to what several apps share. */
const OF_NO_APP = [
  'app',
  'live_server',
  'pace', // unlogged; by the names of messages and of projects that apps share
  'person',
  'person_session',
  'recovery_code',
  'schema_version',
  'secret_canary',
  'stat_mark',
]

interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly isNeeded: boolean
}

async function columnsOf(db: Queryable): Promise<Map<string, Column[]>> {
  const { rows } = await db.query<Column>(
    `select c.table_name::text as table, c.column_name::text as name, c.udt_name::text as type,
            c.is_nullable = 'NO' and c.column_default is null and c.is_identity = 'NO' and c.is_generated = 'NEVER' as "isNeeded"
       from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
      where c.table_schema = current_schema() and t.table_type = 'BASE TABLE' order by 1, c.ordinal_position`,
  )
  const tables = new Map<string, Column[]>()
  for (const row of rows) tables.set(row.table, [...(tables.get(row.table) ?? []), row])
  return tables
}

let counter = 1
/** Any value of a type, another one each time. */
function anyOf({ name, type }: Column): unknown {
  counter++
  if (/bucket/.test(name)) return counter % 1024
  if (type.startsWith('_')) return []
  if (type === 'uuid') return randomUUID()
  if (type === 'bytea') return Buffer.from(`b${counter}`)
  if (type === 'jsonb') return '{}'
  if (type === 'bool') return false
  if (type === 'timestamptz' || type === 'date') return new Date(counter * MINUTE_MS)
  if (type === 'text') return `t${counter}`
  return counter % 30_000
}

/** By table: the columns that refer to another one, and to which. */
async function referencesOf(db: Queryable): Promise<Map<string, Map<string, string>>> {
  const { rows } = await db.query<{ table: string; column: string; to: string }>(
    `select f.conrelid::regclass::text as table, a.attname::text as column, f.confrelid::regclass::text as to
       from pg_constraint f join pg_attribute a on a.attrelid = f.conrelid and a.attnum = f.conkey[1]
      where f.contype = 'f' and f.connamespace = current_schema()::regnamespace`,
  )
  const told = Object.entries(BELONGING).map(([table, { column, to }]) => ({ table, column, to }))
  const found = new Map<string, Map<string, string>>()
  for (const { table, column, to } of [...rows, ...told])
    if (to !== 'app') found.set(table, (found.get(table) ?? new Map<string, string>()).set(column, to))
  return found
}

/** A row for an app in every table that has rows of apps, those first that others refer to; returns their ids. */
async function fill(db: Queryable, appId: number): Promise<ReadonlyMap<string, unknown>> {
  const ids = new Map<string, unknown>()
  const columns = await columnsOf(db)
  const references = await referencesOf(db)
  const hasApp = (table: string) => (columns.get(table) ?? []).some(it => it.name === 'app_id')
  const add = async (table: string): Promise<void> => {
    if (ids.has(table)) return
    const fixed: Record<string, unknown> = hasApp(table) ? { app_id: appId } : {}
    for (const [column, to] of references.get(table) ?? []) {
      await add(to)
      fixed[column] = ids.get(to)
    }
    const needed = (columns.get(table) ?? []).filter(it => it.isNeeded && !(it.name in fixed))
    const all = [...Object.entries(fixed), ...needed.map(it => [it.name, anyOf(it)] as const)]
    const { rows } = await db.query<{ id?: unknown }>(
      `insert into ${table} (${all.map(([name]) => `"${name}"`).join(', ')})
       values (${all.map((_, i) => `$${i + 1}`).join(', ')}) returning *`,
      all.map(([, value]) => value),
    )
    ids.set(table, rows[0]?.id)
  }
  for (const table of [...columns.keys()].filter(it => hasApp(it) || it in BELONGING)) await add(table)
  return ids
}

describe('the tables', () => {
  let server: BareServer
  beforeAll(async () => {
    // without jobs, which would look at rows that make no sense
    server = await startBare({ roles: ['api'] })
  })
  afterAll(() => server.close())

  test('are all known: with an app, belonging to one by another table, or of no app', async () => {
    const ofApps = [...(await columnsOf(server.db))]
      .filter(([, columns]) => columns.some(it => it.name === 'app_id'))
      .map(([table]) => table)
    const known = [...ofApps, ...Object.keys(BELONGING), ...OF_NO_APP]
    expect(known.sort()).toEqual([...(await columnsOf(server.db)).keys()].sort())
  })

  test('have nothing of a deleted app afterwards, but the audit log, and of the others all', async () => {
    const { db, clock } = server
    const ids = new Map<string, number>()
    for (const name of ['gone', 'kept']) {
      const { app } = await server.createApp()
      const { rows } = await db.query<{ id: number }>('select id from app where code = $1', [app])
      ids.set(name, rows[0]?.id as number)
    }
    // Rows of any content, for what is looked at is whose they are.
    const { rows: constraints } = await db.query<{ sql: string }>(
      `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as sql from pg_constraint
        where contype = 'c' and connamespace = current_schema()::regnamespace`,
    )
    for (const { sql } of constraints) await db.query(sql)
    const gone = ids.get('gone') as number
    const kept = ids.get('kept') as number
    const keysOfGone = await fill(db, gone)
    const keysOfKept = await fill(db, kept)
    const countsOf = async (appId: number, keys: ReadonlyMap<string, unknown>) => {
      const counts: Record<string, number> = {}
      for (const [table, columns] of await columnsOf(db)) {
        const of = BELONGING[table]
        const hasApp = columns.some(it => it.name === 'app_id')
        if (of === undefined && !hasApp) continue
        const { rows } = await db.query<{ n: number }>(
          `select count(*)::integer as n from ${table} where ${of === undefined ? 'app_id' : of.column}::text = $1`,
          [String(of === undefined ? appId : keys.get(of.to))],
        )
        counts[table] = rows[0]?.n ?? 0
      }
      return counts
    }
    const before = await countsOf(kept, keysOfKept)
    expect(Object.entries(await countsOf(gone, keysOfGone)).filter(([, n]) => n === 0)).toEqual([])
    await db.query('update app set archived_at = $2, deleted_at = $2 where id = $1', [
      gone,
      new Date(clock.now()),
    ])
    expect(await finishDeletions(db, clock.now() + MINUTE_MS)).toMatchObject({ apps: 0 })
    expect(
      Object.entries(await countsOf(gone, keysOfGone))
        .filter(([, n]) => n > 0)
        .map(([table]) => table),
    ).toEqual(['audit_entry'])
    expect(await finishDeletions(db, clock.now() + 11 * MINUTE_MS)).toEqual({ apps: 1, rows: 0 })
    expect(await countsOf(kept, keysOfKept)).toEqual(before)
    expect((await db.query('select from app where id = $1', [gone])).rowCount).toBe(0)
  })
})

describe('a deletion', () => {
  let roost: TestRoost
  let owner: Visitor
  beforeAll(async () => {
    roost = await startRoost()
    owner = new Visitor({ url: roost.url })
    const bearer = { authorization: 'Bearer test-server-token-of-enough-length' }
    await owner.call(
      'POST',
      '/v1/setup',
      { name: 'Olga', password: 'seven quiet herons under glass' },
      bearer,
    )
  })
  afterAll(() => roost.close())

  const path = (rest = '') => `/v1/apps/${roost.app}${rest}`

  test('is for archived apps alone, for owners, and by the name of the app', async () => {
    const codeOf = async (who: Visitor, query: string) => {
      const { status, body } = await who.call<{ code?: string }>('DELETE', `${path()}${query}`)
      return body.code ?? status
    }
    expect(await codeOf(owner, '?name=Test')).toBe('app_not_archived')
    const editor = await join(owner, { url: roost.url, role: 'editor', name: 'Edgar' })
    expect(await editor.call('POST', path('/archive'))).toMatchObject({ status: 403 })
    expect((await owner.call('POST', path('/archive'))).status).toBe(200)
    expect(await codeOf(editor, '?name=Test')).toBe('not_allowed')
    expect(await codeOf(owner, '?name=Tes')).toBe('input_invalid')
    expect(await codeOf(owner, '')).toBe('input_invalid')
    expect((await owner.call('POST', path('/unarchive'))).status).toBe(200)
  })

  test('that is stopped in the middle goes on with what is left, and then nothing names the app’s people', async () => {
    const { db } = roost.server
    const hwid = 'hwid-of-somebody-0815'
    const phone = await roost.phone('ios', { hwid, userId: 'user-of-somebody-0815', tags: { a: 'b' } })
    await roost.sendAndSettle({ to: { users: ['user-of-somebody-0815'] }, content: { title: 'Hello' } })
    await roost.rest('POST', path('/segments'), {
      name: 'Night',
      mode: 'nightly',
      condition: { field: 'hwid', op: 'eq', value: hwid },
    })
    await roost.rest('POST', path('/triggers'), {
      name: 'T',
      event: 'bought',
      message: { content: { title: 'x' } },
    })
    await roost.device('postEvent', { hwid, event: 'bought' })
    await roost.device('createTestDevice', { hwid, name: 'Phone 0815' })
    phone.close()
    const other = (await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Other' })).body.code
    await owner.call('POST', path('/archive'))
    const session = await roost.device('checkDevice', { hwid })
    expect(session.body.status_code).toBe(200)
    expect((await owner.call('DELETE', `${path()}?name=Test`)).status).toBe(204)

    // Gone at once for everybody, its tokens included.
    expect((await owner.call('GET', path())).status).toBe(404)
    expect((await roost.device('checkDevice', { hwid })).body.status_message).toContain('no app')
    const { apps } = (await owner.call<{ apps: { code: string }[] }>('GET', '/v1/apps')).body
    expect(apps.map(it => it.code)).toEqual([other])

    const at = roost.clock.now() + 11 * MINUTE_MS
    let steps = 0
    const half = await finishDeletions(db, at, () => ++steps > 300)
    expect(half.apps).toBe(0)
    expect(half.rows).toBeGreaterThan(0)
    expect((await finishDeletions(db, at)).apps).toBe(1)
    expect(await tablesWith(db, [hwid, 'user-of-somebody-0815', 'Phone 0815'])).toEqual([])
    expect((await roost.rest('GET', `/v1/apps/${other}/credentials`)).body.credentials).toHaveLength(1)
  })

  test('is told in the audit log, by the name and code of the app', async () => {
    const { entries } = (
      await owner.call<{ entries: { what: string; subject: string; by: string; app: string | null }[] }>(
        'GET',
        '/v1/audit?limit=1&what=DELETE',
      )
    ).body
    expect(entries[0]).toMatchObject({
      what: 'DELETE /v1/apps/{app}',
      subject: `Test (${roost.app})`,
      by: 'Olga',
      app: null,
    })
  })
})

/** Tables in which one of the texts stands anywhere. */
async function tablesWith(db: Queryable, texts: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const table of (await columnsOf(db)).keys()) {
    const { rowCount } = await db.query(
      `select from ${table} t where exists (select from unnest($1::text[]) x where strpos(t::text, x) > 0) limit 1`,
      [texts],
    )
    if (rowCount > 0) found.push(table)
  }
  return found
}
