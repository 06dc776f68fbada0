/**
 * The way to the gateways (DX-13): name, TCP, TLS with the roots that Roost trusts, HTTP/2 by ALPN. And the clock of this
 * machine, against the times that answers carry (DX-05): Apple refuses tokens of a clock that is wrong, Google keys.
 *
 * Apple is asked nothing, since it counts wrong requests: there the handshake is all. Nobody is shown a credential.
 * Source: Apple, "Establishing a connection to APNs" (port 2197 beside 443); RFC 7301 (ALPN); RFC 9110 §6.6.1 (Date).
 */
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { LookupFunction } from 'node:net'
import { connect as connectTls, rootCertificates, type TLSSocket } from 'node:tls'
import {
  APNS_ORIGINS,
  checkEndpointUrl,
  createGuardedLookup,
  FCM_ORIGIN,
  GOOGLE_TOKEN_URL,
  HMS_ORIGIN,
  HMS_TOKEN_URL,
} from '@roost/gateways'
import type { Config } from '../../config.ts'
import { codeOfError, durationOf, type Finding, messageOf, ok, warning, wrong } from './finding.ts'
import { isSet } from './machine.ts'

const WITHIN_MS = 5000
const OTHER_PORT_OF_APNS = 2197
/** Half a second is lost to rounding, and answers are on their way. */
const CLOCK_OFF_MS = 30_000
/** Google takes no token that was signed so much ahead of or behind its own clock. */
const CLOCK_WRONG_MS = 5 * 60_000

/** A server that the base needs. */
export interface Place {
  readonly name: string
  readonly origin: string
  /** The variable that names another one. */
  readonly setting: string | undefined
  /** It is asked for a page that it has not; only its time is of interest. */
  readonly isAsked: boolean
  readonly needsHttp2: boolean
  /** Clients have named it, so it must not be one of our own network. */
  readonly isOfClients: boolean
}

/** What of the base goes where. */
export interface Served {
  readonly gateway: string
  readonly environments: readonly string[]
}

export interface Reaching {
  readonly config: Config
  /** What credentials there are; undefined when the database could not be asked. */
  readonly served: readonly Served[] | undefined
  /** Origins of push services that subscriptions have named. */
  readonly webOrigins: readonly string[]
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** ms. */
  now(): number
}

export async function lookAtGateways(reaching: Reaching): Promise<Finding[]> {
  const visits = await Promise.all(placesOf(reaching).map(place => visit(place, reaching)))
  return [...visits.map(it => findingOf(it, reaching)), ...clockFindings(visits)]
}

/** Without a credential for any gateway it is asked which of them could be used. */
function placesOf({ config: { gatewayUrls: urls }, served, webOrigins }: Reaching): Place[] {
  const isNeeded = (gateway: string, environment?: string) =>
    served === undefined ||
    served.length === 0 ||
    served.some(
      it => it.gateway === gateway && (environment === undefined || it.environments.includes(environment)),
    )
  const gateway = (name: string, url: string, setting: string, isAsked = true): Place => {
    const { origin } = new URL(url)
    return { name, origin, setting, isAsked, needsHttp2: true, isOfClients: false }
  }
  const production = urls.apnsProduction ?? APNS_ORIGINS.production
  const sandbox = urls.apnsSandbox ?? APNS_ORIGINS.sandbox
  const hasHms = served?.some(it => it.gateway === 'hms') ?? false
  return [
    ...(isNeeded('apns', 'production')
      ? [gateway('APNs', production, 'ROOST_APNS_PRODUCTION_URL', false)]
      : []),
    ...(isNeeded('apns', 'sandbox')
      ? [gateway('APNs sandbox', sandbox, 'ROOST_APNS_SANDBOX_URL', false)]
      : []),
    ...(isNeeded('fcm')
      ? [
          gateway('FCM', urls.fcm ?? FCM_ORIGIN, 'ROOST_FCM_URL'),
          gateway('Google OAuth', urls.googleToken ?? GOOGLE_TOKEN_URL, 'ROOST_GOOGLE_TOKEN_URL'),
        ]
      : []),
    ...(hasHms
      ? [
          gateway('HMS', urls.hms ?? HMS_ORIGIN, 'ROOST_HMS_URL'),
          gateway('Huawei OAuth', urls.hmsToken ?? HMS_TOKEN_URL, 'ROOST_HMS_TOKEN_URL'),
        ]
      : []),
    ...webOrigins.map(origin => ({
      name: 'push service',
      origin,
      setting: undefined,
      isAsked: false,
      needsHttp2: false,
      isOfClients: true,
    })),
  ]
}

interface Visit {
  readonly place: Place
  readonly tookMs: number
  readonly protocol: string
  /** How far its clock is ahead of ours; undefined when it did not tell. */
  readonly aheadMs: number | undefined
  readonly fault: Fault | undefined
}

