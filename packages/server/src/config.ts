/**
 * The configuration: environment variables, all optional, read in one place. All faults are told at once, each with
 * its remedy. docs/configuration.md lists the same variables.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { StartError } from './store/folder.ts'
import { type NatsPlace, readNatsPlace } from './store/nats-place.ts'

const url = z.url({ protocol: /^https$/, error: 'must be an https URL' })
/** The paths are the gateways' own, so a path of ours would be dropped in silence. */
const origin = url.refine(isOrigin, 'must be an origin like https://host:port, without a path')
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine(it => it <= 65_535, 'must be a port number, 65535 at most')

const PEM_CERTIFICATE = /^-----BEGIN CERTIFICATE-----[ \t]*\r?\n[^-]+-----END CERTIFICATE-----[ \t]*\r?$/gm

const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, 'must be a whole number, 0 = no limit')
  .transform(Number)

const schema = z.object({
  ROOST_HOST: z.string().default('127.0.0.1'),
  ROOST_PORT: port.default(7460),
  ROOST_DATA_DIR: z.string().default('./data'),
  ROOST_DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must be postgres://user:password@host/database' })
    .optional(),
  ROOST_NATS_URL: z.string().transform(readNats).optional(),
  ROOST_SECRET: z.string().min(32, 'needs 32 or more characters: openssl rand -hex 32').optional(),
  ROOST_BOOTSTRAP_TOKEN: z
    .string()
    .min(16, 'needs 16 or more characters')
    .regex(/^\S+$/, 'must not hold spaces')
    .optional(),
  ROOST_LOG_LEVEL: z
    .enum(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      'must be trace, debug, info, warn, error, fatal or silent',
    )
    .default('info'),
  ROOST_APNS_PRODUCTION_URL: origin.optional(),
  ROOST_APNS_SANDBOX_URL: origin.optional(),
  ROOST_FCM_URL: origin.optional(),
  ROOST_GOOGLE_TOKEN_URL: url.optional(),
  ROOST_FCM_MESSAGES_PER_MINUTE: z
    .string()
    .regex(/^[1-9]\d{1,8}$/, 'must be a whole number from 10 on')
    .transform(Number)
    .optional(),
  ROOST_HMS_URL: origin.optional(),
  ROOST_HMS_TOKEN_URL: url.optional(),
  ROOST_EXTRA_CA: z.string().transform(readCa).optional(),
  ROOST_ALLOW_PRIVATE_ENDPOINTS: z.enum(['0', '1'], 'must be 0 or 1').default('0'),
  ROOST_TRUSTED_PROXIES: z.string().default('').transform(readProxies),
  ROOST_CALLS_PER_APP: wholeNumber.default(10_000),
  ROOST_CALLS_PER_CLIENT: wholeNumber.default(12_000),
  ROOST_DEVICES_PER_CLIENT: wholeNumber.default(2000),
  ROOST_CONNECTIONS_PER_CLIENT: wholeNumber.default(5000),
})

export interface Config {
  readonly host: string
  readonly port: number
  readonly dataDirectory: string
  readonly databaseUrl: string | undefined
  /** Over which notices between servers go; undefined: PostgreSQL's NOTIFY. */
  readonly nats: NatsPlace | undefined
  readonly secret: string | undefined
  readonly bootstrapToken: string | undefined
  readonly logLevel: string
  readonly gatewayUrls: {
    readonly apnsProduction: string | undefined
    readonly apnsSandbox: string | undefined
    readonly fcm: string | undefined
    readonly googleToken: string | undefined
    readonly hms: string | undefined
    readonly hmsToken: string | undefined
  }
  /** Of each Firebase project. */
  readonly fcmMessagesPerMinute: number | undefined
  readonly extraCa: string | undefined
  readonly allowPrivateEndpoints: boolean
  /** Addresses and ranges. */
  readonly trustedProxies: readonly string[]
  readonly limits: Limits
}

/** 0 = no limit. */
export interface Limits {
  /** Device calls of one app in a second. */
  readonly callsPerApp: number
  /** Device calls of one client in a minute. */
  readonly callsPerClient: number
  /** New hwids that one client names in an hour. */
  readonly devicesPerClient: number
  /** Connections that one client holds open. */
  readonly connectionsPerClient: number
}

export interface SettingFault {
  /** Of the variable. */
  readonly name: string
  readonly fault: string
}

/** Why `readConfig` would refuse, variable by variable; none when it would not. */
export function faultsOfSettings(environment: NodeJS.ProcessEnv): SettingFault[] {
  const parsed = schema.safeParse(givenIn(environment))
  return parsed.success ? [] : faultsIn(parsed.error)
}

function faultsIn({ issues }: z.ZodError): SettingFault[] {
  return issues.map(({ path, message }) => ({ name: path.join('.'), fault: message }))
}

