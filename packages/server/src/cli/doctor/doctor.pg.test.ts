/** What the doctor sees in the database and of the work that is done by it: each of them broken for real. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppleAuthority } from '../../../../gateways/test/apple-certificates.ts'
import { SECRET, startBare } from '../../../test/bare.ts'
import { cloneDatabase, emptyDatabase, templateUrl } from '../../../test/database.ts'
import { BUNDLE_ID, startRoost, TestClock, type TestRoost } from '../../../test/roost.ts'
import { raiseAlert } from '../../hygiene/alerts.ts'
import { Database } from '../../store/database.ts'
import { startEmbeddedPostgres } from '../../store/embedded.ts'
import { lookAtDatabase } from './database.ts'
import { type DoctorOptions, examine } from './doctor.ts'
import type { Told } from './finding.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** Of the one that all tests share, and nobody would keep a base in. */
const OF_THE_TESTS = new Set(['durability', 'disk'])

let folder: string
let roost: TestRoost
let apple: AppleAuthority
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-doctor-'))
  apple = new AppleAuthority()
  roost = await startRoost({ environment: { ROOST_SECRET: SECRET } })
})
afterAll(async () => {
  await roost.close()
  apple.close()
  await rm(folder, { recursive: true, force: true })
})

async function urlOf(db: Database): Promise<string> {
  const { rows } = await db.query<{ name: string }>('select current_database() as name')
  const url = new URL(templateUrl())
  url.pathname = `/${rows[0]?.name}`
  return url.href
}

async function look(
  environment: Record<string, string>,
  options: Partial<DoctorOptions> = {},
): Promise<Told[]> {
  const told = await examine({
    environment: { ROOST_DATA_DIR: folder, ROOST_SECRET: SECRET, ...environment },
    url: 'http://127.0.0.1:9',
    isOffline: true,
    nodeVersion: 'v24.3.0',
    ...options,
  })
  return told.filter(it => !OF_THE_TESTS.has(it.subject))
}

/** Of the server that stands for all. */
async function lookAtRoost(options: Partial<DoctorOptions> = {}): Promise<Told[]> {
  const ca = join(folder, 'ca.pem')
  await writeFile(ca, roost.simulator.caPem)
  const environment = {
    ...roost.simulator.environment(),
    ROOST_EXTRA_CA: ca,
    ROOST_DATABASE_URL: await urlOf(roost.server.db),
  }
  return look(environment, { url: roost.url, isOffline: false, clock: roost.clock, ...options })
}

const of = (told: readonly Told[], subject: string) => told.filter(it => it.subject.startsWith(subject))
const unwell = (told: readonly Told[]) => told.filter(it => it.state !== 'ok')

test('of an installation that is well all is ok, gateways and their environments included', async () => {
  const told = await lookAtRoost()
  // An authority of a month, a secret of words and doors that stand open are for tests alone.
  const ofTests = ['ROOST_EXTRA_CA', 'ROOST_SECRET', 'ROOST_ALLOW_PRIVATE_ENDPOINTS']
  expect(unwell(told).map(it => [it.subject, it.state])).toEqual(ofTests.map(it => [it, 'warning']))
  const seen = [
    'server',
    'PostgreSQL',
    'schema',
    'clock of PostgreSQL',
    'connections',
    'transactions',
    'dead rows',
  ]
  for (const subject of [...seen, 'APNs', 'FCM', 'Google OAuth', 'credentials', 'messages', 'jobs'])
    expect(of(told, subject).length, subject).toBeGreaterThan(0)
})

