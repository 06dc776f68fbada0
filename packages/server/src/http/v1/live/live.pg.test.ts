/** GET /v1/apps/{app}/live over the real server: what is told, by which process, and when it ends. */
import { connect } from 'node:net'
import type { CredentialView, LiveEvents, LivePicture, MessageView } from '@roost/protocol'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type BareServer, SERVER_TOKEN, startBare } from '../../../../test/bare.ts'
import { bearer, join, makeOwner } from '../../../../test/people.ts'
import { SERVER_TOKEN as ROOST_TOKEN, startRoost } from '../../../../test/roost.ts'
import { hashToken, newToken, storeToken } from '../../../access/tokens.ts'
import { closeOpen, raiseAlert } from '../../../hygiene/alerts.ts'

let server: BareServer
let other: BareServer
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
  other = await server.another({ roles: ['api'] })
})
afterAll(async () => {
  await other.close()
  await server.close()
})

interface Told<Name extends keyof LiveEvents = keyof LiveEvents> {
  readonly name: Name
  readonly data: LiveEvents[Name]
}

interface Stream {
  readonly status: number
  /** Waits for the next event of this name that is as wanted. */
  until<Name extends keyof LiveEvents>(
    name: Name,
    isWanted?: (data: LiveEvents[Name]) => boolean,
  ): Promise<LiveEvents[Name]>
  /** Reads to its end. */
  end(): Promise<void>
}

function listen(at: { readonly url: string }, app: string, token = SERVER_TOKEN): Promise<Stream> {
  return listenWith(at, app, bearer(token))
}

async function listenWith(
  at: { readonly url: string },
  app: string,
  headers: Record<string, string>,
): Promise<Stream> {
  const gone = new AbortController()
  onTestFinished(() => gone.abort())
  const response = await fetch(`${at.url}/v1/apps/${app}/live`, { headers, signal: gone.signal })
  const events = eventsOf(response)
  return {
    status: response.status,
    until: async (name, isWanted = () => true) => {
      for (;;) {
        const { value, done } = await events.next()
        if (done === true) throw new Error(`the stream ended before "${name}" came`)
        if (value.name === name && isWanted(value.data as never)) return value.data as never
      }
    },
    end: async () => {
      while ((await events.next()).done !== true);
    },
  }
}

async function* eventsOf(response: Response): AsyncGenerator<Told> {
  let text = ''
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    text += Buffer.from(bytes).toString()
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) {
      const [, name, json] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? []
      if (json !== undefined) yield { name: name as keyof LiveEvents, data: JSON.parse(json) }
    }
  }
}

const IN_AN_HOUR = () => new Date(server.clock.now() + 3_600_000).toISOString()
const idOf = async (code: string) =>
  (await server.db.query<{ id: number }>('select id from app where code = $1', [code])).rows[0]?.id ?? 0

async function schedule(app: string, title: string): Promise<string> {
  const message = { to: { all: true }, content: { title }, sendAt: IN_AN_HOUR() }
  const { body } = await server.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, message)
  return body.id
}

test('the first event has all: messages, credentials, alerts, jobs, devices', async () => {
  const { app, deviceToken } = await server.createApp()
  await server.device({ app, deviceToken }, 'registerDevice', {
    hwid: 'phone',
    device_type: 1,
    push_token: 'a1'.repeat(32),
  })
  const id = await schedule(app, 'Hello')
  const stream = await listen(server, app)
  expect(stream.status).toBe(200)
  const picture: LivePicture = await stream.until('picture')
  expect(picture.messages).toEqual([expect.objectContaining({ id, state: 'scheduled', title: 'Hello' })])
  expect(picture.credentials).toEqual([
    expect.objectContaining({ gateway: 'webpush', status: 'active', version: 1, problems: [] }),
  ])
  expect(picture).toMatchObject({
    alerts: [],
    works: [],
    trouble: null,
    devices: { devices: 1, reachable: 1, errorPercent: 0 },
  })
})