/** Empty variables count as absent. */
function givenIn(environment: NodeJS.ProcessEnv): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => name.startsWith('ROOST_') && value !== ''),
  )
}

/** Throws StartError with every fault. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = schema.safeParse(givenIn(environment))
  if (!parsed.success) {
    const faults = faultsIn(parsed.error).map(({ name, fault }) => `${name}: ${fault}`)
    throw new StartError(
      `the configuration has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`,
      'Correct these environment variables; docs/configuration.md describes them.',
    )
  }
  const it = parsed.data
  return {
    host: it.ROOST_HOST,
    port: it.ROOST_PORT,
    dataDirectory: resolve(it.ROOST_DATA_DIR),
    databaseUrl: it.ROOST_DATABASE_URL,
    nats: it.ROOST_NATS_URL,
    secret: it.ROOST_SECRET,
    bootstrapToken: it.ROOST_BOOTSTRAP_TOKEN,
    logLevel: it.ROOST_LOG_LEVEL,
    gatewayUrls: {
      apnsProduction: it.ROOST_APNS_PRODUCTION_URL,
      apnsSandbox: it.ROOST_APNS_SANDBOX_URL,
      fcm: it.ROOST_FCM_URL,
      googleToken: it.ROOST_GOOGLE_TOKEN_URL,
      hms: it.ROOST_HMS_URL,
      hmsToken: it.ROOST_HMS_TOKEN_URL,
    },
    fcmMessagesPerMinute: it.ROOST_FCM_MESSAGES_PER_MINUTE,
    extraCa: it.ROOST_EXTRA_CA,
    allowPrivateEndpoints: it.ROOST_ALLOW_PRIVATE_ENDPOINTS === '1',
    trustedProxies: it.ROOST_TRUSTED_PROXIES,
    limits: {
      callsPerApp: it.ROOST_CALLS_PER_APP,
      callsPerClient: it.ROOST_CALLS_PER_CLIENT,
      devicesPerClient: it.ROOST_DEVICES_PER_CLIENT,
      connectionsPerClient: it.ROOST_CONNECTIONS_PER_CLIENT,
    },
  }
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return true // that is told already
  const { href, protocol, origin: itsOrigin } = new URL(text)
  return protocol !== 'https:' || href === `${itsOrigin}/`
}

/** What to say of each variable that has our prefix and means nothing, with the setting that was perhaps meant. */
export function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  const known = Object.keys(schema.shape)
  return Object.keys(environment)
    .filter(name => name.startsWith('ROOST_') && !known.includes(name))
    .map(name => {
      const near = known.find(it => distanceOf(it, name) <= NEAR)
      return `${name} is not a setting${near === undefined ? '; docs/configuration.md lists them' : `; did you mean ${near}?`}`
    })
}

/** Two letters exchanged count as two. */
const NEAR = 2

/** Levenshtein's: letters to put in, take out or change. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++)
      next.push(
        Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (b[j] === letter ? 0 : 1)),
      )
    row = next
  }
  return row[b.length] ?? 0
}

/** Addresses and ranges, by commas: "10.0.0.7, 192.168.0.0/16, fd00::/8". */
function readProxies(text: string, context: z.RefinementCtx): string[] {
  const places = text
    .split(',')
    .map(place => place.trim())
    .filter(place => place !== '')
  for (const place of places)
    if (!isPlace(place)) context.addIssue(`"${place}" is neither an IP address nor a range like 10.0.0.0/8`)
  return places
}

function isPlace(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

function readNats(text: string, context: z.RefinementCtx): NatsPlace {
  try {
    return readNatsPlace(text)
  } catch (error) {
    context.addIssue((error as Error).message)
    return z.NEVER
  }
}

/** Takes the name of a PEM file and gives back what it holds; a fault is told beside those of the other variables. */
function readCa(file: string, context: z.RefinementCtx): string {
  try {
    const pem = readFileSync(file, 'utf8')
    const parts = pem.split('-----BEGIN CERTIFICATE-----').length - 1
    const certificates = pem.match(PEM_CERTIFICATE) ?? []
    if (parts === 0) throw new Error('it holds no PEM certificate')
    certificates.forEach(certificateIsRead)
    if (certificates.length < parts)
      throw new Error('not every BEGIN and END of a certificate has a line of its own')
    return pem
  } catch (error) {
    context.addIssue(`${file} can't be used: ${(error as Error).message}`)
    return z.NEVER
  }
}

/** TLS passes over what it can't read, and later nothing is trusted: so it is told at the start. */
function certificateIsRead(pem: string, index: number): void {
  try {
    new X509Certificate(pem)
  } catch {
    throw new Error(`its certificate ${index + 1} can't be read`)
  }
}
