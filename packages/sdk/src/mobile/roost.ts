/**
 * Roost for an app, over whatever push library it has.
 *
 * The listeners are set when it is made, not when it is started: a push may start the app behind, and then nothing but the app's first module
 * is read. Everything may be called twice; what can't be sent now is kept and sent at the next event or start.
 */
import { answerCall, type CallAnswer } from '../core/calls.ts'
import { isDue } from '../core/decide.ts'
import { RoostError } from '../core/error.ts'
import { type Inbox, type InboxPage, markInbox, readInbox } from '../core/inbox.ts'
import { createLive } from '../core/live.ts'
import type { Live } from '../core/live-options.ts'
import { announce, changeUser, introduce } from '../core/shared.ts'
import { openWebSocket } from '../core/socket.ts'
import { adoptSettings, type DeviceState, type Settings } from '../core/state.ts'
import { type Calls, createCalls } from './calls.ts'
import { createEnvironment, type Environment } from './environment.ts'
import type { NativePush } from './native-push.ts'
import type { MobileDelivery, MobileRoost, MobileRoostOptions, MobileStatus } from './options.ts'
import { noteOpened, open, type Receiver, receive, receiveLive } from './receiving.ts'
import { syncRegistration } from './registration.ts'
import { randomUuid, transport } from './runtime.ts'
import { selfCheck } from './self-check.ts'

interface Context extends Environment {
  readonly options: MobileRoostOptions
  readonly live: Live
  readonly calls: Calls
  readonly receiver: Receiver
  /** Nothing is told on its own before the app has asked for it: it may wait for the person's consent. */
  readonly progress: { isStarted: boolean }
  /** Every call before the first start would find no device. */
  readonly adopted: () => Promise<DeviceState>
}

/** Each method throws RoostError. Make one for the life of the process. */
export function createMobileRoost(options: MobileRoostOptions): MobileRoost {
  const context = createContext(options)
  const stop = listen(context)
  return {
    start: () => start(context),
    subscribe: () => subscribe(context),
    unsubscribe: () => unsubscribe(context),
    setTags: tags => deliver(context, 'setTags', { tags }),
    trackEvent: (event, attributes = {}) => deliver(context, 'postEvent', { event, attributes }),
    setUser: userId => setUser(context, userId),
    status: () => readStatus(context),
    inbox: page => inbox(context, page),
    setBadge: count => showBadge(context, count),
    markInbox: (id, state) => mark(context, id, state),
    answerCall: (id, answer) => decide(context, id, answer),
    noteOpened: push => noteOpened(context, push),
    selfCheck: () => selfCheck(context, context.adopted),
    stop,
  }
}

function createContext(options: MobileRoostOptions): Context {
  const environment = createEnvironment(options)
  const calls = createCalls(environment, options.onCall)
  const receiver: Receiver = { ...options, calls }
  const live = createLive({
    ...environment,
    openSocket: options.openSocket ?? openWebSocket,
    fallbackTitle: '',
    onMessage: payload => receiveLive(environment, receiver, payload),
    onFrame: frame => void calls.takeFrame(frame, live).catch(errorHandler(options)),
  })
  const adopted = () => environment.store.update(state => adopt(options, state))
  return { ...environment, options, calls, receiver, live, adopted, progress: { isStarted: false } }
}

function errorHandler({ onError = () => {} }: MobileRoostOptions): (error: unknown) => void {
  return error => onError(error instanceof Error ? error : new Error(String(error)))
}

/** What fails in the app or in its native parts, such as a keychain that is locked, must not keep the server from hearing who it is. */
async function attempt(options: MobileRoostOptions, work: () => Promise<void> | undefined): Promise<void> {
  await Promise.resolve().then(work).catch(errorHandler(options))
}

/** Gives back what takes the listeners away. */
function listen(context: Context): () => void {
  const { options, native, live, calls, receiver } = context
  const told = (work: Promise<unknown>): Promise<void> =>
    work.then(() => undefined).catch(errorHandler(options))
  /** What can't be kept, in a storage that is full, keeps nothing from the screen. */
  const prepared = () => told(context.adopted())
  const again = () => {
    if (context.progress.isStarted) void told(sync(context))
  }
  const unsubscribers = [
    native.onPush(message => told(prepared().then(() => receive(context, receiver, message)))),
    native.onOpening(opening => told(prepared().then(() => open(context, receiver, opening)))),
    native.onToken(again),
    options.voip?.onToken(again),
    options.visibility.onChange(isInFront => {
      if (!isInFront) return live.setState('background')
      goLive(context)
      again() // the permission may have been changed in the system's settings
    }),
  ]
  return () => {
    for (const it of unsubscribers) it?.()
    live.stop()
    calls.stop()
  }
}

async function start(context: Context): Promise<MobileStatus> {
  context.progress.isStarted = true
  introduce()
  await share(context)
  const launch = await context.native.launchedBy()
  if (launch !== undefined) await open(context, context.receiver, launch)
  const status = await sync(context)
  // A push that starts the app behind needs no connection.
  if (await context.options.visibility.isInFront()) goLive(context)
  return status
}

function goLive({ live, options, progress }: Context): void {
  if (options.isLive === false || !progress.isStarted) return
  live.start('online')
  live.wake() // the system may have taken the connection away while the app was behind
}

