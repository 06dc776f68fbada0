/** The stream of an app from the server, begun again whenever it breaks, until nobody wants it or the server refuses for good. */
import { type Api, ApiProblem, path } from '../api/client.ts'
import { readEvents, type ServerEvent } from './events.ts'

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

export interface StreamListener {
  /** A stream begins with a whole picture. */
  readonly onEvent: (event: ServerEvent) => void
  /** What was told is not to be gone by any more, until the next event. `isUnreachable`: the server gave no answer at all. */
  readonly onBroken: (isUnreachable: boolean) => void
}

export interface Following extends StreamListener {
  readonly api: Pick<Api, 'open'>
  readonly app: string
  readonly signal: AbortSignal
}

/** Resolves at the signal, or when the server refuses for good. Never rejects. */
export async function followStream(following: Following): Promise<void> {
  const { signal, onBroken } = following
  let pauseMs = FIRST_PAUSE_MS
  while (!signal.aborted) {
    let problem: ApiProblem | undefined
    try {
      if (await followOnce(following)) pauseMs = FIRST_PAUSE_MS
    } catch (error) {
      if (error instanceof ApiProblem) problem = error // all else is a body that broke off
    }
    if (signal.aborted) return
    onBroken(problem?.body.status === 0)
    if (problem?.isPassing === false) return
    await pause(pauseMs, signal)
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)
  }
}

/** Whether anything was told until the stream ended. */
async function followOnce({ api, app, signal, onEvent }: Following): Promise<boolean> {
  const { body } = await api.open(path`v1/apps/${app}/live`, { signal, accept: 'text/event-stream' })
  let isTold = false
  if (body)
    for await (const event of readEvents(body)) {
      if (signal.aborted) return true
      isTold = true
      onEvent(event)
    }
  return isTold
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
