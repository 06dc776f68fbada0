/** Settings: defaults that start, and faults that are all told at once, with a remedy and without a secret. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig, unknownSettings } from './config.ts'
import { StartError } from './store/folder.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function faultOf(environment: NodeJS.ProcessEnv): StartError {
  try {
    readConfig(environment)
  } catch (error) {
    if (error instanceof StartError) return error
    throw error
  }
  throw new Error('it was accepted')
}

test('nothing has to be set', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    port: 7460,
    dataDirectory: resolve('data'),
    databaseUrl: undefined,
    secret: undefined,
    bootstrapToken: undefined,
    logLevel: 'info',
    gatewayUrls: {
      apnsProduction: undefined,
      apnsSandbox: undefined,
      fcm: undefined,
      googleToken: undefined,
    },
    extraCa: undefined,
    allowPrivateEndpoints: false,
    trustedProxies: [],
    limits: {
      callsPerApp: 10_000,
      callsPerClient: 12_000,
      devicesPerClient: 2000,
      connectionsPerClient: 5000,
    },
  })
})

test('an empty variable counts as absent, and what is not ours is nobody’s business', () => {
  expect(readConfig({ ROOST_PORT: '', ROOST_SECRET: '', PORT: 'abc', HOME: '/nowhere' })).toEqual(
    readConfig({}),
  )
})

test('everything can be set', () => {
  const environment = {
    ROOST_HOST: '0.0.0.0',
    ROOST_PORT: '0',
    ROOST_DATA_DIR: '/srv/roost',
    ROOST_DATABASE_URL: 'postgresql://roost:word@db.example/roost',
    ROOST_NATS_URL: 'tls://roost:word@nats.example',
    ROOST_SECRET: 's'.repeat(32),
    ROOST_BOOTSTRAP_TOKEN: 't'.repeat(16),
    ROOST_LOG_LEVEL: 'debug',
    ROOST_APNS_PRODUCTION_URL: 'https://a.example',
    ROOST_APNS_SANDBOX_URL: 'https://b.example',
    ROOST_FCM_URL: 'https://c.example',
    ROOST_GOOGLE_TOKEN_URL: 'https://d.example',
    ROOST_FCM_MESSAGES_PER_MINUTE: '1200000',
    ROOST_ALLOW_PRIVATE_ENDPOINTS: '1',
    ROOST_TRUSTED_PROXIES: '203.0.113.7, 10.0.0.0/8,fd00::/8',
    ROOST_CALLS_PER_APP: '0',
    ROOST_CALLS_PER_CLIENT: '60',
    ROOST_DEVICES_PER_CLIENT: '100',
    ROOST_CONNECTIONS_PER_CLIENT: '7',
  }
  expect(readConfig(environment)).toEqual({
    host: '0.0.0.0',
    port: 0,
    dataDirectory: '/srv/roost',
    databaseUrl: 'postgresql://roost:word@db.example/roost',
    nats: { servers: ['nats.example:4222'], isTls: true, login: { user: 'roost', pass: 'word' } },
    secret: 's'.repeat(32),
    bootstrapToken: 't'.repeat(16),
    logLevel: 'debug',
    gatewayUrls: {
      apnsProduction: 'https://a.example',
      apnsSandbox: 'https://b.example',
      fcm: 'https://c.example',
      googleToken: 'https://d.example',
    },
    fcmMessagesPerMinute: 1_200_000,
    extraCa: undefined,
    allowPrivateEndpoints: true,
    trustedProxies: ['203.0.113.7', '10.0.0.0/8', 'fd00::/8'],
    limits: { callsPerApp: 0, callsPerClient: 60, devicesPerClient: 100, connectionsPerClient: 7 },
  })
})

test.each([
  ['ROOST_PORT', 'http'],
  ['ROOST_PORT', '65536'],
  ['ROOST_PORT', '-1'],
  ['ROOST_PORT', '80.5'],
  ['ROOST_PORT', ' '],
  ['ROOST_PORT', '0x50'],
  ['ROOST_DATABASE_URL', 'mysql://localhost/roost'],
  ['ROOST_DATABASE_URL', 'localhost'],
  ['ROOST_FCM_MESSAGES_PER_MINUTE', '9'],
  ['ROOST_NATS_URL', 'nats.example:4222'],
  ['ROOST_NATS_URL', 'https://roost:hush@nats.example'],
  ['ROOST_SECRET', 's'.repeat(31)],
  ['ROOST_BOOTSTRAP_TOKEN', 't'.repeat(15)],
  ['ROOST_BOOTSTRAP_TOKEN', 'a token with some spaces'],
  ['ROOST_LOG_LEVEL', 'loud'],
  ['ROOST_APNS_PRODUCTION_URL', 'http://api.push.apple.com'],
  ['ROOST_APNS_SANDBOX_URL', 'api.sandbox.push.apple.com'],
  ['ROOST_FCM_URL', 'fcm'],
  ['ROOST_FCM_URL', 'https://proxy.example/fcm'],
  ['ROOST_APNS_PRODUCTION_URL', 'https://proxy.example/?to=apple'],
  ['ROOST_APNS_SANDBOX_URL', 'https://me:hush@proxy.example'],
  ['ROOST_GOOGLE_TOKEN_URL', 'ftp://oauth2.googleapis.com'],
  ['ROOST_ALLOW_PRIVATE_ENDPOINTS', 'yes'],
  ['ROOST_EXTRA_CA', '/nowhere/ca.pem'],
  ['ROOST_TRUSTED_PROXIES', 'proxy.example'],
  ['ROOST_TRUSTED_PROXIES', '10.0.0.0/33'],
  ['ROOST_TRUSTED_PROXIES', '10.0.0.0/'],
  ['ROOST_CALLS_PER_APP', '-1'],
  ['ROOST_CALLS_PER_CLIENT', 'many'],
  ['ROOST_DEVICES_PER_CLIENT', '1e3'],
])('%s=%s is refused by its name', (name, value) => {
  const fault = faultOf({ [name]: value })
  expect(fault.message).toContain('1 fault')
  expect(fault.message).toContain(name)
  expect(fault.remedy).not.toBe('')
})

test('the levels of the log are named where another one is given', () => {
  expect(faultOf({ ROOST_LOG_LEVEL: 'loud' }).message).toContain(
    'ROOST_LOG_LEVEL: must be trace, debug, info, warn, error, fatal or silent',
  )
})

test('an origin may end in a slash and have a port; the token endpoint of Google may have a path', () => {
  const { gatewayUrls } = readConfig({
    ROOST_FCM_URL: 'https://proxy.example:8443/',
    ROOST_GOOGLE_TOKEN_URL: 'https://proxy.example/oauth/token',
  })
  expect(gatewayUrls).toMatchObject({
    fcm: 'https://proxy.example:8443/',
    googleToken: 'https://proxy.example/oauth/token',
  })
})

test('a variable with our prefix that is no setting is told, with the one that was perhaps meant', () => {
  expect(unknownSettings({ ROOST_PROT: '80', ROOST_COLOUR: 'red', ROOST_HOST: '::1', PORT: '80' })).toEqual([
    'ROOST_PROT is not a setting; did you mean ROOST_PORT?',
    'ROOST_COLOUR is not a setting; docs/configuration.md lists them',
  ])
})

test('all faults are told at once', () => {
  const { message } = faultOf({
    ROOST_PORT: 'http',
    ROOST_SECRET: 'short',
    ROOST_FCM_URL: 'fcm',
    ROOST_EXTRA_CA: '/nowhere/ca.pem',
  })
  expect(message).toContain('4 fault')
  for (const name of ['ROOST_PORT', 'ROOST_SECRET', 'ROOST_FCM_URL', 'ROOST_EXTRA_CA'])
    expect(message).toContain(`\n  ${name}: `)
})

test('a fault in a secret setting does not show its value', () => {
  const { message, remedy } = faultOf({
    ROOST_SECRET: 'hush-hush',
    ROOST_BOOTSTRAP_TOKEN: 'hush hush hush hush',
    ROOST_DATABASE_URL: 'mysql://roost:hush@db.example/roost',
  })
  expect(message + remedy).not.toContain('hush')
})

describe('ROOST_EXTRA_CA', () => {
  test('is read from its file', async () => {
    const file = join(folder, 'ca.pem')
    await writeFile(file, rootCertificates.slice(0, 2).join('\n'))
    expect(readConfig({ ROOST_EXTRA_CA: file }).extraCa).toContain(rootCertificates[1])
  })

  test.each([
    ['two certificates on one line', rootCertificates.slice(0, 2).join(''), 'a line of its own'],
    [
      'a certificate that was cut',
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
      'certificate 1',
    ],
  ])('with %s is refused', async (_name, pem, words) => {
    const file = join(folder, 'bad.pem')
    await writeFile(file, pem)
    expect(faultOf({ ROOST_EXTRA_CA: file }).message).toContain(words)
  })

  test('that holds a key instead of a certificate is refused', async () => {
    const file = join(folder, 'key.pem')
    await writeFile(file, '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n')
    const { message } = faultOf({ ROOST_EXTRA_CA: file })
    expect(message).toContain('no PEM certificate')
    expect(message).not.toContain('MIIB')
  })
})
