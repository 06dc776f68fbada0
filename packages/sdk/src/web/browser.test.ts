import { expect, test } from 'vitest'
import { readFacts } from './browser.ts'

const TODAY = new Date(0)

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 12, 'Firefox 153', 'Linux'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0',
    11,
    'Edge 141',
    'Windows NT 10.0',
  ],
  [
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36',
    11,
    'Chrome 141',
    'Android 10',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
    10,
    'Safari 18',
    'Mac OS X 10.15.7',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0 Mobile/15E148 Safari/604.1',
    10,
    'Browser',
    'iPhone OS 18.1',
  ],
])('%s', (userAgent, deviceType, deviceModel, osVersion) => {
  const facts = readFacts({ userAgent, language: 'de-CH' }, TODAY)
  expect(facts).toMatchObject({ deviceType, deviceModel, osVersion, language: 'de' })
})

test('the time zone is told in seconds east of Greenwich', () => {
  const inBerlin = { getTimezoneOffset: () => -60 } as Date
  const facts = readFacts({ userAgent: '', language: 'en' }, inBerlin)
  expect(facts.timezoneSeconds).toBe(3600)
  expect(facts.timeZone).toBe(Intl.DateTimeFormat().resolvedOptions().timeZone)
})
