/**
 * What an app finds when it looks at itself, with what only the server can tell: does the base have the device, is the address that it holds
 * the one that is sent to, is its clock right?
 *
 * The device token is public and a hwid no secret, so anybody can hand in what they like: it is kept of test devices alone, as codes and
 * numbers that the console has its own words for, and it changes nothing that sending goes by. Of an address that the caller
 * does not name nothing is told that `checkDevice` does not tell.
 */
import type { NewSelfCheck, SelfCheckFinding, SelfCheckView, TakenSelfCheck } from '@roost/protocol'
import { bucketOf } from '../registry/buckets.ts'
import { hashesOfToken } from '../registry/token-holders.ts'
import type { Database, Queryable } from '../store/database.ts'

export interface TakeSelfCheck {
  readonly appId: number
  readonly hwid: string
  readonly selfCheck: NewSelfCheck
  /** ms */
  readonly at: number
}

/** The latest takes the place of the one before. */
export async function takeSelfCheck(db: Database, taken: TakeSelfCheck): Promise<TakenSelfCheck> {
  const { appId, hwid, selfCheck, at } = taken
  const own = [
    judgeDevice(await readStanding(db, taken), selfCheck.address !== undefined),
    judgeClock(selfCheck.clock, at),
  ]
  const { sdkVersion, findings } = selfCheck
  const isKept = await keep(db, {
    appId,
    hwid,
    selfCheck: { at: new Date(at).toISOString(), sdkVersion, findings: [...findings, ...own] },
  })
  return { isKept, findings: own.map(it => ({ ...it, remedy: REMEDIES[it.code] ?? null })) }
}

interface Standing {
  readonly isOptedOut: boolean
  /** One of its own is sent to. */
  readonly hasAddress: boolean
  /** Of the address that the device names; null when it has never been this device's. */
  readonly state: string | null
  readonly reason: string | null
}

/** By the primary keys of device and address. */
const STANDING = `
  select coalesce(d.permission in ('denied', 'not_determined'), false) as "isOptedOut",
         exists (select from address a
                  where a.bucket = $1 and a.app_id = $2 and a.hwid = $3 and a.kind = 'alert'
                    and a.state in ('active', 'suspect')) as "hasAddress",
         named.state, named.reason
    from device d
    left join lateral (
      select a.state, a.reason from address a
       where a.bucket = $1 and a.app_id = $2 and a.hwid = $3 and a.kind = 'alert' and a.address_hash = any($4::bytea[])
       order by (a.state in ('active', 'suspect')) desc, a.state_since desc limit 1) named on true
   where d.bucket = $1 and d.app_id = $2 and d.hwid = $3`

/** Undefined when the base has no such device. */
async function readStanding(
  db: Queryable,
  { appId, hwid, selfCheck: { address } }: TakeSelfCheck,
): Promise<Standing | undefined> {
  const hashes = address === undefined ? [] : hashesOfToken(address)
  return (await db.query<Standing>(STANDING, [bucketOf(hwid), appId, hwid, hashes])).rows[0]
}

const SENT_TO: ReadonlySet<string | null> = new Set(['active', 'suspect'])

function judgeDevice(standing: Standing | undefined, isAddressNamed: boolean): SelfCheckFinding {
  if (standing === undefined) return { code: 'device_unknown', verdict: 'bad', values: {} }
  const { isOptedOut, hasAddress, state, reason } = standing
  if (isAddressNamed && SENT_TO.has(state))
    return isOptedOut
      ? { code: 'device_opted_out', verdict: 'bad', values: {} }
      : { code: 'device_registered', verdict: 'good', values: {} }
  if (isAddressNamed && state !== null)
    return { code: 'device_address_ended', verdict: 'bad', values: { state, reason: reason ?? '' } }
  if (hasAddress) return { code: 'device_other_address', verdict: 'bad', values: {} }
  return { code: 'device_without_address', verdict: 'bad', values: {} }
}

/** The way of the call counts as well, so a few seconds say nothing. */
const CLOCK_OFF_SECONDS = 120

function judgeClock(clock: number, at: number): SelfCheckFinding {
  const seconds = Math.round((clock - at) / 1000)
  return Math.abs(seconds) < CLOCK_OFF_SECONDS
    ? { code: 'clock_right', verdict: 'good', values: {} }
    : { code: 'clock_off', verdict: 'warning', values: { seconds } }
}

/** For whoever reads the answer in the app; the console has its own, in six languages. */
const REMEDIES: Readonly<Record<string, string>> = {
  device_unknown: 'Register the device: call subscribe(), or start() where permission is given already.',
  device_without_address: 'Subscribe, so that the server has an address to send to.',
  device_other_address:
    'Call start(): it brings the address that the device holds now. If this comes again, two devices share a hwid.',
  device_address_ended: 'Call start(): the device registers again, which makes its address the active one.',
  device_opted_out: 'Allow notifications, and call start() so that the server learns of it.',
  clock_off: 'Set the clock of the device by the network.',
}

interface Kept {
  readonly appId: number
  readonly hwid: string
  readonly selfCheck: SelfCheckView
}

/** Of its invitations the newest counts: a phone has one in hand at a time. */
async function keep(db: Database, { appId, hwid, selfCheck }: Kept): Promise<boolean> {
  const written = JSON.stringify(selfCheck)
  const { rowCount: kept } = await db.query(
    'update test_device set self_check = $4 where bucket = $1 and app_id = $2 and hwid = $3',
    [bucketOf(hwid), appId, hwid, written],
  )
  const { rowCount: told } = await db.query(
    `update test_invitation set self_check = $4, version = version + 1
      where id = (select id from test_invitation where app_id = $1 and hwid = $2 and expires_at > $3
                   order by created_at desc limit 1)`,
    [appId, hwid, new Date(selfCheck.at), written],
  )
  return kept + told > 0
}
