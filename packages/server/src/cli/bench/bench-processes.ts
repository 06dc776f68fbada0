/**
 * The processes of `roost bench register` and `send`, each with a way to end it; none outlives the command. They are started with the
 * flags of Node that the command has: `node --cpu-prof …/roost.js bench register` profiles all of them.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { StartError } from '../../store/folder.ts'
import type { LoadOrder, LoadReport } from './load-process.ts'

export interface BenchServer {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

/** Where the embedded database of a killed server would be left behind, a clean stop is waited for. */
const STOP_WITHIN_MS = 20_000

/** What `npm start` gives to Node. Calls that wait for a commit survive collections of a small young generation. */
const NODE_FLAGS = ['--max-semi-space-size=64']

/** `roost serve` as `npm start` starts it. `environment` chooses a free port. Throws StartError when it does not come up. */
export async function startRoost(environment: NodeJS.ProcessEnv): Promise<BenchServer> {
  const command = fileURLToPath(new URL('../../../bin/roost.js', import.meta.url))
  const child = spawn(process.execPath, [...NODE_FLAGS, ...process.execArgv, command, 'serve'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  endWithUs(child)
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /listening on (\S+)/.exec(line)?.[1]
    if (url === undefined) continue
    child.stdout.resume()
    return { url, pid: child.pid ?? 0, stop: () => stop(child) }
  }
  throw new StartError(
    'the server that was to be measured did not start',
    'Its reason is in the lines above.',
  )
}

/** A file of this folder in a process of its own, which takes orders and answers with reports. */
export interface Child<Order, Report> {
  readonly pid: number
  /** The next report, or the next one that is told to be the answer. A report with a fault is always one. */
  ask(order: Order, isAnswer?: (report: Report) => boolean): Promise<Report>
  on(listener: (report: Report) => void): void
  stop(): Promise<void>
}

export function startChild<Order extends object, Report extends object>(file: string): Child<Order, Report> {
  const child = forkOwn(file)
  return {
    pid: child.pid ?? 0,
    ask: (order, isAnswer = () => true) =>
      new Promise(resolve => {
        const listen = (report: Report) => {
          if (!('fault' in report) && !isAnswer(report)) return
          child.off('message', listen)
          resolve(report)
        }
        child.on('message', listen)
        child.send(order)
      }),
    on: listener => child.on('message', listener),
    stop: () => stop(child),
  }
}

/** Fastify with a route that does nothing. */
export async function startEmptyServer(): Promise<BenchServer> {
  const child = forkOwn('empty-server.js')
  const [url] = (await once(child, 'message')) as [string]
  return { url, pid: child.pid ?? 0, stop: () => stop(child) }
}

export interface Caller {
  run(order: LoadOrder): Promise<Figures>
  stop(): Promise<void>
}

export type Figures = Exclude<LoadReport, { readonly fault: string }>

export function startCaller(): Caller {
  const child = forkOwn('load-process.js')
  return {
    run: async order => {
      child.send(order)
      const [report] = (await once(child, 'message')) as [LoadReport]
      if ('fault' in report) throw new Error(`the calls could not be made: ${report.fault}`)
      return report
    },
    stop: () => stop(child),
  }
}

function forkOwn(file: string): ChildProcess {
  const child = fork(new URL(file, import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  endWithUs(child)
  return child
}

function endWithUs(child: ChildProcess): void {
  const end = () => child.kill('SIGKILL')
  process.on('exit', end)
  child.once('exit', () => process.off('exit', end))
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  child.kill('SIGTERM')
  await ended
  clearTimeout(kill)
}

/** Servers and folders go with the process, if it ends by itself. */
export function exitOnSignals(): void {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => process.exit(code))
}