describe('the database', () => {
  test('one that can’t be asked is wrong with what mends it, and the rest is looked at', async () => {
    const url = new URL(templateUrl())
    url.pathname = '/nowhere'
    expect(of(await look({ ROOST_DATABASE_URL: url.href }), 'PostgreSQL')).toMatchObject([
      { state: 'wrong', remedy: expect.stringContaining('create database') },
    ])
    url.pathname = '/template'
    url.password = 'not-this-password'
    const refused = await look({ ROOST_DATABASE_URL: url.href })
    expect(of(refused, 'PostgreSQL')).toMatchObject([
      { state: 'wrong', remedy: 'Correct user and password in ROOST_DATABASE_URL.' },
    ])
    expect(JSON.stringify(refused)).not.toContain('not-this-password')
    expect(
      of(await look({ ROOST_DATABASE_URL: 'postgres://roost:x@127.0.0.1:9/roost' }), 'PostgreSQL'),
    ).toMatchObject([{ state: 'wrong', remedy: expect.stringContaining('Nobody listens there') }])
    expect(of(refused, 'Node')).toHaveLength(1)
  })

  test('a database without a schema is warned of, and nothing is made in it', async () => {
    const empty = await emptyDatabase()
    expect(of(await look({ ROOST_DATABASE_URL: empty.url }), 'schema')).toMatchObject([
      { state: 'warning', says: 'there is none yet' },
    ])
    await withDatabase(empty.url, async db => {
      const { rowCount } = await db.query("select from pg_class where relnamespace = 'public'::regnamespace")
      expect(rowCount).toBe(0)
    })
    await empty.drop()
  })

  test('one that takes no writes, or was migrated by others, is told', async () => {
    const own = await cloneDatabase()
    await withDatabase(own.url, async db => {
      const name = new URL(own.url).pathname.slice(1)
      await db.query('delete from schema_version where version = (select max(version) from schema_version)')
      expect(of(await look({ ROOST_DATABASE_URL: own.url }), 'schema')).toMatchObject([
        { state: 'wrong', says: expect.stringMatching(/^1 migration\(s\) are missing, from \d+ on$/) },
      ])
      await db.query("insert into schema_version (version, name) values (9999, 'of_later')")
      expect(of(await look({ ROOST_DATABASE_URL: own.url }), 'schema').map(it => it.state)).toEqual([
        'wrong',
        'warning',
      ])
      await db.query(`alter database ${name} set default_transaction_read_only = on`)
      expect(of(await look({ ROOST_DATABASE_URL: own.url }), 'PostgreSQL')).toMatchObject([
        { state: 'wrong', says: expect.stringContaining('default_transaction_read_only') },
      ])
    })
    await own.drop()
  })

  test('fsync and synchronous_commit that are off are told apart', async () => {
    const own = await cloneDatabase()
    const durability = async () => {
      const told = await examine({
        environment: { ROOST_DATA_DIR: folder, ROOST_SECRET: SECRET, ROOST_DATABASE_URL: own.url },
        url: 'http://127.0.0.1:9',
        isOffline: true,
      })
      return told.filter(it => it.subject === 'durability').map(it => it.says.split(' ')[0])
    }
    expect(await durability()).toEqual(['fsync', 'synchronous_commit']) // as all tests have it
    await withDatabase(own.url, async db => {
      const name = new URL(own.url).pathname.slice(1)
      await db.query(`alter database ${name} set synchronous_commit = on`)
    })
    expect(await durability()).toEqual(['fsync'])
    await own.drop()
  })

  test('an index that was not built to its end is named, with what builds it', async () => {
    const own = await cloneDatabase()
    await withDatabase(own.url, async db => {
      await db.query("insert into app (code, name) values ('A', 'twice'), ('B', 'twice')")
      await expect(db.query('create unique index concurrently app_name_once on app (name)')).rejects.toThrow()
    })
    expect(of(await look({ ROOST_DATABASE_URL: own.url }), 'indexes')).toMatchObject([
      { state: 'wrong', remedy: 'reindex index concurrently app_name_once;' },
    ])
    await own.drop()
  })

  test('a clock that differs from the database’s is told, by how much and in which direction', async () => {
    const clock = new TestClock()
    clock.advance(10 * MINUTE_MS)
    const url = await urlOf(roost.server.db)
    expect(of(await look({ ROOST_DATABASE_URL: url }, { clock }), 'clock of PostgreSQL')).toMatchObject([
      { state: 'wrong', says: '10 minutes behind that of this machine' },
    ])
  })

  test('a transaction that is open for long is told with its process', async () => {
    const own = await cloneDatabase()
    const holder = new pg.Client({ connectionString: own.url, application_name: 'report of last year' })
    await holder.connect()
    await holder.query('begin')
    const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
    await withDatabase(own.url, async db => {
      const open = async (longMs: number) =>
        (await lookAtDatabase(db, { now: Date.now, longMs })).findings.filter(
          it => it.subject === 'transactions',
        )
      await expect
        .poll(() => open(5))
        .toMatchObject([
          {
            state: 'warning',
            says: expect.stringContaining('"report of last year", idle in transaction'),
            remedy: expect.stringContaining(`pg_terminate_backend(${rows[0]?.pid})`),
          },
        ])
      expect(await open(MINUTE_MS)).toMatchObject([{ state: 'ok' }])
    })
    await holder.end()
    await own.drop()
  })

  test('a table that is full of dead rows is named', async () => {
    const own = await cloneDatabase()
    await withDatabase(own.url, async db => {
      await db.query(
        'create table bloated (n integer) with (autovacuum_enabled = off); insert into bloated select generate_series(1, 120000); update bloated set n = n + 1',
      )
      const dead = async () => of(await look({ ROOST_DATABASE_URL: own.url }), 'dead rows')
      await expect
        .poll(dead)
        .toMatchObject([
          { state: 'warning', says: expect.stringMatching(/^bloated has 120000 beside 120000 /) },
        ])
      await db.query('vacuum bloated')
      await expect.poll(dead).toMatchObject([{ state: 'ok' }])
    })
    await own.drop()
  })

  test('a replication slot that nobody reads is named before the disk is full', async () => {
    const name = `doctor_${process.pid}`
    const url = await urlOf(roost.server.db)
    await withDatabase(url, async db => {
      await db.query('select pg_create_physical_replication_slot($1, true)', [name])
      try {
        const kept = of(await look({ ROOST_DATABASE_URL: url }), 'kept log')
        expect(kept).toMatchObject([
          { state: 'warning', remedy: expect.stringContaining(`pg_drop_replication_slot('${name}')`) },
        ])
      } finally {
        await db.query('select pg_drop_replication_slot($1)', [name])
      }
    })
  })

  test('the embedded one is looked at beside its server, and else only started when that is wished', async () => {
    const data = await mkdtemp(join(tmpdir(), 'roost-doctor-data-'))
    const server = await startEmbeddedPostgres({ dataDirectory: data, fsync: false })
    const environment = { ROOST_DATA_DIR: data }
    const running = await look(environment)
    expect(of(running, 'schema')).toMatchObject([{ state: 'warning', says: 'there is none yet' }])
    await server.stop()
    expect(of(await look(environment), 'PostgreSQL')).toMatchObject([{ state: 'unknown' }])
    const started = await look(environment, { startsDatabase: true })
    expect(of(started, 'schema')).toMatchObject([{ state: 'warning', says: 'there is none yet' }])
    expect(of(await look(environment), 'PostgreSQL')).toMatchObject([{ state: 'unknown' }]) // stopped again
    await rm(data, { recursive: true, force: true })
  })
})