test('what is done over one process is told by another, and of no other app', async () => {
  const { app } = await server.createApp()
  const { app: stranger } = await server.createApp()
  const stream = await listen(other, app)
  await stream.until('picture')
  await schedule(stranger, 'Not yours')
  const id = await schedule(app, 'Hello')
  expect(await stream.until('message')).toMatchObject({ id, state: 'scheduled' })
  await server.rest('POST', `/v1/apps/${app}/messages/${id}/cancel`)
  expect(await stream.until('message')).toMatchObject({ id, state: 'cancelled' })
})

test('what the stream tells of a message is what the list of messages has of it, too', async () => {
  const { app } = await server.createApp()
  const id = await schedule(app, 'Hello')
  const picture = await (await listen(server, app)).until('picture')
  const { body } = await server.rest<{ messages: MessageView[] }>('GET', `/v1/apps/${app}/messages`)
  expect(body.messages).toMatchObject(picture.messages)
  expect(picture.messages).toHaveLength(1)
  expect(body.messages[0]?.id).toBe(id)
})

test('alerts are told when they open, and when they close', async () => {
  const { app } = await server.createApp()
  const stream = await listen(server, app)
  await stream.until('picture')
  const alert = { appId: await idOf(app), kind: 'quota' as const, subject: 'p', at: server.clock.now() }
  const id = await raiseAlert(server.db, { ...alert, data: {} })
  expect(await stream.until('alert')).toMatchObject({ id, kind: 'quota' })
  await closeOpen(server.db, alert)
  expect(await stream.until('gone')).toEqual({ kind: 'alert', id })
})

test('a credential that is replaced is told with its new version', async () => {
  const { app } = await server.createApp()
  const stream = await listen(server, app)
  const { credentials } = await stream.until('picture')
  const path = `/v1/apps/${app}/credentials/${credentials[0]?.id}`
  await server.rest<CredentialView>('PUT', path, { gateway: 'webpush', kind: 'vapid' })
  expect(await stream.until('credential')).toMatchObject({ id: credentials[0]?.id, version: 2 })
})

test('an import is told while it is under way, and that it has ended', async () => {
  const { app } = await server.createApp()
  const stream = await listen(server, app)
  await stream.until('picture')
  const begun = await server.rest<{ id: string }>('POST', `/v1/apps/${app}/imports`, {
    mapping: 'tokens',
    format: 'csv',
  })
  const { id } = begun.body
  expect(await stream.until('work')).toMatchObject({ id, work: 'import', progress: null, done: 0 })
  await server.db.query("update device_import set state = 'done' where id = $1", [id])
  expect(await stream.until('gone')).toEqual({ kind: 'work', id })
})

test('the run of a job is told to all apps', async () => {
  const { app } = await server.createApp()
  const stream = await listen(server, app)
  await stream.until('picture')
  const insert = `insert into job_run (name, started_at, at) values ('address-aging', $1, $1)`
  await server.db.query(insert, [new Date(server.clock.now())])
  expect(await stream.until('job')).toMatchObject({ name: 'address-aging', finishedAt: null, outcome: null })
})

test('a stream ends when its token is revoked, and a new one is refused', async () => {
  const { app } = await server.createApp()
  const token = newToken('server')
  await storeToken(server.db, { kind: 'server', token, label: 'to be revoked' })
  const stream = await listen(server, app, token)
  await stream.until('picture')
  await server.db.query('update api_token set revoked_at = now() where hash = $1', [hashToken(token)])
  server.clock.advance(10_000) // what is known of tokens is believed for five seconds
  await stream.end()
  expect((await listen(server, app, token)).status).toBe(401)
})

