/** A tab's way to the stream of its app: over the worker that all tabs share, and by itself where the browser has none. */
import type { Api } from '../api/client.ts'
import type { FromWorker, ToWorker } from './shared-words.ts'
import { followStream, type StreamListener } from './stream.ts'

export interface Listening extends StreamListener {
  readonly api: Api
  readonly app: string
  readonly person: number | undefined
}

/**
 * A worker tells a tab at once what it knows, or that the server gives no answer. One that tells nothing is gone: a browser may hand a tab the
 * worker that it is just ending with the tab before.
 */
const SILENT_AFTER_MS = 20_000

/** Returns what ends it. */
export function listen(listening: Listening): () => void {
  const worker = openWorker()
  return worker ? listenOver(worker, listening) : listenAlone(listening)
}

/** Chrome on Android had none for long; a phone shows one tab at a time. */
function openWorker(): SharedWorker | undefined {
  if (!('SharedWorker' in globalThis)) return undefined
  try {
    return new SharedWorker(new URL('./shared-worker.ts', import.meta.url), { type: 'module' })
  } catch {
    return undefined // by a policy of the site that the console is shown on
  }
}

function listenOver(worker: SharedWorker, listening: Listening): () => void {
  const { api, app, person, onEvent, onBroken } = listening
  const { port } = worker
  const alone = (): void => {
    end()
    end = listenAlone(listening)
  }
  const silence = setTimeout(alone, SILENT_AFTER_MS)
  let end = (): void => {
    clearTimeout(silence)
    port.postMessage({ kind: 'leave' } satisfies ToWorker)
    port.close()
    removeEventListener('pagehide', onHide)
  }
  const onHide = (): void => end()
  port.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    clearTimeout(silence)
    if (data.kind === 'event') onEvent(data.event)
    else onBroken(data.isUnreachable)
  }
  // its file is of a release that the server has no more, say
  worker.onerror = alone
  port.postMessage({ kind: 'join', ...api.caller, app, person } satisfies ToWorker)
  addEventListener('pagehide', onHide)
  return () => end()
}

function listenAlone({ api, app, onEvent, onBroken }: Listening): () => void {
  const stop = new AbortController()
  void followStream({ api, app, onEvent, onBroken, signal: stop.signal })
  return () => stop.abort()
}
