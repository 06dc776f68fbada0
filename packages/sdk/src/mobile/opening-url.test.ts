import { expect, test } from 'vitest'
import { urlOf } from '../../test/fake-firebase.ts'
import { openingIn } from './opening-url.ts'

test('an URL of the messaging service says what was tapped', () => {
  const data = { p: 'hash', header: 'Größe & mehr = 100 %' }
  expect(openingIn(urlOf(data))).toEqual({ data, shown: undefined, action: undefined })
  expect(openingIn(urlOf(data, '1'))).toEqual({ data, shown: undefined, action: '1' })
})

test.each([
  '',
  'myapp://open?push=%7B%7D',
  'roost://open',
  'roost://open?push=',
  'roost://open?push=%7B',
  'roost://open?push=7',
  'roost://open?push=%5B%5D',
  'roost://open?push=%E0%A4%A',
  'https://example.org/?u=roost://open?push=%7B%7D',
])('another URL is the app’s own: %s', url => {
  expect(openingIn(url)).toBeUndefined()
})