/** Brings what the server knows up to date. Without a network everything waits, and nothing is wrong. */
async function sync(context: Context): Promise<MobileStatus> {
  await context.adopted()
  await context.client.flush()
  await reportOpen(context).catch(forgiveAbsence)
  await syncRegistration(context).catch(forgiveAbsence)
  return told(context)
}

async function subscribe(context: Context): Promise<MobileStatus> {
  context.progress.isStarted = true
  await context.adopted()
  await context.native.requestPermission()
  await context.store.update(state => ({ ...adopt(context.options, state), isOptedOut: false }))
  await syncRegistration(context).catch(forgiveAbsence)
  return told(context)
}

async function unsubscribe(context: Context): Promise<MobileStatus> {
  // The wish first: if the network is away now, the next start carries it out.
  await context.store.update(state => ({ ...adopt(context.options, state), isOptedOut: true }))
  await syncRegistration(context).catch(forgiveAbsence)
  return told(context)
}

async function deliver(
  context: Context,
  method: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<MobileDelivery> {
  await context.adopted()
  return context.client.deliver({ key: `${method}:${makeUuid(context.options)}`, method, fields })
}

async function setUser(context: Context, userId: string | undefined): Promise<MobileDelivery> {
  const { store, client, options, live, native } = context
  const { call, user, isOther, isScreenForeign } = await changeUser({
    store,
    adopt: state => adopt(options, state),
    userId,
    uuid: makeUuid(options),
    now: context.now(),
  })
  if (isScreenForeign) await attempt(options, async () => context.calls.endAll())
  if (user === undefined && isOther) live.logOut()
  await attempt(options, () => share(context))
  // What is on the screen is for whoever was there before.
  if (isScreenForeign) await attempt(options, () => native.clearShown?.())
  try {
    return await client.deliverKept(call.key)
  } finally {
    live.userChanged()
  }
}

async function decide(context: Context, id: string, answer: CallAnswer): Promise<'taken' | 'over'> {
  const said = await answerCall({ ...context, transport }, id, answer)
  if (said === 'taken') await attempt(context.options, async () => context.calls.settle(id, answer))
  return said
}

async function inbox(context: Context, page: InboxPage = {}): Promise<Inbox> {
  await context.adopted()
  const found = await readInbox({ ...context, transport }, page)
  if (context.options.unreadBadge) await setBadge(context.native, found.unread)
  return found
}

async function mark(
  context: Context,
  id: string,
  state: 'read' | 'opened' | 'deleted',
): Promise<MobileDelivery> {
  await context.adopted()
  const delivery = await markInbox(context, id, state)
  // where the server can't be asked now, the next look at the inbox puts the number right
  if (context.options.unreadBadge && delivery === 'sent') await inbox(context, { limit: 0 }).catch(() => {})
  return delivery
}

async function showBadge(context: Context, badge: number): Promise<MobileDelivery> {
  await setBadge(context.native, badge)
  return deliver(context, 'setBadge', { badge })
}

async function setBadge(native: NativePush, count: number): Promise<void> {
  await native.setBadge?.(count)
}

/** What the native parts must know before a push comes, and whenever somebody else logs in. */
async function share(context: Context): Promise<void> {
  const { settings, hwid, userId, isUserTold } = await context.adopted()
  const { baseUrl, application, deviceToken } = settings
  const user = isUserTold ? (userId ?? '') : undefined
  const { options } = context
  await attempt(options, () => options.share?.({ baseUrl, application, deviceToken, hwid, userId: user }))
}

function adopt(options: MobileRoostOptions, state: DeviceState | undefined): DeviceState {
  return adoptSettings(state, settingsOf(options), () => makeUuid(options))
}

function makeUuid({ makeUuid = randomUuid }: MobileRoostOptions): string {
  return makeUuid()
}

function settingsOf(options: MobileRoostOptions): Settings {
  return {
    baseUrl: options.baseUrl.replace(/\/+$/, ''),
    application: options.application,
    deviceToken: options.deviceToken,
    appVersion: options.appVersion,
    hasUnreadBadge: options.unreadBadge ?? false,
  }
}

/** At most once an hour. The server takes its own time of receipt as "last seen". */
async function reportOpen(context: Context): Promise<void> {
  const { openedAt } = await context.adopted()
  if (!isDue(openedAt, context.now()) || !(await context.options.visibility.isInFront())) return
  await context.client.call('applicationOpen')
  await context.store.update(before => ({ ...adopt(context.options, before), openedAt: context.now() }))
}

function forgiveAbsence(error: unknown): void {
  if (!(error instanceof RoostError) || (error.code !== 'unreachable' && error.code !== 'unavailable'))
    throw error
}

function told(context: Context): Promise<MobileStatus> {
  return announce(readStatus(context), context.options.onChange)
}

async function readStatus(context: Context): Promise<MobileStatus> {
  const state = await context.store.read()
  const hasAddress = state?.registered !== undefined && state.registered.address !== ''
  return {
    permission: await context.native.permission(),
    isSubscribed: hasAddress && state.isOptedOut === false,
    isOptedOut: state?.isOptedOut ?? false,
    hwid: state?.hwid,
  }
}
