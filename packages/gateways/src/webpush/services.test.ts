import { expect, test } from 'vitest'
import { isBrowserService } from './services.ts'

test.each([
  'https://fcm.googleapis.com',
  'https://updates.push.services.mozilla.com',
  'https://wns2-par02p.notify.windows.com',
  'https://web.push.apple.com',
])('%s may find fault with our key', origin => {
  expect(isBrowserService(origin)).toBe(true)
})

test.each([
  'https://evil.example',
  'https://fcm.googleapis.com.evil.example',
  'https://evilpush.apple.com.example',
  'https://xpush.services.mozilla.com',
  'https://fcm.googleapis.com:8443',
  'http://fcm.googleapis.com',
])('%s may not', origin => {
  expect(isBrowserService(origin)).toBe(false)
})
