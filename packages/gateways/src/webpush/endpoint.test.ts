import type { LookupFunction } from 'node:net'
import { describe, expect, test } from 'vitest'
import { checkEndpoint, checkEndpointUrl, createGuardedLookup, isPublicAddress } from './endpoint.ts'

/** A resolver with one answer, in the shape of `dns.lookup`. */
const resolvesTo =
  (...addresses: string[]): LookupFunction =>
  (_host, options, callback) => {
    const found = addresses.map(address => ({ address, family: address.includes(':') ? 6 : 4 }))
    if (options.all) callback(null, found)
    else callback(null, found[0]?.address ?? '', found[0]?.family ?? 4)
  }

test.each([
  ['http://push.example.com/x', 'not https'],
  ['ftp://push.example.com/x', 'not https'],
  ['nonsense', 'not a URL'],
  ['https://push.example.com\\@10.0.0.1/x', 'not a URL'],
  ['https://push.example.com/a b', 'not a URL'],
  ['https://user:secret@push.example.com/x', 'credentials in the URL'],
  ['https://push.example.com:8443/x', 'port 8443 instead of 443'],
  ['https://127.0.0.1/x', 'not a public address'],
  ['https://2130706433/x', 'not a public address'],
  ['https://0x7f.1/x', 'not a public address'],
  ['https://169.254.169.254/latest', 'not a public address'],
  ['https://[::1]/x', 'not a public address'],
  ['https://[::ffff:10.0.0.1]/x', 'not a public address'],
  ['https://[fd00::1]/x', 'not a public address'],
])('%s is refused: %s', (endpoint, reason) => {
  expect(checkEndpointUrl(endpoint, {})).toEqual({ ok: false, reason })
})

test('the path is kept byte for byte, percent-escapes and query included', () => {
  const endpoint = 'https://wns2-db5p.notify.windows.com/w/?token=BQYA%2bAb%2F%3d%3D'
  expect(checkEndpointUrl(endpoint, {})).toEqual({
    ok: true,
    origin: 'https://wns2-db5p.notify.windows.com',
    path: '/w/?token=BQYA%2bAb%2F%3d%3D',
  })
})

test.each([
  ['https://push.example.com', '/'],
  ['https://push.example.com?up=1', '/?up=1'],
  ['https://push.example.com/UP?up=1&x=%20#fragment', '/UP?up=1&x=%20'],
])('%s is asked for %s', (endpoint, path) => {
  expect(checkEndpointUrl(endpoint, {})).toMatchObject({ ok: true, path })
})

test('port 443 written out is the default port', () => {
  expect(checkEndpointUrl('https://push.example.com:443/x', {})).toMatchObject({ ok: true, path: '/x' })
})

test('private endpoints may be allowed, but never without https', () => {
  expect(checkEndpointUrl('https://127.0.0.1:9000/x', { allowPrivate: true })).toMatchObject({ ok: true })
  expect(checkEndpointUrl('http://127.0.0.1:9000/x', { allowPrivate: true })).toMatchObject({ ok: false })
})

describe('a name', () => {
  test('that resolves to public addresses is taken', async () => {
    const lookup = resolvesTo('8.8.8.8', '2a00:1450:4001::1')
    expect(await checkEndpoint('https://push.example.com/x', { lookup })).toMatchObject({ ok: true })
  })

  test.each(['10.1.2.3', '127.0.0.1', 'fe80::1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::'])(
    'that resolves to %s among others is refused',
    async address => {
      const lookup = resolvesTo('8.8.8.8', address)
      expect(await checkEndpoint('https://push.example.com/x', { lookup })).toEqual({
        ok: false,
        reason: 'not a public address',
      })
    },
  )

  test('that does not resolve is refused', async () => {
    const lookup: LookupFunction = (_host, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '')
    expect(await checkEndpoint('https://push.example.com/x', { lookup })).toEqual({
      ok: false,
      reason: 'its name does not resolve',
    })
  })

  test('is guarded when a single address is asked for, too', async () => {
    const guarded = createGuardedLookup({ lookup: resolvesTo('192.168.1.1') })
    const error = await new Promise(resolve => guarded('push.example.com', {}, resolve))
    expect(error).toMatchObject({ code: 'ERR_ENDPOINT_NOT_PUBLIC' })
  })
})

test.each([
  ['8.8.8.8', true],
  ['172.15.255.255', true],
  ['172.16.0.1', false],
  ['172.32.0.1', true],
  ['100.64.0.1', false],
  ['100.128.0.1', true],
  ['198.18.0.1', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['0.0.0.0', false],
  ['2606:4700::1111', true],
  ['2001:db8::1', false],
  ['2001::1', false],
  ['2002:a00:1::', false],
  ['64:ff9b::a00:1', false],
  ['::', false],
])('%s is public: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected)
})
