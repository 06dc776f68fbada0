/** What machines ask a server: is it up, can it serve, how is it, and what does it offer. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'
import { cloneDatabase } from '../../test/database.ts'

let server: BareServer
beforeAll(async () => {
  server = await startBare()
})
afterAll(() => server.close())

/** Asked without any token, as probes do. */
async function get(path: string) {
  const response = await fetch(`${server.url}${path}`)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

test('it is up, and can serve', async () => {
  expect(await get('/healthz')).toMatchObject({ status: 200, text: '{"status":"up"}' })
  expect(await get('/readyz')).toMatchObject({ status: 200, text: '{"status":"ready"}' })
})

test('metrics are in Prometheus’ text form, and ours are among them', async () => {
  const { status, headers, text } = await get('/metrics')
  expect(status).toBe(200)
  expect(headers.get('content-type')).toContain('text/plain')
  expect(text).toContain('# TYPE roost_batches gauge')
  expect(text).toContain('process_cpu_seconds_total')
})

test('without its database it is still up, but not ready, and says when to ask again', async () => {
  const lost = await cloneDatabase()
  const alone = await startBare({ databaseUrl: lost.url })
  await lost.drop()
  const [healthz, readyz] = await Promise.all(
    ['/healthz', '/readyz'].map(path => fetch(`${alone.url}${path}`)),
  )
  expect(healthz?.status).toBe(200)
  expect(readyz?.status).toBe(503)
  expect(readyz?.headers.get('retry-after')).toBe('5')
  expect(await readyz?.json()).toMatchObject({ code: 'not_ready', remedy: expect.any(String) })
  await alone.close()
})

interface ApiPage {
  readonly openapi: string
  readonly paths: Record<
    string,
    Record<string, { readonly summary?: string; readonly security?: readonly unknown[] }>
  >
}

interface DescribedRoute {
  readonly method: string
  readonly path: string
  readonly summary: string | undefined
  /** Described as one that asks for no token. */
  readonly isOpen: boolean
}

async function describedRoutes(): Promise<DescribedRoute[]> {
  const page = JSON.parse((await get('/v1/openapi.json')).text) as ApiPage
  expect(page.openapi).toBe('3.1.0')
  return Object.entries(page.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, it]) => ({
      method: method.toUpperCase(),
      path,
      summary: it.summary,
      isOpen: it.security?.length === 0,
    })),
  )
}

test('the API description lists the routes that scripts rely on, and sums up every one', async () => {
  const routes = await describedRoutes()
  expect(routes.map(it => `${it.method} ${it.path}`)).toEqual(
    expect.arrayContaining([
      'GET /v1/apps',
      'POST /v1/apps',
      'GET /v1/apps/{app}',
      'GET /v1/apps/{app}/credentials',
      'POST /v1/apps/{app}/credentials',
      'PUT /v1/apps/{app}/credentials/{id}',
      'GET /v1/apps/{app}/devices',
      'GET /v1/apps/{app}/devices/{hwid}',
      'GET /v1/apps/{app}/devices/{hwid}/ledger',
      'GET /v1/apps/{app}/messages',
      'POST /v1/apps/{app}/messages',
      'GET /v1/apps/{app}/messages/{id}',
      'GET /v1/apps/{app}/stats/devices',
    ]),
  )
  expect(routes.filter(it => !it.summary)).toEqual([])
})

test('every route of the API description is there, and none of them answers without a token', async () => {
  const routes = await describedRoutes()
  // A link that expires carries a key of its own, and so does a phone with an invitation; who signs in has a password.
  expect(routes.flatMap(it => (it.isOpen ? [`${it.method} ${it.path}`] : []))).toEqual([
    'POST /v1/test-invitations/scan',
    'POST /v1/test-invitations/take',
    'POST /v1/test-invitations/report',
    'GET /v1/segment-export-files/{export}',
    'GET /v1/setup',
    'POST /v1/setup',
    'POST /v1/session',
    'DELETE /v1/session',
    'POST /v1/join/look',
    'POST /v1/join',
  ])
  for (const { method, path } of routes.filter(it => !it.isOpen)) {
    const real = path.replace('{id}', '01a2009f-1296-75e7-9766-7c8167240643').replace(/\{\w+\}/g, 'x')
    const response = await fetch(`${server.url}${real}`, { method })
    expect(await response.json(), `${method} ${path}`).toMatchObject({ status: 401, code: 'token_missing' })
  }
})
