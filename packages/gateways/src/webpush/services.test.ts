import { expect, test } from 'vitest'
import { isBrowserService } from './services.ts'

function partsOf(endpoint: string): { origin: string; path: string } {
  const { origin } = new URL(endpoint)
  return { origin, path: endpoint.slice(origin.length) }
}

test.each([
  'https://fcm.googleapis.com/fcm/send/dXN:APA91b-x_y',
  'https://fcm.googleapis.com/wp/dXN:APA91b-x_y',
  'https://updates.push.services.mozilla.com/wpush/v1/gAAAA',
  'https://updates.push.services.mozilla.com/wpush/v2/gAAAA',
  'https://wns2-par02p.notify.windows.com/w/?token=BQYAAA%3d',
  'https://web.push.apple.com/QFTAHEwJzh',
])('%s may find fault with our key', endpoint => {
  expect(isBrowserService(partsOf(endpoint))).toBe(true)
})

test.each([
  'https://evil.example/fcm/send/x',
  'https://evil.example//fcm.googleapis.com/fcm/send/x',
  'https://fcm.googleapis.com.evil.example/fcm/send/x',
  'https://evilpush.apple.com.example/x',
  'https://xpush.services.mozilla.com/wpush/v2/x',
  'https://fcm.googleapis.com:8443/fcm/send/x',
  'http://fcm.googleapis.com/fcm/send/x',
])('%s may not, for its host', endpoint => {
  expect(isBrowserService(partsOf(endpoint))).toBe(false)
})

test.each([
  'https://fcm.googleapis.com/v1/projects/x/messages:send',
  'https://fcm.googleapis.com/fcm/send/../../v1/projects/x/messages:send',
  'https://fcm.googleapis.com/fcm/send/%2e%2E/%2E./v1/projects/x/messages:send',
  'https://fcm.googleapis.com/fcm/send',
  'https://api.push.apple.com/3/device/00',
  'https://web.web.push.apple.com/x',
  'https://updates.push.services.mozilla.com/v1/x',
  'https://updates.push.services.mozilla.com/wpush/v3/x',
  'https://wns2-par02p.notify.windows.com/?token=x',
])('%s may not, for its path or another API of the same vendor', endpoint => {
  expect(isBrowserService(partsOf(endpoint))).toBe(false)
})
