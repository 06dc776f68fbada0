/** `roost address-policy show`, `preview` and `set`. */
import {
  type AddressPolicy,
  type AddressPolicyChange,
  addressPolicyChangeSchema,
  type PolicyPreview,
  wordOf,
} from '@roost/protocol'
import { changePolicy, readPolicy } from '../../hygiene/policy.ts'
import { previewPolicy } from '../../hygiene/preview.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { withApp } from '../beside/open.ts'

interface Options {
  readonly app: string
  readonly json?: boolean
}

interface ChangeOptions extends Options {
  readonly removeInactive?: boolean
  readonly keepInactive?: boolean
  readonly inactiveDays?: number
  readonly dormantDays?: number
  readonly sendToDormant?: 'yes' | 'no'
  readonly fcmDeadDays?: number
  readonly otherDeadDays?: number
  readonly tombstoneDays?: number
  readonly eraseDays?: number | null
}

export async function show({ app, json }: Options): Promise<void> {
  await withApp(app, async ({ db, appId }) => {
    const policy = await readPolicy(db, appId)
    print(json ? JSON.stringify(policy) : wordsOf(policy))
  })
}

export async function change({ app, json, ...options }: ChangeOptions): Promise<void> {
  const wanted = changeOf(options)
  await withApp(app, async ({ db, appId }) => {
    const policy = await changePolicy(db, appId, wanted)
    print(json ? JSON.stringify(policy) : wordsOf(policy))
  })
}

export async function preview({
  app,
  json,
  exact: isExact = false,
  ...options
}: ChangeOptions & { readonly exact?: boolean }): Promise<void> {
  const wanted = changeOf(options)
  await withApp(app, async ({ db, appId }) => {
    const seen = await previewPolicy(db, { appId, change: wanted, at: systemClock.now(), isExact })
    print(json ? JSON.stringify(seen) : previewOf(seen))
  })
}

function changeOf({
  keepInactive,
  sendToDormant,
  ...rest
}: Omit<ChangeOptions, 'app' | 'json'>): AddressPolicyChange {
  const read = addressPolicyChangeSchema.safeParse(
    {
      ...rest,
      ...(keepInactive && { removeInactive: false }),
      ...(sendToDormant !== undefined && { sendToDormant: sendToDormant === 'yes' }),
    },
    { error: wordOf },
  )
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new StartError(`${issue?.path.join('.')}: ${issue?.message}`, 'Correct what is named here.')
}

function wordsOf(policy: AddressPolicy): string {
  return Object.entries(policy)
    .map(([name, value]) => `${name.padEnd(15)} ${value ?? 'never'}`)
    .join('\n')
}

/** "would remove 12 431 of 1 000 000: 11 002 ios, 1 429 android", and the histogram. */
export function previewOf(seen: PolicyPreview): string {
  const { addresses, wouldRemove, byPlatform, removed, byAge, errorPercent } = seen
  const [about, estimated] =
    errorPercent === 0 ? ['', ''] : ['about ', ` (estimated, ± ${errorPercent} %; --exact counts all)`]
  const platforms = byPlatform
    .filter(it => it.wouldRemove > 0)
    .map(it => `${grouped(it.wouldRemove)} ${it.platform}`)
  const reasons = removed.map(it => `  ${it.reason.padEnd(13)} ${it.platform.padEnd(9)} ${grouped(it.count)}`)
  const most = Math.max(1, ...byAge.map(it => it.addresses))
  const ages = byAge.map(it => {
    const days = it.toDays === null ? `${it.fromDays} and more` : `${it.fromDays} to ${it.toDays - 1}`
    return `  ${days.padStart(12)} ${grouped(it.addresses).padStart(11)} ${'█'.repeat(Math.round((it.addresses / most) * BAR))}`
  })
  return [
    `would remove ${about}${grouped(wouldRemove)} of ${about}${grouped(addresses)}${estimated}${platforms.length > 0 ? `: ${platforms.join(', ')}` : ''}`,
    ...(reasons.length > 0 ? ['by reason and platform, every kind of address:', ...reasons] : []),
    'by days since the last open:',
    ...ages,
  ].join('\n')
}

const BAR = 40

/** Thousands apart, as 12 431. */
function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
