/** Background jobs: each run on record, in a server that starts them, stops with them and outlives a lost connection. */
import { randomUUID } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, SECRET, startBare } from '../../test/bare.ts'
import { cloneDatabase, emptyDatabase, type TestDatabase } from '../../test/database.ts'
import { CredentialChecks } from '../credentials/checks.ts'
import { Seal } from '../credentials/seal.ts'
import { Database } from '../store/database.ts'
import { recordEvent } from '../webhooks/outbox.ts'
import { JOBS, type JobContext } from './jobs.ts'
import { JobRunner } from './runner.ts'
import { lastRuns, runJob } from './runs.ts'

const DAY_MS = 24 * 60 * 60_000

let database: TestDatabase
let server: BareServer
/** No server works on it: one would run its own jobs there at each full minute, on record while they run. */
let quiet: TestDatabase
let db: Database
beforeAll(async () => {
  database = await cloneDatabase()
  server = await startBare({ databaseUrl: database.url })
  quiet = await cloneDatabase()
  db = new Database({ url: quiet.url })
})
afterAll(async () => {
  await server.close()
  await db.close()
  await database.drop()
  await quiet.drop()
})

function context(): JobContext {
  const { clock } = server
  const seal = new Seal(SECRET)
  return {
    db,
    checks: new CredentialChecks({ db, seal, clock, urls: {} }),
    webhooks: { db, seal, allowPrivate: true },
  }
}

const run = (name: keyof typeof JOBS, at: number) =>
  runJob(name, { context: context(), clock: server.clock, at })
const lastRun = async (name: string) => (await lastRuns(db)).find(it => it.name === name)

test('a run that did something is on record with what it did', async () => {
  expect(await lastRun('credential-check')).toBeUndefined()
  const summary = await run('credential-check', server.clock.now())
  expect(summary).toBe('0 checked, 0 refused, 0 could not be asked about')
  expect(await lastRun('credential-check')).toMatchObject({
    outcome: 'done',
    summary,
    startedAt: expect.any(String),
    finishedAt: expect.any(String),
  })
})

test('a run that found nothing to do leaves no record', async () => {
  expect(await run('credential-watch', server.clock.now())).toBeUndefined()
  expect(await lastRun('credential-watch')).toBeUndefined()
})

test('a run that failed is on record with its reason, and fails for the caller too', async () => {
  const closed = new Database({ url: quiet.url })
  await closed.close()
  const checks = new CredentialChecks({ db: closed, seal: new Seal(SECRET), clock: server.clock, urls: {} })
  const failing = runJob('credential-check', {
    context: { ...context(), checks },
    clock: server.clock,
    at: server.clock.now(),
  })
  await expect(failing).rejects.toThrow('pool')
  expect(await lastRun('credential-check')).toMatchObject({
    outcome: 'failed',
    summary: expect.stringContaining('pool'),
  })
})

test('records and events older than 30 days are dropped, younger ones stay', async () => {
  const now = server.clock.now()
  const { rows } = await db.query<{ id: number }>(
    "insert into app (code, name) values ('ABCDE-FGHJK', 'Test') returning id",
  )
  const appId = rows[0]?.id ?? -1
  for (const days of [1, 29, 31, 300]) {
    const at = now - days * DAY_MS
    await db.query("insert into job_run (name, started_at) values ('old', $1)", [new Date(at)])
    await recordEvent(db, { appId, type: 'credential.expired', data: {}, at })
  }
  expect(await run('log-cleaning', now)).toBe('4 dropped')
  const left = await db.query<{ runs: number; events: number }>(
    "select (select count(*) from job_run where name = 'old') as runs, (select count(*) from webhook_event) as events",
  )
  expect(left.rows).toEqual([{ runs: 2, events: 2 }])
})

test('the server has every job in its timetable, daily ones to make up for', async () => {
  const { rows } = await server.db.query<{ identifier: string }>(
    'select identifier from graphile_worker._private_known_crontabs order by identifier',
  )
  expect(rows.map(it => it.identifier)).toEqual(Object.keys(JOBS).sort())
})

test('daily jobs are spread over the day', () => {
  const { cron } = JOBS['credential-check']
  expect([0, 61, 1439].map(cron)).toEqual(['0 0 * * *', '1 1 * * *', '59 23 * * *'])
})

test('a role that may not make schemas is told so, with what mends it', async () => {
  const own = await emptyDatabase()
  const role = `r_${randomUUID().replaceAll('-', '')}`
  await server.db.query(`create role ${role} login password 'only for this test'`)
  const url = new URL(own.url)
  url.username = role
  url.password = 'only for this test'
  const jobs = new JobRunner({
    databaseUrl: url.href,
    context: context(),
    clock: server.clock,
    logger: pino({ level: 'silent' }),
    spread: 0,
  })
  await expect(jobs.start()).rejects.toMatchObject({
    message: expect.stringContaining('permission denied'),
    remedy: expect.stringContaining('GRANT CREATE ON DATABASE'),
  })
  await jobs.close()
  await own.drop()
  await server.db.query(`drop role ${role}`)
})

