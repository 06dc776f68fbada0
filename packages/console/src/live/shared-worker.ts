/**
 * Runs once for all tabs of the console in a browser and holds their streams: over HTTP/1.1 a browser opens six connections to a server for all its
 * tabs together, and a stream each would leave none for the calls of the seventh tab.
 *
 * A SharedWorker and not a lock among the tabs: it outlives any of them, no browser slows it down as it does tabs in the background, and it
 * is there without https, where browsers speak HTTP/1.1. Source: WHATWG HTML, "Shared workers".
 */
import { createApi } from '../api/client.ts'
import { SharedStream } from './shared-stream.ts'
import type { FromWorker, ToWorker } from './shared-words.ts'

/** The compiler knows the globals of pages alone. */
interface Connected extends Event {
  readonly ports: readonly MessagePort[]
}

const streams = new Map<string, SharedStream>()

globalThis.addEventListener('connect', event => {
  const [port] = (event as Connected).ports
  if (port) serve(port)
})

function serve(port: MessagePort): void {
  let leave: (() => void) | undefined
  const tell = (message: FromWorker): void => port.postMessage(message)
  const end = (): void => {
    leave?.()
    leave = undefined
  }
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    end()
    if (data.kind === 'join')
      leave = streamFor(data).join({
        onEvent: ({ name, data: text }) => tell({ kind: 'event', event: { name, data: text } }),
        onBroken: isUnreachable => tell({ kind: 'broken', isUnreachable }),
      })
  }
  // of a tab that was gone before it could say so, where the browser tells that
  port.addEventListener('close', end)
}

function streamFor({ baseUrl, app, token, person }: Extract<ToWorker, { kind: 'join' }>): SharedStream {
  const key = JSON.stringify([baseUrl, app, token, person])
  const known = streams.get(key)
  if (known) return known
  const stream: SharedStream = new SharedStream({
    api: createApi({ baseUrl, token }),
    app,
    onEnd: () => {
      if (streams.get(key) === stream) streams.delete(key)
    },
  })
  streams.set(key, stream)
  return stream
}