interface Fault {
  readonly step: 'TCP' | 'TLS' | 'HTTP'
  readonly error: unknown
  /** Who vouches for who answered instead, when that is the fault. */
  readonly issuer: string | undefined
  /** Apple's other port answers. */
  readonly isOtherPortOpen: boolean
}

async function visit(place: Place, reaching: Reaching): Promise<Visit> {
  const before = performance.now()
  const dialing = { place, config: reaching.config }
  try {
    const socket = await dial(dialing)
    const tookMs = performance.now() - before
    const protocol = socket.alpnProtocol || 'http/1.1'
    if (!place.isAsked) {
      socket.destroy()
      return { place, tookMs, protocol, aheadMs: undefined, fault: undefined }
    }
    const aheadMs = await timeOf(socket, protocol, { place, now: reaching.now }).catch(() => undefined)
    return { place, tookMs, protocol, aheadMs, fault: undefined }
  } catch (error) {
    const { step = 'TCP' } = error as { step?: Fault['step'] }
    const issuer = step === 'TLS' ? await issuerAt(dialing) : undefined
    const isOtherPortOpen = step === 'TCP' && (await isOpenBeside(dialing))
    const tookMs = performance.now() - before
    const fault: Fault = { step, error, issuer, isOtherPortOpen }
    return { place, tookMs, protocol: '', aheadMs: undefined, fault }
  }
}

interface Dialing {
  readonly place: Place
  readonly config: Config
  /** Another port than the origin's. */
  readonly port?: number
  /** Takes whoever answers: to say who it is. */
  readonly trustsAll?: boolean
}

/** The caller ends the socket. What it rejects with has a `step`. */
function dial({ place, config, port, trustsAll = false }: Dialing): Promise<TLSSocket> {
  const { hostname, port: ofOrigin } = new URL(place.origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const { extraCa, allowPrivateEndpoints: allowPrivate } = config
  return new Promise((resolve, reject) => {
    let step: Fault['step'] = 'TCP'
    const socket = connectTls({
      host,
      port: port ?? Number(ofOrigin || 443),
      ALPNProtocols: ['h2', 'http/1.1'],
      rejectUnauthorized: !trustsAll,
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
      ...(extraCa === undefined ? {} : { ca: [...rootCertificates, extraCa] }),
      ...(place.isOfClients ? { lookup: createGuardedLookup({ allowPrivate }) as LookupFunction } : {}),
    })
    const refuse = (error: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(Object.assign(error, { step }))
    }
    const timer = setTimeout(() => refuse(new Error(`no answer within ${WITHIN_MS / 1000} s`)), WITHIN_MS)
    socket.on('error', refuse)
    socket.on('close', () => refuse(new Error('the connection was closed')))
    socket.on('connect', () => {
      step = 'TLS'
    })
    socket.on('secureConnect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('close')
      resolve(socket)
    })
  })
}

async function issuerAt(dialing: Dialing): Promise<string | undefined> {
  try {
    const socket = await dial({ ...dialing, trustsAll: true })
    const { issuer } = socket.getPeerCertificate()
    socket.destroy()
    return nameOf(issuer.O ?? issuer.CN)
  } catch {
    return undefined
  }
}

/** A name may have several of a kind. */
function nameOf(part: string | string[] | undefined): string | undefined {
  return Array.isArray(part) ? part.join(', ') : part
}

async function isOpenBeside(dialing: Dialing): Promise<boolean> {
  const { origin } = dialing.place
  if (!Object.values<string>(APNS_ORIGINS).includes(origin)) return false
  return dial({ ...dialing, port: OTHER_PORT_OF_APNS }).then(
    socket => {
      socket.destroy()
      return true
    },
    () => false,
  )
}

// ── the clock ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Asking {
  readonly place: Place
  now(): number
}

/** Ends the socket. Undefined when the answer has no time. */
async function timeOf(
  socket: TLSSocket,
  protocol: string,
  { place, now }: Asking,
): Promise<number | undefined> {
  const timer = setTimeout(() => socket.destroy(new Error('no answer')), WITHIN_MS)
  try {
    const before = now()
    const date = await (protocol === 'h2' ? dateOverHttp2 : dateOverHttp1)(socket, place.origin)
    const told = Date.parse(date ?? '')
    return Number.isNaN(told) ? undefined : told - (before + now()) / 2
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

function dateOverHttp2(socket: TLSSocket, origin: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(origin, { createConnection: () => socket })
    session.on('error', reject)
    session.on('close', () => reject(new Error('closed')))
    const stream = session.request({ ':path': '/' })
    stream.on('error', reject)
    stream.on('response', headers => {
      resolve(headers.date)
      session.destroy()
    })
    stream.end()
  })
}

