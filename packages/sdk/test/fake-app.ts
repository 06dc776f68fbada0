/**
 * An app of each kind on a fake phone, with the code that it would have: the bridge over its library, and a list of what it has shown. Ending the
 * process keeps its storage, as on a phone.
 */
import type { AcceptedPush, Simulator } from '@roost/simulator'
import { WebSocket } from 'ws'
import {
  capacitorPush,
  capacitorVisibility,
  createMobileRoost,
  type MobileRoost,
  type MobileRoostOptions,
  type MobileStatus,
  type Opening,
  type Push,
  preferencesStorage,
} from '../src/capacitor/index.ts'
import type { OpenSocket } from '../src/core/socket.ts'
import { applePush, firebasePush } from '../src/react-native/index.ts'
import { fakeApple } from './fake-apple.ts'
import { fakeCapacitor } from './fake-capacitor.ts'
import { fakeFirebase } from './fake-firebase.ts'
import { FakePhone } from './fake-phone.ts'

export const KINDS = [
  'React Native on Android',
  'React Native on iOS',
  'Capacitor on Android',
  'Capacitor on iOS',
] as const
export type Kind = (typeof KINDS)[number]

export interface AppSettings {
  readonly simulator: Simulator
  readonly baseUrl: string
  readonly application: string
  readonly deviceToken: string
  readonly projectId: string
  readonly bundleId: string
  readonly now: () => number
}

export interface FakeApp {
  readonly phone: FakePhone
  readonly platform: 'ios' | 'android'
  /** Of the running process. */
  readonly roost: MobileRoost
  /** What the app has shown, or was told that the system has. */
  readonly pushes: readonly Push[]
  readonly shown: readonly Push[]
  readonly openings: readonly Opening[]
  readonly statuses: readonly MobileStatus[]
  readonly errors: readonly Error[]
  tap(push: AcceptedPush, action?: string): void
  /** Ends the process, and starts another. Its client is made, and not started. */
  restart(options?: Partial<MobileRoostOptions>): MobileRoost
  end(): void
}

type Bridge = Pick<MobileRoostOptions, 'push' | 'storage' | 'visibility'> & Pick<FakeApp, 'tap'>

export function installApp(
  kind: Kind,
  settings: AppSettings,
  options: Partial<MobileRoostOptions> = {},
): FakeApp {
  const platform = kind.endsWith('iOS') ? 'ios' : 'android'
  const { simulator, projectId, bundleId, ...access } = settings
  const issueToken = () =>
    platform === 'ios'
      ? simulator.apns.issueToken({ bundleId, environment: 'production' })
      : simulator.fcm.issueToken({ projectId })
  const phone = new FakePhone({ simulator, issueToken })
  const lists = { pushes: [], shown: [], openings: [], statuses: [], errors: [] } as {
    [List in 'pushes' | 'shown' | 'openings' | 'statuses' | 'errors']: FakeApp[List][number][]
  }
  const run = (own: Partial<MobileRoostOptions>) => {
    const { tap, ...bridge } = BRIDGES[kind](phone)
    const roost = createMobileRoost({
      ...access,
      ...bridge,
      device: { model: 'Phone', osVersion: '26.1', language: 'en' },
      appVersion: '1.0',
      openSocket,
      show: async push => void lists.shown.push(push),
      onPush: push => lists.pushes.push(push),
      onOpen: opening => lists.openings.push(opening),
      onChange: status => lists.statuses.push(status),
      onError: error => lists.errors.push(error),
      ...options,
      ...own,
    })
    return { roost, tap }
  }
  let process = run({})
  return {
    ...lists,
    phone,
    platform,
    get roost() {
      return process.roost
    },
    tap: (push, action) => process.tap(push, action),
    restart: (own = {}) => {
      process.roost.stop()
      phone.visibilityListeners.clear()
      process = run(own)
      return process.roost
    },
    end: () => {
      process.roost.stop()
      phone.leave()
    },
  }
}

/** Node 20 has no WebSocket of its own, as apps have. */
const openSocket: OpenSocket = (url, { onOpen, onText, onClose }) => {
  const socket = new WebSocket(url)
  socket.on('open', () => onOpen())
  socket.on('message', data => onText(String(data)))
  socket.on('error', () => undefined)
  socket.on('close', code => onClose(code))
  return { send: text => socket.send(text), close: () => socket.close() }
}

const BRIDGES: Readonly<Record<Kind, (phone: FakePhone) => Bridge>> = {
  'React Native on Android': phone => {
    const { library, permissions, links, tap } = fakeFirebase(phone)
    const push = firebasePush(library, { permissions, links })
    const { storage, visibility } = phone
    return { push, storage, visibility, tap: ({ payload = {} }, action) => tap(payload, action) }
  },
  'React Native on iOS': phone => {
    const { library, tap } = fakeApple(phone)
    return { push: applePush(library), storage: phone.storage, visibility: phone.visibility, tap }
  },
  'Capacitor on Android': phone => capacitorBridge(phone, 'android'),
  'Capacitor on iOS': phone => capacitorBridge(phone, 'ios'),
}

function capacitorBridge(phone: FakePhone, platform: 'ios' | 'android'): Bridge {
  const { push, preferences, app, tap } = fakeCapacitor(phone, platform)
  const setBadge = async (count: number) => {
    phone.badge = count
  }
  return {
    push: capacitorPush(push, { platform, setBadge }),
    storage: preferencesStorage(preferences),
    visibility: capacitorVisibility(app),
    tap,
  }
}
