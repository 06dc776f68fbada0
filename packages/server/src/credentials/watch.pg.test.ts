/** Certificates that end: told 30, 14, 7 and 1 days before and after, once each, and what waits for them is kept. */
import type { CredentialHistory, CredentialView, MessageView } from '@roost/protocol'
import { createPhone } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AppleAuthority } from '../../../gateways/test/apple-certificates.ts'
import { BUNDLE_ID, startRoost, type TestRoost } from '../../test/roost.ts'
import { endPause, pauseCredential } from './pauses.ts'
import { watchCredentials } from './watch.ts'

const DAY_MS = 24 * 60 * 60_000

let roost: TestRoost
let apple: AppleAuthority
beforeAll(async () => {
  apple = new AppleAuthority()
  // Without jobs of its own, so that none comes in between.
  roost = await startRoost({ roles: ['api', 'send'] })
})
afterAll(async () => {
  await roost.close()
  apple.close()
})

function stamp(at: number): string {
  return `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
}

/** In PEM, made a year before it ends. */
function certificateUntil(notAfter: number): object {
  const made = apple.issue({
    uid: BUNDLE_ID,
    notBefore: stamp(notAfter - 365 * DAY_MS),
    notAfter: stamp(notAfter),
  })
  return { gateway: 'apns', kind: 'pem', pem: `${made.cert}${made.key}` }
}

/** An app of its own, with a webhook that wants everything. */
async function newApp(): Promise<{ code: string; deviceToken: string }> {
  const { body } = await roost.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', {
    name: 'Test',
  })
  await roost.rest('POST', `/v1/apps/${body.code}/webhooks`, { url: 'https://example.com/hook' })
  return body
}

async function upload(app: string, input: object): Promise<CredentialView> {
  return (await roost.rest<CredentialView>('POST', `/v1/apps/${app}/credentials`, input)).body
}

/** What was put into the outbox for an app, oldest first. The stand-in did not issue these certificates, and says so. */
async function told(app: string, about = 'credential.exp'): Promise<string[]> {
  const { rows } = await roost.server.db.query<{ words: string }>(
    `select concat_ws(' ', e.type, e.data ->> 'days', e.data ->> 'reason') as words
       from webhook_event e join app on app.id = e.app_id
       join webhook_delivery d on d.event_id = e.id
      where app.code = $1 and starts_with(e.type, $2) order by e.at, e.id`,
    [app, about],
  )
  return rows.map(it => it.words)
}

async function stateOfBatches(message: string): Promise<string[]> {
  const { rows } = await roost.server.db.query<{ state: string }>(
    'select state from batch where message_id = $1',
    [message],
  )
  return [...new Set(rows.map(it => it.state))]
}

const watch = (at: number) => watchCredentials(roost.server.db, at)

test('warnings come at 30, 14, 7 and 1 days and at the end, each once, however often is looked', async () => {
  const { code } = await newApp()
  const end = roost.clock.now() + 100 * DAY_MS
  await upload(code, certificateUntil(end))
  const seen: string[][] = []
  for (const daysLeft of [31, 30, 29, 14, 13.5, 7, 2, 1, 0.1, 0, -1, -30]) {
    await watch(end - daysLeft * DAY_MS)
    await watch(end - daysLeft * DAY_MS)
    seen.push(await told(code))
  }
  expect(seen.map(it => it.length)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5])
  expect(seen.at(-1)).toEqual([
    'credential.expiring 30',
    'credential.expiring 14',
    'credential.expiring 7',
    'credential.expiring 1',
    'credential.expired',
  ])
})

test('who uploads late is told only of the warning that is due', async () => {
  const { code } = await newApp()
  const end = roost.clock.now() + 5 * DAY_MS
  await upload(code, certificateUntil(end))
  await watch(end - 5 * DAY_MS)
  expect(await told(code)).toEqual(['credential.expiring 7'])
})

test('nothing is told of an archived app, and what is due when it is taken out again', async () => {
  const { code } = await newApp()
  const end = roost.clock.now() + 5 * DAY_MS
  await upload(code, certificateUntil(end))
  await roost.rest('POST', `/v1/apps/${code}/archive`, { name: 'Test' })
  await watch(end - 5 * DAY_MS)
  await watch(end)
  expect(await told(code)).toEqual([])
  await roost.rest('POST', `/v1/apps/${code}/unarchive`)
  await watch(end)
  expect(await told(code)).toEqual(['credential.expired'])
})

test('several processes that look at the same time tell once', async () => {
  const { code } = await newApp()
  const end = roost.clock.now() + 6 * DAY_MS
  await upload(code, certificateUntil(end))
  await Promise.all([watch(end), watch(end), watch(end)])
  expect(await told(code)).toEqual(['credential.expired'])
})

test('another content of the slot is warned of anew', async () => {
  const { code } = await newApp()
  const end = roost.clock.now() + 20 * DAY_MS
  const { id } = await upload(code, certificateUntil(end))
  await watch(end - 20 * DAY_MS)
  await roost.rest('PUT', `/v1/apps/${code}/credentials/${id}`, certificateUntil(end + DAY_MS))
  await watch(end - 20 * DAY_MS)
  expect(await told(code)).toEqual(['credential.expiring 30', 'credential.expiring 30'])
})

test('a message waits for an expired certificate, and leaves when it is replaced', async () => {
  const { code, deviceToken } = await newApp()
  const end = roost.clock.now() + DAY_MS
  const { id } = await upload(code, certificateUntil(end))
  const phone = createPhone({
    simulator: roost.simulator,
    roost: { baseUrl: roost.url, app: code, deviceToken },
    platform: { kind: 'ios', bundleId: BUNDLE_ID },
  })
  await phone.open()
  roost.clock.advance(2 * DAY_MS)
  await watch(roost.clock.now())
  const { body } = await roost.rest<CredentialView>('GET', `/v1/apps/${code}/credentials/${id}`)
  expect(body).toMatchObject({ status: 'paused', problems: [{ code: 'certificate_expired' }] })
  const { body: history } = await roost.rest<CredentialHistory>(
    'GET',
    `/v1/apps/${code}/credentials/${id}/history`,
  )
  expect(history.entries.at(-1)).toMatchObject({
    event: 'paused',
    by: 'roost',
    reason: 'certificate_expired',
  })

  const messages = `/v1/apps/${code}/messages`
  const { body: sent } = await roost.rest<{ id: string }>('POST', messages, {
    to: { all: true },
    content: { title: 'Hello' },
  })
  const read = async () => (await roost.rest<MessageView>('GET', `${messages}/${sent.id}`)).body
  await expect.poll(() => stateOfBatches(sent.id)).toEqual(['held'])
  expect(await read()).toMatchObject({ state: 'sending', counts: { accepted: 0, failed: 0, skipped: 0 } })
  const key = { gateway: 'apns', kind: 'p8', ...roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }) }
  const replaced = await roost.rest('PUT', `/v1/apps/${code}/credentials/${id}`, key)
  expect(replaced).toMatchObject({ status: 200, body: { id, status: 'active', problems: [] } })
  await expect.poll(read).toMatchObject({ state: 'done', counts: { accepted: 1 } })
  phone.close()
})

test('what a gateway refused is told once, with words and the part that it stops', async () => {
  const { code } = await newApp()
  const { id } = await upload(code, {
    gateway: 'apns',
    kind: 'p8',
    ...roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }),
  })
  await roost.server.db.query(
    `insert into credential_pause (credential_id, version, part, reason, at)
     values ($1, 1, 'sandbox', 'BadEnvironmentKeyInToken', now())`,
    [id],
  )
  await watch(roost.clock.now())
  await watch(roost.clock.now())
  expect(await told(code, 'credential.refused')).toEqual(['credential.refused BadEnvironmentKeyInToken'])
  const { body } = await roost.rest<CredentialView>('GET', `/v1/apps/${code}/credentials/${id}`)
  expect(body.problems).toEqual([
    expect.objectContaining({ code: 'apns_key_of_other_environment', environment: 'sandbox' }),
  ])
})

test('what a gateway refuses again, after it took it in between, is told again and stands in the history', async () => {
  const { code } = await newApp()
  const { db } = roost.server
  const { id } = await upload(code, {
    gateway: 'apns',
    kind: 'p8',
    ...roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }),
  })
  const pause = { credentialId: id, version: 1, part: 'sandbox', reason: 'TopicDisallowed' }
  for (let i = 0; i < 2; i++) {
    await pauseCredential(db, { ...pause, at: roost.clock.now() })
    await watch(roost.clock.now())
    await endPause(db, pause)
    await watch(roost.clock.now())
  }
  expect(await told(code, 'credential.refused')).toEqual([
    'credential.refused TopicDisallowed',
    'credential.refused TopicDisallowed',
  ])
  const { body } = await roost.rest<CredentialHistory>('GET', `/v1/apps/${code}/credentials/${id}/history`)
  expect(body.entries.map(it => [it.event, it.reason])).toEqual([
    ['added', null],
    ['paused', 'sandbox: TopicDisallowed'],
    ['resumed', 'sandbox: TopicDisallowed'],
    ['paused', 'sandbox: TopicDisallowed'],
    ['resumed', 'sandbox: TopicDisallowed'],
  ])
})
