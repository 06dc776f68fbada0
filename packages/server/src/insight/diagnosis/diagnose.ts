/** Diagnosing a device, by its hwid or token, or all devices of a user: now, or of one message. */
import type { DeviceDiagnosis, DiagnosisOutcome, DiagnosisRequest, DiagnosisView } from '@roost/protocol'
import { addressBucketOf } from '../../registry/buckets.ts'
import { hashesOfToken } from '../../registry/token-holders.ts'
import type { Queryable } from '../../store/database.ts'
import type { Facts } from './facts.ts'
import { type FactsQuery, factsOfStranger, gatherFacts } from './gather/gather.ts'
import { requireMessage } from './gather/message.ts'
import { type Judged, judge, viewOf } from './judge.ts'
import { REMEDIES } from './remedies.ts'
import { hasTold } from './standing.ts'
import { type MessageKey, type Spoken, textsFor, type UnseenKey } from './texts/texts.ts'

export interface Asking {
  readonly app: FactsQuery['app']
  readonly request: DiagnosisRequest
  /** As the caller's Accept-Language has it. */
  readonly languages: string | undefined
  /** ms */
  readonly at: number
}

/** Of a user; who has more is rather a shared account. */
const DEVICES_MAX = 20

/** Throws `message_unknown`. A device that is not known is a finding. */
export async function diagnose(
  db: Queryable,
  { app, request, languages, at }: Asking,
): Promise<DiagnosisView> {
  const { message: messageId = null, lang } = request
  const spoken = textsFor(lang ?? languages)
  if (messageId !== null) await requireMessage(db, { appId: app.id, messageId })
  const { asked, token, hwids } = await resolve(db, app.id, request)
  const devices: DeviceDiagnosis[] = []
  for (const hwid of hwids) {
    const found = await diagnoseDevice(db, { query: { app, hwid, asked, token, messageId, at }, spoken })
    if (found !== null) devices.push(found)
  }
  const stranger = { hwid: hwids[0] ?? null, user: 'user' in request ? request.user : null }
  const facts =
    devices.length > 0 ? undefined : await factsOfStranger(db, { app, asked, token, at, ...stranger })
  const findings = facts === undefined ? [] : judge(facts).findings.map(it => viewOf(it, spoken))
  const titles = titlesOf([{ findings, ruledOut: [] }, ...devices], spoken)
  return { at: new Date(at).toISOString(), lang: spoken.lang, messageId, titles, findings, devices }
}

function titlesOf(
  told: readonly Pick<DeviceDiagnosis, 'findings' | 'ruledOut'>[],
  { texts }: Spoken,
): DiagnosisView['titles'] {
  const rules = told.flatMap(({ findings, ruledOut }) => [...findings.map(it => it.rule), ...ruledOut])
  return Object.fromEntries(rules.map(rule => [rule, texts.titles[rule]]))
}

interface Resolved {
  readonly asked: Facts['asked']
  readonly token: string | null
  readonly hwids: readonly string[]
}

async function resolve(db: Queryable, appId: number, request: DiagnosisRequest): Promise<Resolved> {
  if ('device' in request) return { asked: 'device', token: null, hwids: [request.device] }
  if ('user' in request)
    return { asked: 'user', token: null, hwids: await devicesOf(db, appId, request.user) }
  const { token } = request
  return { asked: 'token', token, hwids: await holderOf(db, appId, token) }
}

/** Uses the index device_of_user. */
async function devicesOf(db: Queryable, appId: number, user: string): Promise<string[]> {
  const { rows } = await db.query<{ hwid: string }>(
    `select hwid from device where app_id = $1 and user_id = $2 order by last_seen_at desc, hwid limit ${DEVICES_MAX}`,
    [appId, user],
  )
  return rows.map(row => row.hwid)
}

/** Who has it, or had it last. By the primary key of address_directory. */
async function holderOf(db: Queryable, appId: number, token: string): Promise<string[]> {
  const hashes = hashesOfToken(token)
  const { rows } = await db.query<{ hwid: string }>(
    `select distinct h.hwid from unnest($2::smallint[], $3::bytea[]) as i (bucket, hash)
       join address_directory h on h.address_bucket = i.bucket and h.app_id = $1 and h.address_hash = i.hash`,
    [appId, hashes.map(addressBucketOf), hashes],
  )
  return rows.map(row => row.hwid)
}

interface DeviceAsking {
  readonly query: FactsQuery
  readonly spoken: Spoken
}

/** Null when the app has no such device. */
async function diagnoseDevice(
  db: Queryable,
  { query, spoken }: DeviceAsking,
): Promise<DeviceDiagnosis | null> {
  const facts = await gatherFacts(db, query)
  if (facts.device === null) return null
  const judged = judge(facts)
  const { hwid, platform, userId } = facts.device
  return {
    hwid,
    platform,
    userId,
    outcome: outcomeOf(facts, judged),
    findings: judged.findings.map(it => viewOf(it, spoken)),
    ruledOut: [...judged.ruledOut],
    unseen: unseenOf(facts).map(key => ({ key, text: spoken.texts.unseen[key] })),
    trace: facts.message?.trace ?? null,
  }
}

/** What holds back some messages only: a device that has it can receive. */
const LETS_TRANSACTIONAL: ReadonlySet<MessageKey> = new Set(['DX-55.now', 'DX-56.now_dropped'])

function outcomeOf(facts: Facts, { findings }: Judged): DiagnosisOutcome {
  const trace = facts.message?.trace
  if (trace === undefined) {
    const isBlocked = findings.some(
      it =>
        it.verdict === 'proven' && REMEDIES[it.key].effect === 'blocks' && !LETS_TRANSACTIONAL.has(it.key),
    )
    return isBlocked ? 'could_not' : 'could_receive'
  }
  if (trace.outcome !== 'accepted') return trace.outcome
  if (hasTold(facts, 'opened')) return 'opened'
  return hasTold(facts, 'delivered', 'displayed') ? 'delivered' : 'accepted'
}

/** Of what has been told nothing is left unseen. */
function unseenOf(facts: Facts): UnseenKey[] {
  if (hasTold(facts, 'opened')) return []
  if (hasTold(facts, 'displayed')) return []
  if (hasTold(facts, 'delivered')) return ['focus', 'display']
  const outcome = facts.message?.trace.outcome ?? 'pending'
  const mayCome =
    outcome === 'accepted' || outcome === 'uncertain' || outcome === 'pending' || outcome === 'waiting'
  return mayCome ? ['power', 'focus', 'display', 'uninstall'] : []
}
