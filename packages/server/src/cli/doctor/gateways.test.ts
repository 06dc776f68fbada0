/** The way to the gateways, broken at each step of it: name, TCP, TLS, HTTP/2, and the clock. */
import { once } from 'node:events'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer as createHttps, type Server } from 'node:https'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestCertificate } from '../../../../http2/test/certificate.ts'
import { type Config, readConfig } from '../../config.ts'
import type { Finding } from './finding.ts'
import { lookAtGateways, originsOf, type Served } from './gateways.ts'

const certificate = createTestCertificate()
const APNS: Served = { gateway: 'apns', environments: ['production'] }
const FCM: Served = { gateway: 'fcm', environments: [] }
const MINUTE_MS = 60_000

let gateway: Http2SecureServer
let olderServer: Server
let asked: string[]
beforeAll(async () => {
  asked = []
  gateway = createSecureServer(certificate, (request, response) => {
    asked.push(request.url)
    response.writeHead(404).end()
  })
  olderServer = createHttps(certificate, (_request, response) => response.writeHead(404).end())
  await once(gateway.listen(0, '127.0.0.1'), 'listening')
  await once(olderServer.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => {
  gateway.close()
  olderServer.close()
})

function urlOf(server: { address(): AddressInfo | string | null }): string {
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Looking {
  readonly urls: Partial<Config['gatewayUrls']>
  readonly served?: readonly Served[] | undefined
  readonly webOrigins?: readonly string[]
  readonly trusts?: boolean
  readonly environment?: NodeJS.ProcessEnv
  readonly clockOffMs?: number
}

async function look({ urls, trusts = true, clockOffMs = 0, ...asking }: Looking): Promise<Finding[]> {
  const config = readConfig({})
  return lookAtGateways({
    config: {
      ...config,
      gatewayUrls: { ...config.gatewayUrls, ...urls },
      extraCa: trusts ? certificate.cert : undefined,
    },
    served: 'served' in asking ? asking.served : [APNS],
    webOrigins: asking.webOrigins ?? [],
    environment: asking.environment ?? {},
    now: () => Date.now() + clockOffMs,
  })
}

test('a gateway that is reached is well, and Apple is asked nothing', async () => {
  asked.length = 0
  expect(await look({ urls: { apnsProduction: urlOf(gateway) } })).toMatchObject([
    { state: 'ok', says: expect.stringMatching(/^reached in \d+ ms \(h2\)$/) },
  ])
  expect(asked).toEqual([])
})

test('only what there are credentials for is looked at, and all that could be used when there are none', async () => {
  const url = urlOf(gateway)
  const urls = { apnsProduction: url, apnsSandbox: url, fcm: url, googleToken: `${url}/token`, hms: url }
  const names = async (served: readonly Served[] | undefined) =>
    (await look({ urls, served })).map(it => it.subject.replace(/ 127.*/, '')).filter(it => it !== 'clock')
  expect(await names([APNS])).toEqual(['APNs'])
  expect(await names([FCM])).toEqual(['FCM', 'Google OAuth'])
  expect(await names([])).toEqual(['APNs', 'APNs sandbox', 'FCM', 'Google OAuth'])
  expect(await names(undefined)).toEqual(['APNs', 'APNs sandbox', 'FCM', 'Google OAuth'])
})

test('a closed port is wrong, with the host and port to be opened', async () => {
  const closed = createTcp().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const url = urlOf(closed)
  await new Promise(resolve => closed.close(resolve))
  const [finding] = await look({ urls: { apnsProduction: url } })
  expect(finding).toMatchObject({
    state: 'wrong',
    says: expect.stringContaining('(TCP)'),
    remedy: `Open the way to 127.0.0.1, port ${new URL(url).port}, in the firewall, or correct ROOST_APNS_PRODUCTION_URL.`,
  })
  const [unasked] = await look({ urls: { apnsProduction: url }, served: undefined })
  expect(unasked?.state).toBe('warning') // nobody knows whether it is needed
})

test('a proxy that Roost does not go through is named where a gateway is not reached', async () => {
  const [finding] = await look({
    urls: { apnsProduction: 'https://127.0.0.1:9' },
    environment: { HTTPS_PROXY: 'http://proxy.example:3128' },
  })
  expect(finding?.remedy).toContain('HTTPS_PROXY is set')
  expect(finding?.remedy).not.toContain('proxy.example')
})

test('a name that nobody knows is told as such', async () => {
  const [finding] = await look({ urls: { apnsProduction: 'https://gateway.invalid' } })
  expect(finding).toMatchObject({ state: 'wrong', remedy: expect.stringContaining('DNS') })
})

test('a certificate of nobody that is trusted tells who has issued it', async () => {
  const [finding] = await look({ urls: { apnsProduction: urlOf(gateway) }, trusts: false })
  expect(finding).toMatchObject({
    state: 'wrong',
    says: expect.stringMatching(/\(TLS\).*its certificate is by "localhost"/),
    remedy: expect.stringContaining('ROOST_EXTRA_CA'),
  })
})

test('a certificate of another name tells of another server', async () => {
  const { port } = new URL(urlOf(gateway))
  const [finding] = await look({ urls: { apnsProduction: `https://127.0.0.2:${port}` } })
  // Where 127.0.0.2 is no address of the machine the connection itself is refused.
  expect(finding?.state).toBe('wrong')
})

test('a connection that is cut while TLS is agreed on is told as such', async () => {
  const cutting = createTcp(socket => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1')
  await once(cutting, 'listening')
  const [finding] = await look({ urls: { apnsProduction: urlOf(cutting) } })
  expect(finding).toMatchObject({ state: 'wrong', says: expect.stringContaining('(TLS)') })
  expect(finding?.remedy).toContain('firewalls do that look at names')
  cutting.close()
})

test('a gateway that speaks HTTP/1.1 alone is none: something stands between', async () => {
  const [finding] = await look({ urls: { apnsProduction: urlOf(olderServer) } })
  expect(finding).toMatchObject({
    state: 'wrong',
    says: 'answers, but speaks no HTTP/2 (ALPN agreed on http/1.1)',
  })
})

test('a push service that browsers have named may speak HTTP/1.1, and is looked for in no private network', async () => {
  const origin = urlOf(olderServer)
  const config = readConfig({ ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' })
  const reaching = { config: { ...config, extraCa: certificate.cert }, environment: {}, now: Date.now }
  const looked = await lookAtGateways({
    ...reaching,
    served: [{ gateway: 'webpush', environments: [] }],
    webOrigins: [origin],
  })
  expect(looked).toMatchObject([{ state: 'ok', says: expect.stringContaining('http/1.1') }])
  expect(originsOf(['https://127.0.0.1:8443/x', 'https://10.0.0.1/y'], false)).toEqual([])
  expect(
    originsOf(
      ['https://push.example.com/1', 'https://push.example.com/2', 'http://push.example.com/3'],
      false,
    ),
  ).toEqual(['https://push.example.com'])
})

test.each([
  ['HTTP/2', () => urlOf(gateway)],
  ['HTTP/1.1', () => urlOf(olderServer)],
])('the clock of this machine is held to the time that answers carry (%s)', async (_protocol, url) => {
  const urls = { fcm: url(), googleToken: `${url()}/token` }
  const clockOf = async (clockOffMs: number) =>
    (await look({ urls, served: [FCM], clockOffMs })).find(it => it.subject === 'clock')
  expect(await clockOf(0)).toMatchObject({ state: 'ok' })
  expect(await clockOf(2 * MINUTE_MS)).toMatchObject({
    state: 'warning',
    says: expect.stringMatching(/^2 minutes ahead of that of /),
  })
  expect(await clockOf(-10 * MINUTE_MS)).toMatchObject({
    state: 'wrong',
    says: expect.stringMatching(/^10 minutes behind that of /),
    remedy: expect.stringContaining('NTP'),
  })
})