describe('credentials', () => {
  test('a secret that does not open the credentials is wrong', async () => {
    const told = await lookAtRoost({
      environment: {
        ROOST_DATABASE_URL: await urlOf(roost.server.db),
        ROOST_SECRET: '0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c',
        ROOST_DATA_DIR: folder,
      },
      isOffline: true,
    })
    expect(of(told, 'ROOST_SECRET')).toMatchObject([{ area: 'credentials', state: 'wrong' }])
  })

  test('a certificate that ends soon is warned of, one that has ended is wrong', async () => {
    const own = await startRoost({ environment: { ROOST_SECRET: SECRET } })
    const endsAt = own.clock.now() + 20 * DAY_MS
    const made = apple.issue({
      uid: BUNDLE_ID,
      notBefore: stamp(endsAt - 365 * DAY_MS),
      notAfter: stamp(endsAt),
    })
    await own.rest('POST', `/v1/apps/${own.app}/credentials`, {
      gateway: 'apns',
      kind: 'pem',
      pem: `${made.cert}${made.key}`,
    })
    const states = async () => {
      const told = await look({ ROOST_DATABASE_URL: await urlOf(own.server.db) }, { clock: own.clock })
      return of(told, 'apns pem').map(it => `${it.state} ${it.says.slice(0, 27)}`)
    }
    expect(await states()).toContain('warning The certificate expires in ')
    own.clock.advance(21 * DAY_MS)
    expect(await states()).toContain('wrong The certificate has expired')
    await own.close()
  })

  test('devices at a gateway without a credential are told, app by app', async () => {
    const bare = await startBare()
    const access = await bare.createApp()
    await bare.device(access, 'registerDevice', {
      hwid: 'a',
      device_type: 3,
      push_token: 'fcm-token-'.repeat(12),
    })
    const told = await look({ ROOST_DATABASE_URL: await urlOf(bare.db) })
    expect(of(told, 'credentials')).toMatchObject([
      {
        state: 'wrong',
        says: `${access.app} has devices at fcm and no credential for it, so they are sent nothing`,
      },
    ])
    await bare.close()
  })
})

