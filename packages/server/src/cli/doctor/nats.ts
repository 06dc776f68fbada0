/** The NATS between servers: each server of ROOST_NATS_URL by itself, since Roost takes any that lets it in. */
import type { Config } from '../../config.ts'
import type { NatsPlace } from '../../store/nats-place.ts'
import { type Finding, ok, warning, wrong } from './finding.ts'

const REMEDY_AWAY =
  'Start it, open its port, or correct ROOST_NATS_URL. Until then servers hear of each other’s changes by looking, up to a second later.'
const REMEDY_REFUSED = 'Correct the user and password in ROOST_NATS_URL, or those of NATS.'
const REMEDY_RIGHTS = 'Let this user publish to and subscribe to "roost.>" there.'

/** None when there is none. */
export async function lookAtNats({ nats, extraCa }: Config): Promise<Finding[]> {
  if (nats === undefined) return []
  const tried = await Promise.all(nats.servers.map(server => tryServer(nats, { server, extraCa })))
  const isThere = tried.some(it => it.fault === undefined)
  return tried.map(it => findingOf(it, isThere))
}

interface Tried {
  readonly server: string
  readonly ms: number
  /** Undefined when it serves us. */
  readonly fault: string | undefined
}

async function tryServer(
  nats: NatsPlace,
  { server, extraCa }: { readonly server: string; readonly extraCa: string | undefined },
): Promise<Tried> {
  const { reasonOf, tryNats } = await import('../../store/notices-nats.ts')
  const begun = performance.now()
  const fault = await tryNats({ place: { ...nats, servers: [server] }, extraCa }).then(
    () => undefined,
    (error: unknown) => reasonOf(error),
  )
  return { server, ms: Math.round(performance.now() - begun), fault }
}

/** Others of the cluster may do its work. */
function findingOf({ server, ms, fault }: Tried, isThere: boolean): Finding {
  if (fault === undefined) return ok(server, `lets us publish and subscribe, in ${ms} ms`)
  const tell = isThere ? warning : wrong
  return tell(server, `can't be used: ${fault}`, remedyOf(fault))
}

function remedyOf(fault: string): string {
  if (/permissions violation/i.test(fault)) return REMEDY_RIGHTS
  return /authorization/i.test(fault) ? REMEDY_REFUSED : REMEDY_AWAY
}
