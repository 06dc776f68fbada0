import { describe, expect, test } from 'vitest'
import { decodePayload, linkClicked, safeLink } from './payload.ts'

const MESSAGE = {
  header: 'Hello',
  body: 'World',
  i: '/icon.png',
  image: 'https://img.test/a.png',
  l: 'https://site.test/?a=1&amp;b=2',
  p: 'abc123',
  rk: 'sf0k.signature',
  u: '{"order":7}',
  md: '{"campaign":"x"}',
  buttons: '[{"title":"Buy","url":"https://site.test/buy?a=1&amp;b=2"},{"title":"Later"}]',
}
const READ = {
  title: 'Hello',
  body: 'World',
  icon: '/icon.png',
  image: 'https://img.test/a.png',
  badge: undefined,
  url: 'https://site.test/?a=1&b=2',
  buttons: [
    { title: 'Buy', url: 'https://site.test/buy?a=1&b=2' },
    { title: 'Later', url: undefined },
  ],
  hash: 'abc123',
  receiptKey: 'sf0k.signature',
  tag: 'abc123',
  isSilent: false,
  data: { order: 7 },
  metaData: { campaign: 'x' },
}

test('a message is read the same flat and under data', () => {
  expect(decodePayload(JSON.stringify(MESSAGE), 'site.test')).toEqual(READ)
  expect(decodePayload(JSON.stringify({ data: MESSAGE }), 'site.test')).toEqual(READ)
})

test('a tag of its own wins over the hash, so that a later message replaces an earlier one', () => {
  expect(decodePayload(JSON.stringify({ ...MESSAGE, tag: 'score' }), 'site.test').tag).toBe('score')
})

test.each([
  ['no payload', undefined],
  ['text that is not JSON', 'Sale today!'],
  ['an empty text', ''],
  ['a JSON list', '[1,2]'],
  ['a JSON null', 'null'],
  ['fields of wrong types', '{"header":5,"body":{},"p":["x"],"tag":null}'],
])('%s still gives something to show', (_, text) => {
  const payload = decodePayload(text, 'site.test')
  expect(payload).toMatchObject({ title: 'site.test', body: undefined, hash: undefined, tag: undefined })
})

test('custom data that is not JSON is handed on as it is', () => {
  expect(decodePayload('{"u":"plain"}', '').data).toBe('plain')
  expect(decodePayload('{"u":{"a":1}}', '').data).toEqual({ a: 1 })
})

describe('a link', () => {
  test('to the web is opened, also when it is relative', () => {
    expect(safeLink('https://other.test/a', 'https://site.test/')).toBe('https://other.test/a')
    expect(safeLink('/news', 'https://site.test/shop/')).toBe('https://site.test/news')
  })

  test.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'https://',
  ])('like %s is not', link => {
    expect(safeLink(link, 'https://site.test/')).toBeUndefined()
  })
})

test.each([
  ['no JSON', 'Buy'],
  ['no list', '{"title":"Buy"}'],
  ['buttons without titles', '[{"url":"https://site.test/"},null,7,{"title":5}]'],
])('buttons that are %s are none, and the message is shown', (_, buttons) => {
  expect(decodePayload(JSON.stringify({ ...MESSAGE, buttons }), 'site.test')).toMatchObject({
    title: 'Hello',
    buttons: [],
  })
})

test('a click leads to the link of what was clicked, and where that has none to the site', () => {
  const links = { url: 'https://site.test/a', buttonUrls: ['https://site.test/buy', undefined] }
  expect(linkClicked(links, '')).toBe('https://site.test/a')
  expect(linkClicked(links, '0')).toBe('https://site.test/buy')
  expect(linkClicked(links, '1')).toBeUndefined()
  expect(linkClicked({ url: 'https://site.test/a' }, '0')).toBeUndefined()
})
