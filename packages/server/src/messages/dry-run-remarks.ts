/** What a dry run has to say of a message: whom it would not reach, and what keeps devices that were looked at from it. */
import type { DryRun, NewMessage, Remark } from '@roost/protocol'
import { isOnlyLive } from './dry-run-live.ts'

/** Where only a part of the base was counted. */
const FEW_OR_NONE = 'few would get a push, or nobody: of the part of the base that was counted, nobody'

export interface Looked extends Pick<DryRun, 'reach' | 'errorPercent' | 'sample'> {
  readonly input: NewMessage
  /** So many would be reached by their channels that can't be pushed to; of the route `online-only` all whom it reaches. */
  readonly live: number
  readonly gateways: readonly string[]
}

/** What is to be said of it before it is sent. */
export function remarksOf(looked: Looked): Remark[] {
  const { gateways, sample } = looked
  const without = [...new Set(sample.map(it => it.gateway))].filter(it => !gateways.includes(it))
  return [
    ...remarksOfReach(looked),
    ...without.map(gateway =>
      remark(
        'credential_missing',
        { gateway },
        `there is no credential for ${gateway}, where some of its devices are`,
      ),
    ),
    ...remarksOfSample(sample),
  ]
}

function remarksOfReach(looked: Looked): Remark[] {
  const { input, reach, live, errorPercent } = looked
  if (isOnlyLive(input)) return remarksOfConnected(looked)
  const { devices: of, permitted } = reach
  const devices = Math.max(0, of - permitted - live)
  const isCounted = errorPercent === 0
  const nobody = isCounted
    ? remark('nobody_reached', {}, 'nobody would get a push')
    : remark('nobody_counted', {}, FEW_OR_NONE)
  const about = isCounted ? '' : 'about '
  const lost = remark(
    'not_reached',
    { devices, of, isAbout: isCounted ? 0 : 1 },
    `${about}${devices} of ${of} devices can't be sent a push; an inbox would reach them`,
  )
  return [
    ...(permitted + live === 0 ? [nobody] : []),
    ...(devices > 0 && input.inbox === undefined ? [lost] : []),
  ]
}

function remarksOfConnected({ input, reach: { devices: of }, live, errorPercent }: Looked): Remark[] {
  const devices = Math.max(0, of - live)
  if (devices === 0 || input.inbox !== undefined) return []
  const isAbout = errorPercent > 0 ? 1 : 0
  const text = `${isAbout ? 'about ' : ''}${devices} of ${of} devices are not connected now and would not get it`
  return [remark('not_connected', { devices, of, isAbout }, text)]
}

function remarksOfSample(sample: DryRun['sample']): Remark[] {
  const looked = new Set(sample.map(it => it.hwid)).size
  const devices = new Set(sample.filter(it => it.sendAt === null).map(it => it.hwid)).size
  if (devices === 0) return []
  const text = `${devices} of the ${looked} devices looked at would not get it`
  return [remark('sample_lost', { devices, looked }, text)]
}

/** Of no field. */
function remark(code: Remark['code'], values: Remark['values'], text: string): Remark {
  return { code, place: null, values, text }
}
