/**
 * The machine: the version of Node, and what its environment does to TLS.
 * Source: nodejs.org, "Release schedule"; Node.js, "Command-line API", NODE_TLS_REJECT_UNAUTHORIZED and
 * NODE_EXTRA_CA_CERTS.
 */
import { X509Certificate } from 'node:crypto'
import { type Finding, ok, warning, wrong } from './finding.ts'

/** The one of package.json's "engines". */
const OLDEST_NODE = [20, 19] as const
/** The last day on which its makers mend a version. */
const MENDED_UNTIL: Readonly<Record<number, string>> = {
  20: '2026-04-30',
  22: '2027-04-30',
  24: '2028-04-30',
  26: '2029-04-30',
}
const ADVISED_NODE = 24
const DAY_MS = 86_400_000
const EXPIRES_SOON_MS = 30 * DAY_MS

export interface Machine {
  /** Like "v24.3.0". */
  readonly nodeVersion: string
  readonly environment: Readonly<NodeJS.ProcessEnv>
  /** What ROOST_EXTRA_CA names, PEM. */
  readonly extraCa: string | undefined
  /** ms. */
  readonly at: number
}

export function lookAtMachine(machine: Machine): Finding[] {
  return [nodeFinding(machine), ...tlsFindings(machine), ...extraCaFindings(machine)]
}

function nodeFinding({ nodeVersion, at }: Machine): Finding {
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, '').split('.').map(Number)
  const [oldestMajor, oldestMinor] = OLDEST_NODE
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor))
    return wrong(
      'Node',
      `${nodeVersion}; Roost needs ${OLDEST_NODE.join('.')} or later`,
      `Install Node ${ADVISED_NODE}.`,
    )
  const until = MENDED_UNTIL[major]
  const isOver = until !== undefined && at >= Date.parse(until) + DAY_MS
  // Odd versions live for half a year and are for who tries what comes.
  if (isOver || major % 2 === 1)
    return warning(
      'Node',
      isOver
        ? `${nodeVersion} gets no security fixes since ${until}`
        : `${nodeVersion} is no long-term version`,
      `Install Node ${ADVISED_NODE}.`,
    )
  return ok('Node', nodeVersion)
}

function tlsFindings({ environment }: Machine): Finding[] {
  const findings: Finding[] = []
  if (environment.NODE_TLS_REJECT_UNAUTHORIZED === '0')
    findings.push(
      wrong(
        'TLS',
        'NODE_TLS_REJECT_UNAUTHORIZED=0: nobody looks whose server answers, so credentials and pushes can be read on the way',
        'Remove this variable; name a root of your own with ROOST_EXTRA_CA.',
      ),
    )
  if (isSet(environment.NODE_EXTRA_CA_CERTS) && isSet(environment.ROOST_EXTRA_CA))
    findings.push(
      warning(
        'TLS',
        'beside ROOST_EXTRA_CA the roots of NODE_EXTRA_CA_CERTS are not used for gateways',
        'Put all of them into the file that ROOST_EXTRA_CA names.',
      ),
    )
  return findings
}

export function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== ''
}

function extraCaFindings({ extraCa, at }: Machine): Finding[] {
  const found = certificatesOf(extraCa ?? '').map(it => ({
    name: it.subject.split('\n').at(-1) ?? '',
    endsAt: Date.parse(it.validTo),
  }))
  if (found.length === 0) return []
  const ending = found.filter(it => it.endsAt < at + EXPIRES_SOON_MS)
  if (ending.length === 0)
    return [ok('ROOST_EXTRA_CA', `${found.length} certificate(s) besides the usual roots`)]
  return ending.map(({ name, endsAt }) => {
    const day = new Date(endsAt).toISOString().slice(0, 10)
    const remedy = 'Put its successor into the file that ROOST_EXTRA_CA names, and start the server anew.'
    return endsAt < at
      ? wrong('ROOST_EXTRA_CA', `${name} has expired on ${day}`, remedy)
      : warning('ROOST_EXTRA_CA', `${name} expires on ${day}`, remedy)
  })
}

function certificatesOf(pem: string): X509Certificate[] {
  const parts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return parts.map(it => new X509Certificate(it))
}
