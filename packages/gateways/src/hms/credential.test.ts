import { describe, expect, test } from 'vitest'
import { peerAndTransport } from '../../test/fixtures.ts'
import { systemClock } from '../clock.ts'
import { createHmsClient } from './client.ts'
import { parseHmsCredential } from './credential.ts'

const credential = { appId: '104000001', clientId: '104000002', clientSecret: 's3cr3t' }

test('a credential is its three values, and nothing else that came with them', () => {
  expect(parseHmsCredential({ ...credential, gateway: 'hms' })).toEqual({ ok: true, value: credential })
})

describe('a credential that cannot work is told with the place where the value is found', () => {
  test.each<[string, unknown, string, string, string]>([
    ['nothing', undefined, 'hms_not_an_object', 'no JSON object', 'App ID'],
    ['no app id', { ...credential, appId: undefined }, 'hms_incomplete', 'appId missing', 'App ID'],
    ['no client id', { ...credential, clientId: '' }, 'hms_incomplete', 'clientId missing', 'Client ID'],
    ['no secret', { ...credential, clientSecret: null }, 'hms_incomplete', 'clientSecret', 'Client secret'],
    ['an id that is a number', { ...credential, appId: 104000001 }, 'hms_not_text', 'in quotes', 'App ID'],
    [
      'a secret with a line break',
      { ...credential, clientSecret: 's3cr3t\n' },
      'hms_has_spaces',
      'line break',
      'Client secret',
    ],
  ])('%s', (_name, input, code, message, remedy) => {
    const parsed = parseHmsCredential(input)
    expect(parsed).toEqual({
      ok: false,
      problem: {
        code,
        message: expect.stringContaining(message),
        remedy: expect.stringContaining(`"${remedy}" from AppGallery Connect`),
      },
    })
    expect(JSON.stringify(parsed)).not.toContain('s3cr3t')
  })
})

test('a client is not made from a credential that cannot work', async () => {
  const { transport } = await peerAndTransport(() => {})
  const make = () =>
    createHmsClient({ credential: { ...credential, clientSecret: '' }, transport, clock: systemClock })
  expect(make).toThrow('hms_incomplete')
})
