import { describe, expect, test } from 'vitest'
import { type TransportRequest, VERSION } from './client.ts'
import { handInSelfCheck, judge, type Seen, worstOf } from './self-check.ts'

const WELL: Seen = {
  isSecure: true,
  isFramed: false,
  missing: [],
  needsInstall: false,
  storageError: undefined,
  isPrivate: false,
  permission: 'granted',
  isOptedOut: false,
  worker: { script: '/roost-service-worker.js', scope: '/', isWanted: true, version: VERSION },
  otherScopes: [],
  server: { fault: undefined, ms: 12, vapidKey: 'KEY' },
  subscription: { address: 'https://push.example/abc', vapidKey: 'KEY', isExpired: false },
  waiting: 0,
}
const worker = (change: object) => ({ worker: { ...WELL.worker, ...change } as Seen['worker'] })

test('a browser that is in order has nothing to do, and says what was looked at', () => {
  const findings = judge(WELL)
  expect(findings.map(it => it.code)).toEqual([
    'page_secure',
    'browser_supported',
    'storage_writable',
    'permission_granted',
    'worker_running',
    'server_reached',
    'key_present',
    'subscription_present',
  ])
  expect(findings.filter(it => it.remedy !== null || it.verdict !== 'good')).toEqual([])
})

test.each<[string, Partial<Seen>, string]>([
  ['a page without https', { isSecure: false, missing: ['serviceWorker', 'PushManager'] }, 'page_not_secure'],
  ['a page inside another site', { isFramed: true, permission: 'denied' }, 'page_framed'],
  ['a browser without web push', { missing: ['PushManager'] }, 'browser_unsupported'],
  [
    'a site that is not installed on iOS',
    { missing: ['PushManager'], needsInstall: true },
    'browser_not_installed',
  ],
  ['a site that may keep nothing', { storageError: 'InvalidStateError' }, 'storage_failed'],
  ['a permission that is denied', { permission: 'denied' }, 'permission_denied'],
  ['a permission that was not asked for', { permission: 'default' }, 'permission_not_asked'],
  ['a person who has unsubscribed', { isOptedOut: true }, 'opted_out'],
  ['a site without a service worker', { worker: undefined }, 'worker_missing'],
  ['a worker that does not hold our code', worker({ version: undefined }), 'worker_foreign'],
  [
    'a server that does not answer',
    { server: { ...WELL.server, fault: 'unreachable' } },
    'server_unreachable',
  ],
  [
    'a server without https',
    { server: { ...WELL.server, fault: 'mixed_content', ms: undefined } },
    'server_not_secure',
  ],
  ['a wrong device token', { server: { ...WELL.server, fault: 'unauthorized' } }, 'server_unauthorized'],
  ['an app without a key', { server: { ...WELL.server, fault: 'push_not_configured' } }, 'key_missing'],
  ['a browser without a subscription', { subscription: undefined }, 'subscription_missing'],
  [
    'a subscription of another key',
    { subscription: { address: 'https://a.example/', vapidKey: 'OLD', isExpired: false } },
    'subscription_other_key',
  ],
  [
    'a subscription that has expired',
    { subscription: { address: 'https://a.example/', vapidKey: 'KEY', isExpired: true } },
    'subscription_expired',
  ],
])('%s keeps pushes away, and it is said what to do', (_, change, code) => {
  const bad = judge({ ...WELL, ...change }).filter(it => it.verdict === 'bad')
  expect(bad.map(it => it.code)).toContain(code)
  expect(bad.find(it => it.code === code)?.remedy).toMatch(/\w{2}.*\.$/)
})

test.each<[string, Partial<Seen>, string]>([
  ['a worker of another script', worker({ isWanted: false }), 'worker_other_script'],
  ['a worker of another version', worker({ version: '0.0.1' }), 'worker_other_version'],
  ['another worker with a subscription', { otherScopes: ['/old/'] }, 'workers_several'],
  ['a private window', { isPrivate: true }, 'window_private'],
  ['calls that wait', { waiting: 3 }, 'calls_waiting'],
])('%s is a warning', (_, change, code) => {
  const findings = judge({ ...WELL, ...change })
  expect(findings.filter(it => it.verdict !== 'good').map(it => it.code)).toEqual([code])
  expect(worstOf(findings)).toBe('warning')
})

test('one cause is told once: without https nothing is said of permission, browser or worker', () => {
  const bare = { isSecure: false, missing: ['serviceWorker', 'PushManager'], permission: 'denied' } as const
  const codes = judge({ ...WELL, ...bare, worker: undefined, subscription: undefined })
    .filter(it => it.verdict === 'bad')
    .map(it => it.code)
  expect(codes).toEqual(['page_not_secure'])
})

test.each([{ permission: 'denied' } as const, { permission: 'default' } as const, { isOptedOut: true }])(
  'that there is no subscription is not told apart from its cause: %o',
  change => {
    const bad = judge({ ...WELL, ...change, subscription: undefined }).filter(it => it.verdict === 'bad')
    expect(bad).toHaveLength(1)
  },
)

test('of an address no more than its host is told', () => {
  expect(JSON.stringify(judge(WELL))).not.toContain('abc')
})

describe('handing it in', () => {
  const settings = {
    baseUrl: 'https://push.example',
    application: 'AAAAA-BBBBB',
    deviceToken: 'device-token',
    appVersion: undefined,
  }
  const handIn = { settings, hwid: 'a/b', clock: 1000, address: 'https://push.example/abc' }

  test('brings codes and values, each of what the server takes, and gives back what it finds', async () => {
    const told = [{ code: 'device_registered', verdict: 'good', values: {}, remedy: null }]
    const calls: TransportRequest[] = []
    const findings = judge({ ...WELL, ...worker({ script: 'x'.repeat(999) }) })
    const answer = await handInSelfCheck(
      async request => {
        calls.push(request)
        return { status: 200, body: JSON.stringify({ isKept: true, findings: told }) }
      },
      { ...handIn, findings },
    )
    expect(answer).toEqual(told)
    expect(calls[0]?.url).toBe('https://push.example/v1/apps/AAAAA-BBBBB/devices/a%2Fb/self-check')
    const body = JSON.parse(calls[0]?.body ?? '{}')
    expect(body).toMatchObject({ sdkVersion: VERSION, clock: 1000, address: 'https://push.example/abc' })
    expect(body.findings.map((it: object) => Object.keys(it))).toEqual(
      findings.map(() => ['code', 'verdict', 'values']),
    )
    expect(body.findings[4].values.script).toHaveLength(256)
  })

  test.each([
    ['an older server', 404, '{"code":"route_unknown"}'],
    ['a proxy', 200, '<html>'],
    ['what is no list', 200, '{"findings":1}'],
  ])('says that nobody took it when %s answers', async (_, status, body) => {
    expect(await handInSelfCheck(async () => ({ status, body }), { ...handIn, findings: [] })).toMatchObject([
      { code: 'server_silent', verdict: 'unknown' },
    ])
  })
})
