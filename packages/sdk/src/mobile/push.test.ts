import { expect, test } from 'vitest'
import { pushOfPayload, readPush } from './push.ts'

const android = {
  pw_msg: '1',
  header: 'Hello',
  title: 'It is you',
  p: 'hash',
  rk: 'key',
  ru: 'anna',
  l: 'https://example.org/a',
  b: 'https://example.org/a.png',
  s: 'bell',
  u: '{"room":7}',
  pw_badges: '3',
  pw_channel: 'news',
  pw_msg_tag: 'tag',
  pw_actions: '[{"title":"Yes","url":"https://example.org/yes"},{"title":"No"},{"url":"x"},7]',
}

test('on Android all is data, and its `title` is the text', () => {
  expect(readPush({ data: android, shown: undefined })).toEqual({
    title: 'Hello',
    subtitle: undefined,
    body: 'It is you',
    hash: 'hash',
    receiptKey: 'key',
    userId: 'anna',
    url: 'https://example.org/a',
    image: 'https://example.org/a.png',
    sound: 'bell',
    badge: 3,
    channel: 'news',
    tag: 'tag',
    buttons: [
      { title: 'Yes', url: 'https://example.org/yes' },
      { title: 'No', url: undefined },
    ],
    isVisible: true,
    data: { room: 7 },
  })
})

test('on iOS the words are those that the system shows', () => {
  const data = { p: 'hash', attachment: 'https://example.org/a.png', u: 'no JSON', title: 'of the sender' }
  const push = readPush({ data, shown: { title: 'Hello', subtitle: '', body: 'It is you' } })
  expect(push).toMatchObject({ title: 'Hello', subtitle: undefined, body: 'It is you', tag: 'hash' })
  expect(push).toMatchObject({ image: 'https://example.org/a.png', data: 'no JSON' })
})

test.each([
  ['nothing', {}],
  ['wrong types', { p: 7, header: {}, title: [], l: null, pw_badges: '-1', pw_actions: '{}', u: undefined }],
  ['an endless number', { pw_badges: '1e999', pw_actions: '[' }],
])('%s is as good as absent', (_, data) => {
  expect(readPush({ data, shown: undefined })).toMatchObject({
    title: undefined,
    body: undefined,
    hash: undefined,
    url: undefined,
    badge: undefined,
    buttons: [],
    isVisible: false,
  })
})

test('a message of the live channel has the same shape; without words it shows nothing', () => {
  const payload = { title: '', body: undefined, hash: 'hash', buttons: [], url: undefined, data: { room: 7 } }
  const push = pushOfPayload(payload as unknown as Parameters<typeof pushOfPayload>[0])
  expect(push).toMatchObject({ hash: 'hash', title: undefined, isVisible: false, data: { room: 7 } })
})