describe('work', () => {
  test('messages that are due and that nobody sends are wrong, whether they are planned or not', async () => {
    const sender = await startRoost({ environment: { ROOST_SECRET: SECRET }, roles: ['api', 'jobs'] })
    await sender.phone('ios')
    await sender.send({ to: { all: true }, content: { title: 'Hello' } })
    const url = await urlOf(sender.server.db)
    const messages = async () =>
      of(await look({ ROOST_DATABASE_URL: url }, { clock: sender.clock }), 'messages')
    expect(await messages()).toMatchObject([{ state: 'ok' }]) // a moment ago
    sender.clock.advance(5 * MINUTE_MS)
    expect(await messages()).toMatchObject([
      { state: 'wrong', says: '1 messages are due for 5 minutes, and nobody sends' },
    ])
    await sender.close()
  })

  test('messages that wait for a credential are told with the reason', async () => {
    const own = await startRoost({ environment: { ROOST_SECRET: SECRET } })
    await own.phone('ios')
    const { body } = await own.rest<{ credentials: { gateway: string; settings: { keyId: string } }[] }>(
      'GET',
      `/v1/apps/${own.app}/credentials`,
    )
    own.simulator.apns.revokeKey(body.credentials.find(it => it.gateway === 'apns')?.settings.keyId ?? '')
    const id = await own.send({ to: { all: true }, content: { title: 'Hello' } })
    await own.until(id, it => it.held.length > 0)
    const told = await look({ ROOST_DATABASE_URL: await urlOf(own.server.db) })
    expect(of(told, 'held messages')).toMatchObject([
      { state: 'wrong', says: `1 of ${own.app} wait at apns: InvalidProviderToken (${id})` },
    ])
    expect(of(told, 'apns p8')).toMatchObject([
      {
        state: 'wrong',
        remedy: expect.stringMatching(
          /\. When it is mended where it is kept: POST \/v1\/apps\/.*\/credentials\/.*\/check /,
        ),
      },
    ])
    await own.close()
  })

  test('jobs that did not run at their times are named, and so is one that failed', async () => {
    const bare = await startBare()
    const url = await urlOf(bare.db)
    const jobs = async (clock: TestClock) => of(await look({ ROOST_DATABASE_URL: url }, { clock }), 'jobs')
    expect(await jobs(bare.clock)).toMatchObject([{ state: 'ok' }])
    await bare.db.query(
      "insert into job_run (name, started_at, finished_at, outcome, summary) values ('segments', now(), now(), 'failed', 'Error: no')",
    )
    expect(await jobs(bare.clock)).toMatchObject([
      {
        state: 'warning',
        says: expect.stringContaining('segments failed'),
        remedy: expect.stringContaining('roost jobs run segments'),
      },
    ])
    const later = new TestClock()
    later.advance(30 * MINUTE_MS)
    const [late] = await jobs(later)
    expect(late).toMatchObject({ state: 'wrong', says: expect.stringContaining('credential-watch') })
    expect(late?.says).not.toContain('credential-check') // a daily one
    await bare.close()
  })

  test('a database that no job has ever run on is warned of, with their tables and without', async () => {
    const own = await cloneDatabase()
    const jobs = async () => of(await look({ ROOST_DATABASE_URL: own.url }), 'jobs')
    expect(await jobs()).toMatchObject([{ state: 'warning' }])
    const db = new Database({ url: own.url })
    await db.query('drop schema graphile_worker cascade')
    await db.close()
    expect(await jobs()).toMatchObject([{ state: 'warning' }])
    await own.drop()
  })

  test('open alerts are told with the command that decides them', async () => {
    const bare = await startBare()
    const { app } = await bare.createApp()
    const { rows } = await bare.db.query<{ id: number }>('select id from app where code = $1', [app])
    const alert = {
      appId: rows[0]?.id ?? -1,
      kind: 'address_flapping',
      subject: 'x',
      data: {},
      at: Date.now(),
    } as const
    const id = await bare.db.transaction(tx => raiseAlert(tx, alert))
    expect(of(await look({ ROOST_DATABASE_URL: await urlOf(bare.db) }), 'alerts')).toMatchObject([
      {
        state: 'warning',
        remedy: expect.stringMatching(
          `^Devices share an address.* Then: roost alerts close ${id} --app ${app}$`,
        ),
      },
    ])
    const refused = { ...alert, kind: 'credential_refused', data: { remedy: 'Enable the API.' } } as const
    await bare.db.transaction(tx => raiseAlert(tx, refused))
    const told = of(await look({ ROOST_DATABASE_URL: await urlOf(bare.db) }), 'alerts')
    expect(told.map(it => it.remedy)).toContainEqual(
      expect.stringMatching(/^Enable the API\. PUT ….* It closes by itself\.$/),
    )
    await bare.close()
  })

  test('webhooks that fail are told with what they answered, and without the path of their URL', async () => {
    const bare = await startBare({ environment: { ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' } })
    const { app } = await bare.createApp()
    const path = `/v1/apps/${app}/webhooks`
    const { body } = await bare.rest<{ id: string }>('POST', path, {
      url: 'https://127.0.0.1:9/hook/with-a-secret',
    })
    await bare.rest('POST', `${path}/${body.id}/test`)
    const failing = async () => of(await look({ ROOST_DATABASE_URL: await urlOf(bare.db) }), 'webhook')
    await expect
      .poll(failing)
      .toMatchObject([
        { subject: 'webhook 127.0.0.1:9', state: 'warning', says: expect.stringContaining('ECONNREFUSED') },
      ])
    expect(JSON.stringify(await failing())).not.toContain('with-a-secret')
    await bare.db.query('update webhook set disabled_at = now(), is_active = false')
    expect(await failing()).toMatchObject([{ state: 'wrong' }])
    await bare.close()
  })
})

test('a server that lost its database says that it can’t serve', async () => {
  const own = await cloneDatabase()
  const bare = await startBare({ databaseUrl: own.url })
  const name = new URL(own.url).pathname.slice(1)
  await roost.server.db.query(`alter database ${name} allow_connections false`)
  await roost.server.db.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    name,
  ])
  const told = await look({ ROOST_DATABASE_URL: own.url }, { url: bare.url })
  expect(of(told, 'server')).toMatchObject([
    { state: 'ok' },
    { state: 'wrong', says: expect.stringContaining('the database does not answer') },
  ])
  expect(of(told, 'PostgreSQL')).toMatchObject([{ state: 'wrong' }])
  await roost.server.db.query(`alter database ${name} allow_connections true`)
  await bare.close()
  await own.drop()
})

function stamp(at: number): string {
  return `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
}

async function withDatabase(url: string, work: (db: Database) => Promise<void>): Promise<void> {
  const db = new Database({ url })
  try {
    await work(db)
  } finally {
    await db.close()
  }
}
