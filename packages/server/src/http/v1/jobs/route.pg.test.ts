/** GET /v1/jobs, GET and POST /v1/jobs/{name}/runs. */
import type { JobListView, JobRunView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, SECRET, startBare } from '../../../../test/bare.ts'
import { CredentialChecks } from '../../../credentials/checks.ts'
import { Seal } from '../../../credentials/seal.ts'
import { JOBS, type JobName } from '../../../jobs/jobs.ts'
import { runJob } from '../../../jobs/runs.ts'

const DAY_MS = 24 * 3_600_000

let server: BareServer
beforeAll(async () => {
  server = await startBare({ roles: ['api', 'jobs'] })
})
afterAll(() => server.close())

const runs = async (name: string, query = '') =>
  (await server.rest<{ runs: JobRunView[] }>('GET', `/v1/jobs/${name}/runs${query}`)).body.runs

async function run(name: JobName, at = server.clock.now()): Promise<void> {
  const { clock, db } = server
  const seal = new Seal(SECRET)
  const checks = new CredentialChecks({ db, seal, clock, urls: {} })
  await runJob(name, { context: { db, checks, webhooks: { db, seal, allowPrivate: true } }, clock, at })
}

test('the jobs are listed with what they do, their times and their last run', async () => {
  await run('inbox-cleaning')
  await run('credential-check')
  const { body } = await server.rest<JobListView>('GET', '/v1/jobs')
  expect(body.jobs.map(it => it.name)).toEqual(Object.keys(JOBS))
  const named = (name: string) => body.jobs.find(it => it.name === name)
  expect(named('credential-watch')).toMatchObject({ cron: '* * * * *', does: expect.any(String) })
  expect(named('credential-check')).toMatchObject({
    cron: expect.stringMatching(/^\d+ \d+ \* \* \*$/),
    lastRun: { outcome: 'done', summary: '0 checked, 0 refused, 0 could not be asked about', removed: [] },
  })
  expect(named('inbox-cleaning')?.lastRun).toBeNull()
})

test('of a job that never ran it is told when it will, and since when runs are on record', async () => {
  const before = server.clock.now()
  const { body } = await server.rest<JobListView>('GET', '/v1/jobs')
  const now = server.clock.now()
  const next = (name: string) => Date.parse(body.jobs.find(it => it.name === name)?.nextAt ?? '')
  expect(next('credential-watch')).toBeGreaterThan(before)
  expect(next('credential-watch')).toBeLessThanOrEqual(now + 60_000)
  expect(next('inbox-cleaning')).toBeGreaterThan(before)
  expect(next('inbox-cleaning')).toBeLessThanOrEqual(now + DAY_MS)
  expect(Date.parse(body.since)).toBeGreaterThan(now - DAY_MS)
  server.clock.advance(31 * DAY_MS)
  const asked = server.clock.now()
  const later = (await server.rest<JobListView>('GET', '/v1/jobs')).body
  expect(Date.parse(later.since)).toBeGreaterThanOrEqual(asked - 30 * DAY_MS)
})

test('a run tells for which moment it ran, how long it took, and what it removed by reason and platform', async () => {
  const app = await server.createApp()
  for (const [hwid, device_type, push_token] of [
    ['phone-1', 1, 'a1'.repeat(32)],
    ['phone-2', 1, 'b2'.repeat(32)],
    ['phone-3', 3, 'a-token-of-android'],
  ])
    await server.device(app, 'registerDevice', { hwid, device_type, push_token })
  await server.rest('PATCH', `/v1/apps/${app.app}/address-policy`, { removeInactive: true })
  const at = server.clock.now() + 91 * DAY_MS
  await run('address-aging', at)
  expect(await runs('address-aging', '?limit=1')).toEqual([
    {
      name: 'address-aging',
      at: new Date(at).toISOString(),
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
      durationMs: expect.any(Number),
      outcome: 'done',
      summary: '3 inactive, 0 forgotten',
      removed: [
        { reason: 'inactive', platform: 'ios', count: 2 },
        { reason: 'inactive', platform: 'android', count: 1 },
      ],
    },
  ])
  await run('address-aging', at)
  expect((await runs('address-aging')).map(it => it.summary).slice(0, 2)).toEqual([
    '0 forgotten',
    '3 inactive, 0 forgotten',
  ])
})

