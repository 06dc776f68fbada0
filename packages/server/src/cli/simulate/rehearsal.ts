/** A scenario played against a running server, and what the stand-ins saw of it. */
import { readFile } from 'node:fs/promises'
import type { DoneAction, Scenario, ScenarioReport } from '@roost/simulator'
import { StartError } from '../../store/folder.ts'
import type { Screen } from '../demo/screen.ts'
import type { StandIns } from './stand-ins.ts'

const POLL_MS = 250

export interface RehearsalOptions {
  readonly scenario: Scenario
  /** Base URL. */
  readonly server: string
  readonly standIns: StandIns
  readonly screen: Screen
  /** Ends it early. */
  readonly signal: AbortSignal
}

/** Throws StartError, with the line that is wrong. */
export async function readScenarioFile(file: string): Promise<Scenario> {
  const { readScenario } = await import('@roost/simulator')
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new StartError(`can't read the scenario: ${error.message}`, 'Name a file that is there.')
  })
  return asStartError(`${file}, `, async () => readScenario(text))
}

/** Waits for the server: it may be started with the settings that were just printed. */
export async function rehearse(options: RehearsalOptions): Promise<ScenarioReport> {
  const { scenario, server, standIns, screen, signal } = options
  const { playScenario } = await import('@roost/simulator')
  screen.step(`Waiting for ${server}`)
  while (!signal.aborted && !(await isReady(server)))
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  screen.step('Playing the scenario')
  const { simulator, people } = standIns
  const report = await asStartError('', () =>
    playScenario(scenario, { simulator, people, signal, onDone: done => screen.say(describe(done)) }),
  )
  showReport(screen, report)
  return report
}

/** A server that is there and not well is waited for as well. */
async function isReady(server: string): Promise<boolean> {
  const url = `${server.replace(/\/$/, '')}/readyz`
  return fetch(url).then(
    ({ status }) => status === 200,
    () => false,
  )
}

async function asStartError<T>(place: string, act: () => Promise<T>): Promise<T> {
  const { InputError } = await import('@roost/simulator')
  return act().catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error
    throw new StartError(`${place}${error.message}`, error.remedy)
  })
}

function describe({ atMs, name, result }: DoneAction): string {
  return `${(atMs / 1000).toFixed(1).padStart(7)} s  ${name} ${JSON.stringify(result).slice(0, 200)}`
}

const GATEWAYS = { apns: 'APNs', fcm: 'FCM', webPush: 'Web Push', hms: 'HMS' } as const

function showReport(screen: Screen, { gateways, phones }: ScenarioReport): void {
  screen.step('What the stand-ins saw')
  screen.table(
    ['gateway', 'connections', 'requests', 'accepted', 'refused'],
    Object.entries(GATEWAYS).map(([name, title]) => {
      const { connections, requests, accepted, refused } = gateways[name as keyof typeof GATEWAYS]
      return [title, connections, requests, accepted, Object.values(refused).reduce((sum, n) => sum + n, 0)]
    }),
  )
  const reasons = Object.entries(GATEWAYS).flatMap(([name, title]) =>
    Object.entries(gateways[name as keyof typeof GATEWAYS].refused).map(row => [title, ...row]),
  )
  if (reasons.length > 0) screen.table(['gateway', 'its answer', 'times'], reasons)
  if (phones === undefined) return
  const { registered, failed, shown, repeats, receipts } = phones
  screen.table(
    ['phones registered', 'failed', 'shown', 'repeats', 'receipts posted', 'lost', 'failed', 'waiting'],
    [[registered, failed, shown, repeats, receipts.posted, receipts.lost, receipts.failed, receipts.waiting]],
  )
}
