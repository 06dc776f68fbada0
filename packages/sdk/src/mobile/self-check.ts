/**
 * Looks at what stands between a push and this app, changes nothing, and hands the findings in (docs/test-devices.md). The codes are those of
 * pages, as far as they mean something here; what an app does about them is another thing.
 */
import { VERSION } from '../core/client.ts'
import type { RoostErrorCode } from '../core/error.ts'
import {
  type Finding,
  handInSelfCheck,
  judge,
  type Seen,
  type SeenServer,
  type SelfCheck,
  type SelfCheckCode,
  worstOf,
} from '../core/self-check.ts'
import type { DeviceState } from '../core/state.ts'
import type { Environment } from './environment.ts'
import type { Permission } from './native-push.ts'
import { transport } from './runtime.ts'

/** Of what is judged of pages; with its remedy, where it is another one. */
const OF_APPS: ReadonlyMap<string, string | undefined> = new Map<SelfCheckCode, string | undefined>([
  ['storage_writable', undefined],
  ['storage_failed', 'Give a storage that keeps what it is given.'],
  ['permission_granted', undefined],
  ['permission_denied', "Allow notifications in the system's settings."],
  ['permission_not_asked', 'Call subscribe() when the person asks for messages.'],
  ['opted_out', 'Call subscribe() when the person asks for messages.'],
  ['server_reached', undefined],
  ['server_unreachable', 'See whether the server runs under baseUrl, and whether the phone has a network.'],
  ['server_unauthorized', undefined],
  ['server_refused', undefined],
  ['server_unavailable', undefined],
  ['calls_waiting', undefined],
])

/** There is no web push in an app, and nothing is to be said of that. */
const NO_PAGE = {
  isSecure: true,
  isFramed: false,
  missing: ['serviceWorker', 'PushManager'],
  needsInstall: false,
  isPrivate: false,
  worker: undefined,
  otherScopes: [],
  subscription: undefined,
} as const satisfies Partial<Seen>

const PERMISSIONS: Readonly<Record<Permission, NotificationPermission>> = {
  granted: 'granted',
  provisional: 'granted',
  ephemeral: 'granted',
  denied: 'denied',
  not_determined: 'default',
}

/** Never rejects. `device`: makes the state if there is none. */
export async function selfCheck(
  environment: Environment,
  device: () => Promise<DeviceState>,
): Promise<SelfCheck> {
  const at = environment.now()
  const { state, error } = await readState(device)
  const seen: Seen = {
    ...NO_PAGE,
    storageError: error,
    permission: PERMISSIONS[await environment.native.permission().catch(() => 'denied' as const)],
    isOptedOut: state?.isOptedOut ?? false,
    server: state === undefined ? NOT_ASKED : await askServer(environment),
    waiting: state === undefined ? 0 : await countWaiting(environment, at),
  }
  const findings = judge(seen).flatMap(ofApp)
  const told =
    state === undefined || seen.server.ms === undefined ? [] : await handIn(environment, state, findings)
  const all = [...findings, ...told]
  return { at, sdkVersion: VERSION, verdict: worstOf(all), findings: all }
}

function ofApp(finding: Finding): Finding[] {
  if (!OF_APPS.has(finding.code)) return []
  return [{ ...finding, remedy: OF_APPS.get(finding.code) ?? finding.remedy }]
}

async function readState(
  device: () => Promise<DeviceState>,
): Promise<{ state?: DeviceState; error?: string }> {
  try {
    return { state: await device() }
  } catch (error) {
    return { error: error instanceof Error ? error.name : 'unknown' }
  }
}

const NOT_ASKED: SeenServer = { fault: undefined, ms: undefined, vapidKey: undefined }

async function askServer({ client, now }: Environment): Promise<SeenServer> {
  const begunAt = now()
  try {
    await client.call('getConfig', { features: [] })
    return { ...NOT_ASKED, ms: now() - begunAt }
  } catch (error) {
    const { code = 'refused' } = error as { readonly code?: RoostErrorCode }
    return { ...NOT_ASKED, fault: code }
  }
}

/** A call that is on its way takes seconds. */
const WAITING_FROM_MS = 60_000

async function countWaiting({ store }: Environment, at: number): Promise<number> {
  return (await store.kept()).filter(kept => Math.abs(at - kept.at) >= WAITING_FROM_MS).length
}

/** The server compares the token with the address that it has, and adds what it finds. */
async function handIn(
  { native, now }: Environment,
  { settings, hwid }: DeviceState,
  findings: readonly Finding[],
): Promise<readonly Finding[]> {
  const address = await native.token().catch(() => undefined)
  return handInSelfCheck(transport, { settings, hwid, address, findings, clock: now() })
}
