/** What of a URL is read as a place of NATS. */
import { expect, test } from 'vitest'
import { readNatsPlace } from './nats-place.ts'

test('a server has a port of its own or that of NATS', () => {
  expect(readNatsPlace('nats://push.internal')).toEqual({
    servers: ['push.internal:4222'],
    isTls: false,
    login: undefined,
  })
  expect(readNatsPlace('tls://[::1]:4443/')).toMatchObject({ servers: ['[::1]:4443'], isTls: true })
})

test('several servers share one user and password, whether each names them or one', () => {
  const place = {
    servers: ['a:4222', 'b:1'],
    isTls: false,
    login: { user: 'roost', pass: 'p@ss:w/rd,' },
  }
  expect(readNatsPlace('nats://roost:p%40ss%3Aw%2Frd%2C@a, nats://b:1')).toEqual(place)
  expect(readNatsPlace('nats://roost:p%40ss%3Aw%2Frd%2C@a,nats://roost:p%40ss%3Aw%2Frd%2C@b:1')).toEqual(
    place,
  )
})

test('a name alone is a token', () => {
  expect(readNatsPlace('nats://s3cr%65t@a').login).toEqual({ token: 's3cret' })
})

test.each([
  ['http://u:hush@a', 'nats://user:password@host:port'],
  ['a:4222', 'nats://user:password@host:port'],
  ['nats://u:hush@a,', 'nats://user:password@host:port'],
  ['nats://', 'nats://user:password@host:port'],
  ['nats://u:hush@a/orders', 'nats://user:password@host:port'],
  ['nats://u:hush@a,tls://b', 'tls:// for all'],
  ['nats://u:hush@a,nats://u:hush2@b', 'one user and password'],
  ['nats://u:hush%@a', '%25'],
])('%s is a fault, and its password is not told', (url, fault) => {
  expect(() => readNatsPlace(url)).toThrow(fault)
  expect(() => readNatsPlace(url)).not.toThrow('hush')
})
