/**
 * `roost bench gateway`: how fast the HTTP/2 engine sends to a server, and what of this process' CPU one message costs.
 *
 * CPU is user and system time of the whole process between the first request and the last result, garbage collection
 * and TLS included.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { ConnectionPool, HeaderTemplate } from '@roost/http2'
import { Command, InvalidArgumentError } from 'commander'
import { StartError } from '../../store/folder.ts'
import { type Screen, silentScreen, terminalScreen } from '../demo/screen.ts'
import { GatewayLoad, MAX_REQUESTS } from './gateway-load.ts'

export interface GatewayBenchOptions {
  readonly url: string
  readonly count: number
  readonly connections: number
  readonly bodyBytes: number
  /** Streams in flight on one connection at most, whatever the server allows. */
  readonly streams: number
  /** Requests before the measurement; they are in no figure. */
  readonly warmUp: number
  readonly token?: string
  readonly ca?: string | undefined
  readonly insecure?: boolean
  readonly json?: boolean
}

export interface GatewayBenchReport {
  readonly sent: number
  readonly accepted: number
  /** Everything else: refused, not sent, uncertain. */
  readonly failed: number
  readonly perSecond: number
  readonly cpuMicrosPerMessage: number
  readonly notSent: number
  readonly uncertain: number
  /** Handed back by the server as not processed, and sent again. */
  readonly repeated: number
  readonly seconds: number
  readonly peakRssMb: number
  /** After 25, 50, 75 and 100 % of the requests. */
  readonly rssMbAtQuarters: readonly number[]
  /** Why requests were not accepted at first; a repeated one may be accepted after all. */
  readonly reasons: Readonly<Record<string, number>>
}

const DEADLINE_MS = 20_000
const PROGRESS_EVERY_MS = 250

export function gatewayBenchCommand(): Command {
  return new Command('gateway')
    .description('Send APNs-shaped requests to an HTTP/2 server and measure the sender')
    .requiredOption('--url <https-url>', 'the server, as https://HOST:PORT', readOrigin)
    .option('--count <n>', 'requests to send', wholeNumber, 100_000)
    .option('--connections <n>', 'connections at most', wholeNumber, 4)
    .option('--body-bytes <n>', 'size of a request body', wholeNumberOrZero, 200)
    .option('--streams <n>', 'requests in flight on one connection at most', wholeNumber, 1000)
    .option('--warm-up <n>', 'requests sent before, which are not measured', wholeNumberOrZero, 0)
    .option('--token <hex>', 'send all requests to this device token (default: each to another)')
    .option('--ca <file>', 'trust the certificates of this PEM file, and no others')
    .option('--insecure', 'trust any certificate')
    .option('--json', 'print one line of JSON only')
    .addHelpText(
      'after',
      "\nWithout --ca the system's roots and ROOST_EXTRA_CA are trusted. The last line of output is one line of JSON.",
    )
    .action(run)
}

async function run(options: GatewayBenchOptions): Promise<void> {
  const screen = options.json ? silentScreen : terminalScreen(process.stdout)
  const report = await benchGateway(options, process.env.ROOST_EXTRA_CA || undefined, screen)
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

/** Throws StartError when the server can't be reached. `extraCa`: PEM file to trust beside the system's roots. */
export async function benchGateway(
  options: GatewayBenchOptions,
  extraCa: string | undefined,
  screen: Screen,
): Promise<GatewayBenchReport> {
  if (options.insecure) process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  const pool = openPool(options, extraCa)
  const template = apnsTemplate(new URL(options.url).host)
  const body = Buffer.alloc(options.bodyBytes, 'a')
  const { count, warmUp, token } = options
  const common = { pool, template, body, token, deadlineMs: DEADLINE_MS }
  try {
    if (warmUp > 0)
      await runLoad(new GatewayLoad({ ...common, count: warmUp, first: count }), warmUp, silentScreen)
    const load = new GatewayLoad({ ...common, count })
    const before = { cpu: process.cpuUsage(), at: performance.now() }
    await runLoad(load, count, screen)
    return reportOf(load, process.cpuUsage(before.cpu), (performance.now() - before.at) / 1000)
  } finally {
    await pool.close(true)
  }
}

async function runLoad(load: GatewayLoad, count: number, screen: Screen): Promise<void> {
  const progress = screen.progress('answered', count)
  const timer = setInterval(() => progress.update(load.done), PROGRESS_EVERY_MS)
  try {
    await load.run()
  } finally {
    clearInterval(timer)
    progress.update(load.done)
    progress.end()
  }
  if (load.unreachable !== undefined)
    throw new StartError(
      load.unreachable,
      'Check --url; a server with a certificate of its own needs --ca FILE, ROOST_EXTRA_CA or --insecure.',
    )
}

function openPool(options: GatewayBenchOptions, extraCa: string | undefined): ConnectionPool {
  return new ConnectionPool({
    origin: options.url,
    secureContext: trust(options.ca, extraCa),
    maxConnections: options.connections,
    maxStreams: options.streams,
  })
}

function trust(ca: string | undefined, extraCa: string | undefined): SecureContext {
  if (ca !== undefined) return createSecureContext({ ca: readPem(ca) })
  return createSecureContext(extraCa === undefined ? {} : { ca: [...rootCertificates, readPem(extraCa)] })
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new StartError(`${file} can't be read: ${(error as Error).message}`, 'Name a PEM file.')
  }
}

function apnsTemplate(authority: string): HeaderTemplate {
  return new HeaderTemplate({
    constant: [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', authority],
      ['apns-topic', 'com.example.app'],
      ['apns-push-type', 'alert'],
      ['apns-priority', '10'],
    ],
    secret: [['authorization', `bearer ${tokenOfTheUsualSize()}`]],
    variable: ['apns-id'],
    wanted: ['apns-id', 'retry-after'],
  })
}

/** Shaped like a provider token (RFC 7519, ES256), signed by nobody. */
function tokenOfTheUsualSize(): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const header = encode({ alg: 'ES256', kid: 'ABCDE12345' })
  const claims = encode({ iss: 'TEAM123456', iat: 1_700_000_000 })
  return `${header}.${claims}.${randomBytes(64).toString('base64url')}`
}

function reportOf(load: GatewayLoad, cpu: NodeJS.CpuUsage, seconds: number): GatewayBenchReport {
  const megabytes = (bytes: number) => Math.round(bytes / 1e6)
  return {
    sent: load.done,
    accepted: load.accepted,
    failed: load.done - load.accepted,
    perSecond: Math.round(load.done / seconds),
    cpuMicrosPerMessage: Number(((cpu.user + cpu.system) / load.done).toFixed(2)),
    notSent: load.notSent,
    uncertain: load.uncertain,
    repeated: load.repeated,
    seconds: Number(seconds.toFixed(3)),
    peakRssMb: megabytes(process.resourceUsage().maxRSS * 1024),
    rssMbAtQuarters: load.rssBytesAtQuarters.map(megabytes),
    reasons: Object.fromEntries(load.reasons),
  }
}

function readOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:') throw new InvalidArgumentError('It must be https://HOST:PORT.')
  return url.origin
}

function wholeNumber(text: string): number {
  const n = wholeNumberOrZero(text)
  if (n === 0) throw new InvalidArgumentError('It must be 1 or more.')
  return n
}

function wholeNumberOrZero(text: string): number {
  if (!/^\d{1,12}$/.test(text) || Number(text) > MAX_REQUESTS)
    throw new InvalidArgumentError(`It must be a whole number up to ${MAX_REQUESTS}.`)
  return Number(text)
}
