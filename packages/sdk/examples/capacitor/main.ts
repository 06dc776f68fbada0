/** One page: ask for permission, log in and out, read the inbox. */
import { App } from '@capacitor/app'
import { Capacitor, registerPlugin } from '@capacitor/core'
import { Preferences } from '@capacitor/preferences'
import { PushNotifications } from '@capacitor/push-notifications'
import {
  capacitorPush,
  capacitorVisibility,
  createMobileRoost,
  nativePlugin,
  preferencesStorage,
  type RoostPlugin,
} from '@roost/sdk/capacitor'

const platform = Capacitor.getPlatform() === 'ios' ? 'ios' : 'android'

const roost = createMobileRoost({
  baseUrl: 'https://push.example.org',
  application: 'ABCDE-12345',
  deviceToken: 'the device token of the application',
  appVersion: '1.0.0',
  device: { model: platform === 'ios' ? 'iPhone' : 'Android', osVersion: '' },
  push: capacitorPush(PushNotifications, { platform }),
  storage: preferencesStorage(Preferences),
  visibility: capacitorVisibility(App),
  // The native parts; without them leave it out (docs/mobile.md).
  ...nativePlugin(registerPlugin<RoostPlugin>('Roost')),
  onOpen: ({ url }) => {
    if (url?.startsWith('https://')) window.open(url)
  },
  onChange: ({ isSubscribed }) => say(isSubscribed ? 'You get messages' : 'You get none'),
  onError: error => console.warn('Roost', error.message),
})

function say(text: string): void {
  const place = document.querySelector('#status')
  if (place !== null) place.textContent = text
}

function onClick(id: string, work: () => Promise<unknown>): void {
  document.querySelector(id)?.addEventListener('click', () => void work().catch(error => say(String(error))))
}

async function showInbox(): Promise<void> {
  const { entries, unread } = await roost.inbox()
  say(`${unread} unread: ${entries.map(({ title }) => title).join(', ')}`)
}

onClick('#subscribe', () => roost.subscribe())
onClick('#unsubscribe', () => roost.unsubscribe())
onClick('#log-in', () => roost.setUser('anna'))
onClick('#log-out', () => roost.setUser(undefined))
onClick('#inbox', showInbox)
void roost.start()
