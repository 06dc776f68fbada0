/** Servers that share the work on one database, each with a part of it. */
import { afterEach, expect, test } from 'vitest'
import { startRoost, tick } from '../test/roost.ts'
import { readConfig } from './config.ts'
import { announceJob } from './jobs/runner.ts'
import { type RunningServer, startServer } from './main.ts'

const opened: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function apiOnly() {
  const roost = await startRoost({ roles: ['api'] })
  opened.push(() => roost.close())
  const start = async (roles: readonly ('api' | 'send' | 'jobs')[]): Promise<RunningServer> => {
    const server = await roost.another({ roles })
    opened.push(() => server.close())
    return server
  }
  return { roost, start }
}

test('a server for calls alone takes a message, and one that sends alone sends it', async () => {
  const { roost, start } = await apiOnly()
  const phone = await roost.phone('ios')
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
  const { rows } = await roost.server.db.query(
    'select state, leased_by as "leasedBy" from batch where message_id = $1',
    [id],
  )
  expect(rows).toEqual([{ state: 'waiting', leasedBy: null }])
  expect((await start(['send'])).url).toBe('')
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
})

test('a pause by one server stops the others; a sender that is gone leaves its part to the next', async () => {
  const { roost, start } = await apiOnly()
  const phones = await Promise.all(Array.from({ length: 20 }, () => roost.phone('ios')))
  const first = await roost.another({ roles: ['send'] })
  roost.simulator.apns.faults.holdAnswers()
  const id = await roost.send({ to: { all: true }, content: { title: 'Hello' }, sendRate: 5 })
  await roost.simulator.apns.faults.waitForHeld()
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/pause`)
  roost.simulator.apns.faults.releaseAnswers()
  await roost.until(id, ({ counts }) => counts.accepted > 0)
  const paused = await roost.rest<{ state: string }>('GET', `/v1/apps/${roost.app}/messages/${id}`)
  expect(paused.body.state).toBe('paused')
  await first.close()
  await start(['send'])
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/resume`)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 20, accepted: 20 })
  expect(phones.map(it => it.shownCount)).toEqual(phones.map(() => 1))
})

test('a job that a server for calls announces is run by one that runs jobs', async () => {
  const { roost, start } = await apiOnly()
  await start(['jobs'])
  const { db } = roost.server
  await announceJob(db, 'credential-check') // comes by itself once a day
  const runs = () => db.query("select from job_run where name = 'credential-check' and outcome is not null")
  while ((await runs()).rows.length === 0) await tick()
})

test('a part of the roles needs a database that others can share', async () => {
  const config = readConfig({ ROOST_PORT: '0' })
  await expect(startServer(config, { roles: ['send'] })).rejects.toThrow('needs others beside it')
})
