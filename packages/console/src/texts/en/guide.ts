/** The set-up guide: its steps, and what to do for each. */
export const texts = {
  title: 'Set-up guide',
  about: 'From nothing to a push that was opened. Steps turn green by themselves as your devices come in.',
  platform: 'Platform',
  steps: 'Steps',
  progress: '{done, number} of {whole, number} done',
  'done.credential.web': 'A key pair comes with each app: there is nothing to do here.',
  fresh:
    'Begin where your users are. Web is the quickest to try: it needs no account at Apple, Google or Huawei.',
  ask: 'This takes somebody who may change the app.',
  'platform.progress': '{platform} {done, number}/{whole, number}',
  'done.since': 'done, {day}',
  'state.done': 'done',
  'state.open': 'to do',
  'state.trouble': 'something is wrong',
  'step.credential': 'Give the gateway’s credential',
  'step.credential.about': 'Roost sends in your name and needs a key for that.',
  'step.credential.ios':
    'Download a .p8 key at developer.apple.com → Keys and drop it on the page of credentials.',
  'step.credential.android':
    'Download the service account: Firebase console → Project settings → Service accounts.',
  'step.credential.web': 'A VAPID key pair is made with one click, or comes with the app.',
  'step.credential.huawei':
    'Copy app id, client id and client secret: AppGallery Connect → Project settings.',
  'step.device': 'Register a first device',
  'step.device.about':
    'Put the code into your app, run it, and allow notifications. The device appears here within seconds.',
  'step.accepted': 'Send a first push',
  'step.accepted.about':
    'Write a message to your own device. This turns green when the gateway has taken it.',
  'step.received': 'The device tells that it came',
  'step.received.about':
    'The app sends a receipt (messageDeliveryEvent) with the hash of the push; the web SDK does so by itself.',
  'step.received.ios':
    'iOS tells it through the notification service extension, which sends messageDeliveryEvent with the hash (p).',
  'step.opened': 'Somebody opens it',
  'step.opened.about': 'Tap the push; the app tells of it with pushStat and the hash.',
  'step.extension': 'Add the notification service extension',
  'step.extension.about':
    'iOS needs it for images and to tell what arrived. Have it report its version (extensionVersion).',
  'step.test_device': 'Have a test device',
  'step.test_device.about':
    'Scan a code with a phone: it becomes one, and each message can be tried on it before everybody gets it.',
  'go.credentials': 'Open the credentials',
  'go.message': 'Write a message',
  'go.testDevices': 'Scan a code',
  snippet: 'Code for your app ({language})',
  'snippet.token':
    'Put the device token in place of <code>DEVICE_TOKEN</code>: it was shown when the app was made; another can be made under API tokens.',
} as const
