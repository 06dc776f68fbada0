import { expect, test } from 'vitest'
import { serviceOf } from './services.ts'

function partsOf(endpoint: string): { origin: string; path: string } {
  const { origin } = new URL(endpoint)
  return { origin, path: endpoint.slice(origin.length) }
}

test.each([
  'https://fcm.googleapis.com/fcm/send/dXN:APA91b-x_y',
  'https://fcm.googleapis.com/wp/dXN:APA91b-x_y',
  'https://jmt17.google.com/fcm/send/dXN:APA91b-x_y',
  'https://updates.push.services.mozilla.com/wpush/v1/gAAAA',
  'https://updates.push.services.mozilla.com/wpush/v2/gAAAA',
  'https://wns2-par02p.notify.windows.com/w/?token=BQYAAA%3d',
  'https://web.push.apple.com/QFTAHEwJzh',
])('%s is a browser’s', endpoint => {
  expect(serviceOf(partsOf(endpoint))).toBe('browser')
})

test.each([
  'https://evil.example/fcm/send/x',
  'https://evil.example//fcm.googleapis.com/fcm/send/x',
  'https://fcm.googleapis.com.evil.example/fcm/send/x',
  'https://evilpush.apple.com.example/x',
  'https://xpush.services.mozilla.com/wpush/v2/x',
  'https://fcm.googleapis.com:8443/fcm/send/x',
  'http://fcm.googleapis.com/fcm/send/x',
  'https://api.push.apple.com/3/device/00',
  'https://web.web.push.apple.com/x',
])('%s is on another host', endpoint => {
  expect(serviceOf(partsOf(endpoint))).toBe('unknown')
})

test.each([
  'https://fcm.googleapis.com/v1/projects/x/messages:send',
  'https://fcm.googleapis.com/fcm/send/../../v1/projects/x/messages:send',
  'https://fcm.googleapis.com/fcm/send/%2e%2E/%2E./v1/projects/x/messages:send',
  'https://fcm.googleapis.com/fcm/send',
  'https://jmt17.google.com/x',
  'https://updates.push.services.mozilla.com/v1/x',
  'https://updates.push.services.mozilla.com/wpush/v3/x',
  'https://wns2-par02p.notify.windows.com/?token=x',
])('%s is another API on a push service’s host', endpoint => {
  expect(serviceOf(partsOf(endpoint))).toBe('neighbour')
})