function dateOverHttp1(socket: TLSSocket, origin: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const { host } = new URL(origin)
    const outgoing = request({ createConnection: () => socket, headers: { host } }, answer => {
      resolve(answer.headers.date)
      answer.destroy()
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** The middle one: one server whose clock is off says nothing of ours. */
function clockFindings(visits: readonly Visit[]): Finding[] {
  const told = visits.flatMap(({ aheadMs, place }) => (aheadMs === undefined ? [] : [{ aheadMs, place }]))
  const middle = told.sort((a, b) => a.aheadMs - b.aheadMs)[Math.floor(told.length / 2)]
  if (middle === undefined) return []
  const { aheadMs, place } = middle
  const offMs = Math.abs(aheadMs)
  if (offMs < CLOCK_OFF_MS) return [ok('clock', `as that of ${place.name}`)]
  const says = `${durationOf(offMs)} ${aheadMs > 0 ? 'behind' : 'ahead of'} that of ${place.name}`
  const remedy =
    'Set it, and keep it right with NTP (timedatectl set-ntp true): gateways refuse what is signed at another time.'
  return [offMs < CLOCK_WRONG_MS ? warning('clock', says, remedy) : wrong('clock', says, remedy)]
}

// ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────

function findingOf(visited: Visit, { served, environment }: Reaching): Finding {
  const { place, fault, protocol, tookMs } = visited
  const { host } = new URL(place.origin)
  const subject = `${place.name} ${host}`
  if (fault === undefined) {
    if (place.needsHttp2 && protocol !== 'h2')
      return wrong(
        subject,
        `answers, but speaks no HTTP/2 (ALPN agreed on ${protocol})`,
        `Something between opens TLS, as some firewalls do: exempt ${host} from that.`,
      )
    return ok(subject, `reached in ${Math.round(tookMs)} ms (${protocol})`)
  }
  const step = isNameFault(fault) ? 'its name' : fault.step
  const says = `not reached (${step}): ${messageOf(fault.error)}${vouched(fault)}`
  const remedy = [remedyOf(fault, place), ...proxyHint(environment)].join(' ')
  // Nobody knows whether it is needed, or it is one of many.
  const isWanted = served !== undefined && served.length > 0 && !place.isOfClients
  return isWanted ? wrong(subject, says, remedy) : warning(subject, says, remedy)
}

function isNameFault({ error }: Pick<Fault, 'error'>): boolean {
  return ['ENOTFOUND', 'EAI_AGAIN'].includes(codeOfError(error))
}

function vouched({ issuer }: Fault): string {
  return issuer === undefined ? '' : `; its certificate is by "${issuer}"`
}

const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)/
const OUT_OF_TIME = /CERT_(HAS_EXPIRED|NOT_YET_VALID)/

function remedyOf({ step, error, isOtherPortOpen }: Fault, place: Place): string {
  const { host, hostname, port } = new URL(place.origin)
  const code = codeOfError(error)
  if (isNameFault({ error }))
    return `No name server knows ${hostname}: look at the DNS of this machine${orSetting(place)}.`
  if (UNTRUSTED.test(code))
    return `A proxy that opens TLS stands between, or its root is missing here: exempt ${host} from inspection, or name that root with ROOST_EXTRA_CA.`
  if (OUT_OF_TIME.test(code))
    return 'Compare the clock of this machine; if it is right, whoever answers has an old certificate.'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `Another server answers in its place: look at the DNS of this machine, and at proxies${orSetting(place)}.`
  if (isOtherPortOpen)
    return `Port ${OTHER_PORT_OF_APNS} answers: set ${place.setting}=https://${hostname}:${OTHER_PORT_OF_APNS}, or open port 443 to ${hostname}.`
  if (step === 'TLS')
    return `The connection is cut while TLS is agreed on, as firewalls do that look at names: let ${host} through.`
  return `Open the way to ${hostname}, port ${port || 443}, in the firewall${orSetting(place)}.`
}

function orSetting({ setting, origin }: Place): string {
  const isDefault =
    [...Object.values<string>(APNS_ORIGINS), FCM_ORIGIN, HMS_ORIGIN].includes(origin) ||
    [GOOGLE_TOKEN_URL, HMS_TOKEN_URL].some(it => new URL(it).origin === origin)
  return setting === undefined || isDefault ? '' : `, or correct ${setting}`
}

function proxyHint(environment: Readonly<NodeJS.ProcessEnv>): string[] {
  const isNamed = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].some(it => isSet(environment[it]))
  return isNamed ? ['HTTPS_PROXY is set, but Roost goes to gateways without a proxy.'] : []
}

/** Of endpoints that clients have named: those that may be looked for. */
export function originsOf(endpoints: readonly string[], allowPrivate: boolean): string[] {
  const origins = endpoints
    .filter(it => checkEndpointUrl(it, { allowPrivate }).ok)
    .map(it => new URL(it).origin)
  return [...new Set(origins)]
}
