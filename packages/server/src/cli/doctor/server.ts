/** The running server: whether it answers, can serve, keeps up, and turns nobody away. */
import { codeOfError, type Finding, messageOf, ok, warning, wrong } from './finding.ts'

const SUBJECT = 'server'
const ANSWERS_WITHIN_MS = 5000
/** Whoever waits longer for its turn of the event loop sees it. */
const LAG_SECONDS = 0.5
/** The last fifth goes quickly when a crowd comes. */
const FILES_SHARE = 0.8

export async function lookAtServer(url: string): Promise<Finding[]> {
  const health = await ask(url, '/healthz')
  if (health.status !== 200) return [awayFinding(url, health)]
  const ready = await ask(url, '/readyz')
  return [ok(SUBJECT, `answers at ${url}`), ...readyFindings(ready), ...(await metricFindings(url))]
}

interface Answer {
  readonly status: number | undefined
  readonly body: string
  /** Why there is none. */
  readonly fault: unknown
}

async function ask(url: string, path: string): Promise<Answer> {
  try {
    const response = await fetch(new URL(path, url), { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) })
    return { status: response.status, body: await response.text(), fault: undefined }
  } catch (error) {
    return { status: undefined, body: '', fault: (error as Error).cause ?? error }
  }
}

function awayFinding(url: string, { status, fault }: Answer): Finding {
  if (status !== undefined)
    return wrong(
      SUBJECT,
      `something that is no Roost answers at ${url} (status ${status})`,
      'Stop what listens there, or name the server with --url.',
    )
  const isRefused = codeOfError(fault) === 'ECONNREFUSED'
  return wrong(
    SUBJECT,
    isRefused ? `nobody listens at ${url}` : `does not answer at ${url}: ${messageOf(fault)}`,
    'Start it (roost serve), or name another one with --url. What can be seen without it is below.',
  )
}

function readyFindings({ status, body }: Answer): Finding[] {
  const { detail, remedy, nats } = readinessOf(body)
  if (status === 200) return nats === 'away' ? [WITHOUT_NATS] : []
  return [
    wrong(
      SUBJECT,
      `can't serve: ${detail ?? `status ${status}`}`,
      remedy ?? 'See the database below, and the log.',
    ),
  ]
}

const WITHOUT_NATS = warning(
  SUBJECT,
  'is not connected to NATS: it hears of changes at other servers by looking, up to a second later',
  'See NATS below; the log of the server says why.',
)

/** A problem has `detail` and `remedy`. */
type Readiness = Readonly<Partial<Record<'detail' | 'remedy' | 'nats', string>>>

function readinessOf(body: string): Readiness {
  try {
    return JSON.parse(body) as Readiness
  } catch {
    return {}
  }
}

async function metricFindings(url: string): Promise<Finding[]> {
  const { status, body } = await ask(url, '/metrics')
  if (status !== 200) return []
  return judgeMetrics(body)
}

/** `text`: Prometheus' exposition format. */
export function judgeMetrics(text: string): Finding[] {
  const findings: Finding[] = []
  const lag = gaugeOf(text, 'nodejs_eventloop_lag_p99_seconds')
  if (lag !== undefined && lag > LAG_SECONDS)
    findings.push(
      warning(
        'load',
        `one call of a hundred waits ${lag.toFixed(1)} s for its turn`,
        'Give it more CPU, or start another server on the same database (docs/performance.md).',
      ),
    )
  const open = gaugeOf(text, 'process_open_fds')
  const most = gaugeOf(text, 'process_max_fds')
  if (open !== undefined && most !== undefined && open > most * FILES_SHARE)
    findings.push(
      warning(
        'open files',
        `${open} of ${most} that it may have: connections are refused soon`,
        'Raise the limit of the service (LimitNOFILE of systemd, ulimit -n) and start it anew.',
      ),
    )
  const refused = sumOf(text, 'roost_calls_refused_total')
  if (refused > 0)
    findings.push(
      warning(
        'limits of calls',
        `${refused} calls were answered 429 since its start`,
        'docs/configuration.md, "Limits of calls": behind a proxy name it in ROOST_TRUSTED_PROXIES; else raise the limits.',
      ),
    )
  return findings
}

function gaugeOf(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

/** Over all labels. */
function sumOf(text: string, name: string): number {
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
  return values.reduce((sum, [, value]) => sum + Number(value), 0)
}
