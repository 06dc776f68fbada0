/**
 * How a command that runs until it is told to stop is told: by a signal, or by a reader of its output who went away.
 *
 * The first signal asks, a second one ends the process at once. npm passes a Ctrl-C on that the terminal has given to
 * everybody already, so a signal that follows the first within a moment is the same one.
 * Exit statuses: 128 + the signal's number, as shells give them (POSIX, "exit status for commands").
 */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
/** npm's copy comes within a few milliseconds; nobody types that fast. */
const SAME_SIGNAL_MS = 100

export interface Stop {
  /** Aborted when the command shall stop. */
  readonly signal: AbortSignal
  /** Resolves then. */
  readonly asked: Promise<void>
  /** What the process ends with when it is stopped before its work is done; 0 when its reader went away. */
  readonly exitCode: number
}

export interface StopOptions {
  /** Whether the command has no purpose without somebody who reads what it prints. */
  readonly isForReader: boolean
  /** Called at the first signal; not when the reader went away. */
  readonly onSignal?: () => void
}

/** Listens from now on. */
export function listenForStop(options: StopOptions): Stop {
  const controller = new AbortController()
  let exitCode = 0
  let askedAt: number | undefined
  for (const [name, code] of Object.entries(SIGNALS))
    process.on(name, () => {
      if (askedAt === undefined) {
        askedAt = performance.now()
        exitCode = code
        options.onSignal?.()
        controller.abort()
      } else if (performance.now() - askedAt > SAME_SIGNAL_MS) process.exit(code)
    })
  ignoreClosedOutput(() => {
    if (options.isForReader) controller.abort()
  })
  return {
    signal: controller.signal,
    asked: new Promise(resolve => controller.signal.addEventListener('abort', () => resolve())),
    get exitCode() {
      return exitCode
    },
  }
}

/** `| head -3`: what is printed afterwards goes nowhere, which is no fault. */
function ignoreClosedOutput(onClosed: () => void): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      if (stream === process.stdout) onClosed()
    })
}