test('people look on by their cookie; a stream ends when they sign out, and when their role is taken away', async () => {
  const { app } = await server.createApp()
  const owner = await makeOwner(server)
  const viewers = []
  for (const name of ['Vera', 'Viktor'])
    viewers.push(await join(owner, { url: server.url, app, role: 'viewer', name }))
  const [vera, viktor] = viewers
  const cookieOf = (it = owner) => ({ cookie: it.cookie ?? '' })
  const streams = await Promise.all([owner, vera, viktor].map(it => listenWith(other, app, cookieOf(it))))
  for (const it of streams) await it.until('picture')
  const [ofOwner, ofVera, ofViktor] = streams
  const me = await viktor?.call<{ person: { id: number } }>('GET', '/v1/me')
  await owner.call('DELETE', `/v1/apps/${app}/members/${me?.body.person.id}`)
  await vera?.call('DELETE', '/v1/session')
  await Promise.all([ofVera?.end(), ofViktor?.end()])
  const id = await schedule(app, 'Still there')
  expect(await ofOwner?.until('message')).toMatchObject({ id })
})

test('a message that is sent is told as it moves, by a server that sends nothing itself', async () => {
  const roost = await startRoost()
  onTestFinished(() => roost.close())
  const reader = await roost.another({ roles: ['api'] })
  onTestFinished(() => reader.close())
  await roost.phone('ios', { hwid: 'anna' })
  await roost.phone('android', { hwid: 'bert' })
  const stream = await listen(reader, roost.app, ROOST_TOKEN)
  expect((await stream.until('picture')).devices).toMatchObject({ devices: 2, reachable: 2 })
  const id = await roost.send({ to: { all: true }, content: { title: 'Hello' } })
  // Both phones say by themselves that it came: what is read next is not to change any more.
  const done = await stream.until('message', it => it.state === 'done' && it.counts.delivered === 2)
  expect(done).toMatchObject({ id, progress: 1, counts: { targeted: 2, accepted: 2, pending: 0, opened: 0 } })
  const { body } = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)
  expect(body.counts).toEqual(done.counts)
  // One that is over is not read again: its receipts come with its own row.
  await roost.server.db.query('update message set opened = 1, delivered = 2 where id = $1', [id])
  expect(await stream.until('message')).toMatchObject({
    id,
    counts: { accepted: 2, opened: 1, delivered: 2 },
  })
})

test('who has twenty streams open is refused another with 429 and Retry-After', async () => {
  const { app } = await server.createApp()
  const token = newToken('server')
  await storeToken(server.db, { kind: 'server', token, label: 'greedy' })
  server.clock.advance(10_000)
  const streams = await Promise.all(Array.from({ length: 20 }, () => listen(server, app, token)))
  expect(new Set(streams.map(it => it.status))).toEqual(new Set([200]))
  const refused = await fetch(`${server.url}/v1/apps/${app}/live`, {
    headers: { authorization: `Bearer ${token}` },
  })
  expect(refused.status).toBe(429)
  expect(refused.headers.get('retry-after')).toBe('5')
  expect((await listen(server, app)).status).toBe(200) // others are not concerned
})

test('an app that is not there is a 404, as everywhere', async () => {
  expect((await listen(server, 'AAAAA-AAAAA')).status).toBe(404)
})

test('a stop ends the streams at once, and waits neither for them nor for one that nobody reads', async () => {
  const third = await server.another({ roles: ['api'], drainMs: 60_000, closeWithinMs: 60_000 })
  const { app } = await server.createApp()
  const streams = await Promise.all(Array.from({ length: 5 }, () => listen(third, app)))
  for (const it of streams) await it.until('picture')
  const { port } = new URL(third.url)
  const deaf = connect(Number(port), '127.0.0.1').pause()
  onTestFinished(() => void deaf.destroy())
  deaf.on('error', () => undefined)
  deaf.write(
    `GET /v1/apps/${app}/live HTTP/1.1\r\nhost: roost\r\nauthorization: Bearer ${SERVER_TOKEN}\r\n\r\n`,
  )
  await schedule(app, 'Hello')
  for (const it of streams) await it.until('message')
  await Promise.all([third.close(), ...streams.map(it => it.end())])
})