/** A webhook whose server takes connections and says nothing; resolves when it got one. */
async function silentWebhook(): Promise<{ url: string; called: Promise<unknown>; close(): void }> {
  const sockets: Socket[] = []
  const listener = createServer()
  const called = new Promise(resolve => {
    listener.on('connection', socket => {
      sockets.push(socket)
      resolve(undefined)
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${(listener.address() as AddressInfo).port}/`,
    called,
    close: () => {
      for (const socket of sockets) socket.destroy()
      listener.close()
    },
  }
}

/** Servers that share a database share its jobs, so these have one each. */
const PRIVATE = { ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' }

async function announceTest(to: BareServer, url: string): Promise<string> {
  const { app } = await to.createApp()
  const { body } = await to.rest<{ id: string }>('POST', `/v1/apps/${app}/webhooks`, { url })
  await to.rest('POST', `/v1/apps/${app}/webhooks/${body.id}/test`)
  return body.id
}

test('a stop does not wait for a webhook that says nothing, and the event is kept', async () => {
  const own = await cloneDatabase()
  const db = new Database({ url: own.url })
  const other = await startBare({ databaseUrl: own.url, environment: PRIVATE })
  const webhook = await silentWebhook()
  const id = await announceTest(other, webhook.url)
  await webhook.called
  await other.close()
  webhook.close()
  const { rows } = await db.query(
    'select state, attempts, error from webhook_delivery where webhook_id = $1',
    [id],
  )
  // Waited for, it would have run into the 10 s that a webhook has to answer.
  expect(rows).toEqual([{ state: 'waiting', attempts: 1, error: 'given up: the server was stopped' }])
  await db.close()
  await own.drop()
})

test('jobs go on when the database broke off their very first questions', async () => {
  const own = await cloneDatabase()
  const db = new Database({ url: own.url })
  const jobs = new JobRunner({
    databaseUrl: own.url,
    context: { ...context(), db },
    clock: server.clock,
    logger: pino({ level: 'silent' }),
    spread: 0,
  })
  await jobs.start()
  await breakConnections(db)
  const waiting = async () => {
    const { rows } = await db.query<{ count: number }>(
      'select count(*) as count from graphile_worker._private_jobs',
    )
    return rows[0]?.count
  }
  await db.query("select graphile_worker.add_job('credential-watch', '{}')")
  await expect.poll(waiting).toBe(0)
  await jobs.close()
  await db.close()
  await own.drop()
})

/** All to a database, by default its own, but the one that is used for it. */
async function breakConnections(db: Database, name: string | null = null): Promise<void> {
  await db.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = coalesce($1, current_database()) and pid <> pg_backend_pid()`,
    [name],
  )
}

test('a database that is away just when a job ends takes nothing down, and jobs go on when it is back', async () => {
  const own = await cloneDatabase()
  const db = new Database({ url: own.url })
  const name = new URL(own.url).pathname.slice(1)
  let runs = 0
  // What the first job does is to shut the door behind it.
  const closing: JobContext['webhooks'] = {
    ...context().webhooks,
    get db(): Database {
      if (++runs > 1) return db
      const shut = async () => {
        await server.db.query(`alter database ${name} allow_connections false`)
        await breakConnections(server.db, name)
        throw new Error('the database is away')
      }
      return Object.assign(Object.create(db) as Database, { query: shut })
    },
  }
  const jobs = new JobRunner({
    databaseUrl: own.url,
    context: { ...context(), webhooks: closing },
    clock: server.clock,
    logger: pino({ level: 'silent' }),
    spread: 0,
  })
  await jobs.start()
  jobs.runSoon('webhook-delivery')
  await expect.poll(() => isOpen(own.url)).toBe(false)
  await server.db.query(`alter database ${name} allow_connections true`)
  const again = () => {
    jobs.runSoon('webhook-delivery')
    return runs
  }
  await expect.poll(again, { interval: 500 }).toBeGreaterThan(1)
  await jobs.close()
  await db.close()
  await own.drop()
})

async function isOpen(url: string): Promise<boolean> {
  const db = new Database({ url })
  const answered = await db.query('select 1').then(
    () => true,
    () => false,
  )
  await db.close()
  return answered
}

test('jobs go on after every connection to the database was lost', async () => {
  const own = await cloneDatabase()
  const db = new Database({ url: own.url })
  const other = await startBare({ databaseUrl: own.url, environment: PRIVATE })
  await breakConnections(db)
  const webhook = await silentWebhook()
  // The pool may hand out a connection that it does not know to be dead yet.
  await expect.poll(() => announceTest(other, webhook.url).catch(() => undefined)).toBeDefined()
  await webhook.called
  await other.close()
  webhook.close()
  await db.close()
  await own.drop()
})
