/** The log at its loudest, after a whole session of calls and faults, holds nothing that opens anything. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const secrets: Record<string, string> = {}

function secret(name: string, value: string | undefined): string {
  if (value === undefined || value.length < 16) throw new Error(`${name} is no secret`)
  secrets[name] = value
  return value
}

const IOS = 1
const USER = `user-${randomBytes(12).toString('hex')}`
const TITLE = `title-${randomBytes(12).toString('hex')}`

async function devices(): Promise<void> {
  for (const kind of ['ios', 'android', 'web'] as const) {
    const hwid = secret(`hwid of ${kind}`, `hwid-${randomBytes(12).toString('hex')}`)
    const tags = { city: secret(`tag of ${kind}`, `city-${randomBytes(12).toString('hex')}`) }
    const phone = await roost.phone(kind, { userId: USER, hwid, tags })
    secret(`address of ${kind}`, phone.token)
    await roost.view(hwid)
    await roost.ledger(hwid)
  }
  const malformed = secret('malformed token', `${randomBytes(31).toString('hex')}zz`)
  await roost.device('registerDevice', { hwid: 'bad', device_type: IOS, push_token: malformed })
  const cut = secret('token in a body that is cut', randomBytes(32).toString('hex'))
  await fetch(`${roost.url}/json/1.3/registerDevice`, {
    method: 'POST',
    headers: { authorization: `Token ${secret('device token', roost.deviceToken)}` },
    body: `{"request":{"push_token":"${cut}"`,
  })
}

async function credentials(): Promise<void> {
  const path = `/v1/apps/${roost.app}/credentials`
  const good = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  secret('line of a p8', good.p8.split('\n')[1])
  await roost.rest('POST', path, { gateway: 'apns', kind: 'p8', ...good })
  await roost.rest('POST', path, { gateway: 'apns', kind: 'p8', ...good, p8: good.p8.slice(0, -50) })
  const account = (await roost.simulator.fcm.createProject()).serviceAccount as unknown as Record<
    string,
    string
  >
  secret('line of a private key', account.private_key?.split('\n')[1])
  await roost.rest('POST', path, { gateway: 'fcm', kind: 'service-account', serviceAccount: account })
  const refused = { ...account, client_email: undefined }
  await roost.rest('POST', path, { gateway: 'fcm', kind: 'service-account', serviceAccount: refused })
}

async function strangers(): Promise<void> {
  const token = secret('token of a stranger', randomBytes(24).toString('base64url'))
  await fetch(`${roost.url}/v1/apps`, { headers: { authorization: `Bearer ${token}` } })
  await fetch(`${roost.url}/v1/apps?token=${token}`)
  await fetch(`${roost.url}/nowhere?token=${token}`)
  await fetch(`${roost.url}/json/1.3/setTags?token=${token}`, {
    method: 'POST',
    headers: { authorization: `Token ${token}` },
    body: JSON.stringify({ request: { application: roost.app, hwid: 'x', tags: {} } }),
  })
}

/** What is no HTTP, with a token in it: the parser's error carries all that it was given. */
async function broken(): Promise<void> {
  const token = secret('token in broken HTTP', randomBytes(24).toString('base64url'))
  const socket = connect(Number(new URL(roost.url).port), '127.0.0.1')
  socket.resume()
  socket.write(`GET / HTTP/1.1\r\nauthorization: Bearer ${token}\r\nno colon here\r\n\r\n`)
  await once(socket, 'close')
}

/** PostgreSQL tells the row that it refuses, and so the address in it. */
async function faultOfOurs(): Promise<void> {
  await roost.server.db.query(`alter table address add constraint refuse check (hwid <> 'refused')`)
  const push_token = secret('token in a row that is refused', randomBytes(32).toString('hex'))
  const answer = await roost.device('registerDevice', { hwid: 'refused', device_type: IOS, push_token })
  expect(answer.status).toBe(500)
  expect(answer.body).toMatchObject({ status_code: 500, response: null })
  expect(JSON.stringify(answer.body)).not.toContain('constraint')
}

test('no token, key, address, hwid, user, tag or text is logged, nor where a call came from, whatever happens', async () => {
  const started = roost.logged().length
  await devices()
  const message = await roost.sendAndSettle({
    to: { users: [secret('user id', USER)] },
    content: { title: secret('title', TITLE) },
  })
  expect(message.counts).toMatchObject({ targeted: 3, accepted: 3 })
  await credentials()
  await strangers()
  await broken()
  await faultOfOurs()
  const log = roost.logged()
  expect(log.length).toBeGreaterThan(started + 1000)
  expect(log).toContain('call failed')
  for (const [name, value] of Object.entries(secrets)) {
    expect(log, name).not.toContain(value)
    expect(log, `a part of ${name}`).not.toContain(value.slice(0, 24))
  }
  expect(log).toContain('a request could not be read')
  for (const word of ['rawPacket', 'remoteAddress', 'PRIVATE KEY', 'authorization', 'Bearer '])
    expect(log).not.toContain(word)
})
