import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type Api, createApi } from '../api/client.ts'
import { unshownIn } from './copy.ts'
import { change } from './sending.ts'
import { testOf } from './test-body.ts'

const servers: Server[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))))
})

type Answers = Readonly<Record<string, { readonly status?: number; readonly body?: object }>>

interface Call {
  readonly method: string | undefined
  readonly at: string
  readonly ifMatch: string | undefined
  readonly body?: unknown
}

/** Answers by the end of the path. */
async function serverThat(answers: Answers): Promise<{ readonly api: Api; readonly asked: Call[] }> {
  const asked: Call[] = []
  const server = createServer((request, response) => {
    const at = request.url?.split('/').at(-1) ?? ''
    const { status = 200, body = {} } = answers[at] ?? {}
    void request.toArray().then(parts => {
      const text = Buffer.concat(parts as Buffer[]).toString()
      asked.push({ method: request.method, at, ifMatch: request.headers['if-match'], body: JSON.parse(text) })
      response.writeHead(status, { connection: 'close' }).end(JSON.stringify(body))
    })
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { api: createApi({ baseUrl: `http://127.0.0.1:${port}/`, token: 't' }), asked }
}

describe('a message that is changed', () => {
  test('is replaced where it is, if it is still what was read', async () => {
    const { api, asked } = await serverThat({ m1: { body: { id: 'm1', title: 'new' } } })
    const edited = { id: 'm1', base: '"tag"' }
    expect(await change(api, 'A', edited, { content: { title: 'new' } })).toEqual({ id: 'm1' })
    expect(asked).toMatchObject([{ method: 'PUT', at: 'm1', ifMatch: '"tag"' }])
  })

  test('keeps what it asks for that the page has no fields for', async () => {
    const { api, asked } = await serverThat({ m1: { body: { id: 'm1' } } })
    const unshown = unshownIn({ route: 'live', pushAfterSeconds: null, title: 'old' })
    await change(api, 'A', { id: 'm1', base: undefined, unshown }, { content: { title: 'new' } })
    expect(asked[0]?.body).toEqual({ route: 'live', content: { title: 'new' } })
  })

  test('is replaced whatever it is by now when somebody says so', async () => {
    const { api, asked } = await serverThat({ m1: { body: { id: 'm1' } } })
    await change(api, 'A', { id: 'm1', base: undefined }, {})
    expect(asked).toMatchObject([{ method: 'PUT', at: 'm1', ifMatch: undefined }])
  })

  test.each([
    [412, 'changed_meanwhile'],
    [409, 'message_not_editable'],
  ])('is told with its code when it can not be: %i', async (status, code) => {
    const { api } = await serverThat({ m1: { status, body: { code } } })
    await expect(change(api, 'A', { id: 'm1', base: '"tag"' }, {})).rejects.toMatchObject({ body: { code } })
  })
})

test('a test has the content alone, goes at once, and takes nobody’s place in a cap', () => {
  const message = {
    to: { all: true },
    content: { title: 'T' },
    ttlSeconds: 60,
    sendAt: '2027-01-01T00:00:00Z',
    sendRate: 3,
    rules: { category: 'x' },
    experiment: {},
    inbox: {},
    campaign: 'spring',
  }
  expect(testOf(message, { devices: ['a'], key: 'k' })).toEqual({
    content: { title: 'T' },
    ttlSeconds: 60,
    to: { devices: ['a'] },
    lane: 'test',
    rules: { kind: 'transactional', quietHours: null },
    idempotencyKey: 'k',
  })
})
