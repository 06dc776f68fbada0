/**
 * What comes and what is tapped: each message once, to nobody but whom it is for, and with its receipts.
 *
 * On iOS the system has shown a push before the app hears of it; there `foreign` and `seen` keep it from the app and from the counts, and the
 * service extension (native/ios) from the screen. On Android nothing is shown before that is known.
 */
import type { PushPayload } from '../core/payload.ts'
import { sendReceipt } from '../core/receipts.ts'
import { isForeignByNow, once, type Presentation, presentationOf } from '../core/received.ts'
import type { Calls } from './calls.ts'
import type { Environment } from './environment.ts'
import type { NativeOpening, NativePushMessage } from './native-push.ts'
import type { MobileRoostOptions, Opening } from './options.ts'
import { type Push, pushOfPayload, readPush } from './push.ts'

export interface Receiver
  extends Pick<MobileRoostOptions, 'foreground' | 'show' | 'onPush' | 'onOpen' | 'visibility'> {
  readonly calls: Calls
}

/** Resolves when nothing is left to do for it: the system may stop the app then. */
export async function receive(
  environment: Environment,
  receiver: Receiver,
  message: NativePushMessage,
): Promise<void> {
  const push = readPush(message)
  const system = { isShown: message.shown !== undefined }
  const verdict = await once(environment, push, () => pass(environment, receiver, push, system))
  if (verdict === 'new') await sendReceipt(environment.client, 'delivered', push)
}

/** The live channel sees to it that a message comes once. */
export async function receiveLive(
  environment: Environment,
  receiver: Receiver,
  payload: PushPayload,
): Promise<void> {
  const push = pushOfPayload(payload)
  await pass(environment, receiver, push, { isShown: false })
  void sendReceipt(environment.client, 'delivered', push).catch(() => undefined)
}

async function pass(
  environment: Environment,
  receiver: Receiver,
  push: Push,
  system: { readonly isShown: boolean },
): Promise<void> {
  const presentation = await present(receiver, push, system)
  // Somebody else may have logged in while it was on its way to the screen.
  if (await isForeignByNow(environment.store, push)) return environment.native.clearShown?.()
  if (presentation === 'event' || presentation === 'show') receiver.onPush?.(push)
}

/**
 * Behind, what has words is shown: nobody sees an event there. A call that the app takes rings as one; behind it is a notification, too, which
 * brings the person to the app.
 */
async function present(
  { foreground = 'show', show, visibility, calls }: Receiver,
  push: Push,
  { isShown }: { readonly isShown: boolean },
): Promise<Presentation | 'call'> {
  const isInFront = await visibility.isInFront()
  const isCall = await calls.takePush(push)
  if (isCall && isInFront) return 'call'
  const presentation = isInFront ? presentationOf(push, foreground) : 'show'
  if (presentation === 'show' && !isShown && push.isVisible) await show?.(push)
  return isCall ? 'call' : presentation
}

/** A tap tells that the push had come, too: an app that was closed may not have heard of it. */
export async function open(
  environment: Environment,
  receiver: Receiver,
  { action, ...message }: NativeOpening,
): Promise<void> {
  const push = readPush(message)
  if ((await once(environment, push, async () => {})) === 'foreign') return
  receiver.onOpen?.(openingOf(push, action))
  await noteOpened(environment, push)
}

export async function noteOpened({ client }: Environment, push: Push): Promise<void> {
  await sendReceipt(client, 'delivered', push)
  await sendReceipt(client, 'opened', push)
}

function openingOf(push: Push, action: string | undefined): Opening {
  const button = action === undefined ? undefined : push.buttons[Number(action)]
  return { push, action, url: button === undefined ? push.url : button.url }
}