test('a job is run now on demand, and an unknown one is named with those that there are', async () => {
  const before = (await runs('credential-check')).length
  expect(await server.rest('POST', '/v1/jobs/credential-check/runs')).toMatchObject({ status: 202 })
  await expect.poll(async () => (await runs('credential-check')).length).toBe(before + 1)
  const unknown = await server.rest('GET', '/v1/jobs/nonsense/runs')
  expect(unknown).toMatchObject({
    status: 404,
    body: { code: 'job_unknown', detail: expect.stringContaining('address-aging') },
  })
})

test('whoever looks after an app sees what the jobs did there, and nothing of other apps', async () => {
  const [mine, other] = [await server.createApp(), await server.createApp()]
  const tokens = ['c1', 'c2', 'd1'].map(it => it.repeat(32))
  for (const [i, push_token] of tokens.entries())
    await server.device(i < 2 ? mine : other, 'registerDevice', {
      hwid: `p-${i}`,
      device_type: 1,
      push_token,
    })
  for (const { app } of [mine, other])
    await server.rest('PATCH', `/v1/apps/${app}/address-policy`, { removeInactive: true })
  await run('address-aging', server.clock.now() + 91 * DAY_MS)
  const ofApp = async ({ app }: { readonly app: string }, name = 'address-aging') =>
    (await server.rest<{ runs: JobRunView[] }>('GET', `/v1/apps/${app}/jobs/${name}/runs`)).body.runs
  expect(await ofApp(mine)).toMatchObject([
    { summary: '2 inactive, 0 forgotten', removed: [{ reason: 'inactive', platform: 'ios', count: 2 }] },
  ])
  expect(await ofApp(other)).toMatchObject([{ summary: '1 inactive, 0 forgotten' }])
  expect(await ofApp(mine, 'credential-check')).toEqual([])
  const { body } = await server.rest<JobListView>('GET', `/v1/apps/${mine.app}/jobs`)
  expect(body.jobs.map(it => [it.name, it.lastRun?.summary])).toEqual([
    ['credential-check', undefined],
    ['address-aging', '2 inactive, 0 forgotten'],
  ])
  expect(await server.rest('GET', `/v1/apps/${mine.app}/jobs/log-cleaning/runs`)).toMatchObject({
    status: 404,
    body: { code: 'job_unknown' },
  })
})

test('a job that is run for one app does nothing in the others, and stands in the record of that one', async () => {
  const [mine, other] = [await server.createApp(), await server.createApp()]
  await server.db.query('update credential set checked_at = null')
  const path = ({ app }: { readonly app: string }) => `/v1/apps/${app}/jobs/credential-check/runs`
  const all = (await runs('credential-check')).length
  expect(await server.rest('POST', path(mine))).toMatchObject({ status: 202 })
  const summaries = async (of: { readonly app: string }) =>
    (await server.rest<{ runs: JobRunView[] }>('GET', path(of))).body.runs.map(it => it.summary)
  await expect.poll(() => summaries(mine)).toEqual([expect.stringMatching(/^1 checked/)])
  expect(await summaries(other)).toEqual([])
  const { rows } = await server.db.query(
    'select a.code from credential c join app a on a.id = c.app_id where c.checked_at is not null',
  )
  expect(rows).toEqual([{ code: mine.app }])
  expect((await runs('credential-check')).length).toBe(all + 1)
})

test('of a run that failed an app is told that it did, and not why', async () => {
  const { app } = await server.createApp()
  await server.db.query(
    "insert into job_run (name, started_at, finished_at, outcome, summary) values ('address-aging', now() + interval '1 year', now() + interval '1 year', 'failed', 'something of another app')",
  )
  const { body } = await server.rest<{ runs: JobRunView[] }>('GET', `/v1/apps/${app}/jobs/address-aging/runs`)
  expect(body.runs).toMatchObject([{ outcome: 'failed', summary: null, removed: [] }])
})
