/**
 * One stream for all tabs that look on at the same app in the same name. Whoever comes later is told the picture as it is by then, so nobody
 * misses what happened in between, whichever tab has come first or goes away.
 */
import type { LivePicture } from '@roost/protocol'
import type { ServerEvent } from './events.ts'
import { applyEvent } from './picture.ts'
import { type Following, followStream, type StreamListener } from './stream.ts'

/** Going from one tab to another, the one leaves before the other has come. */
const LINGER_MS = 5_000

export interface SharedStreamOptions extends Pick<Following, 'api' | 'app'> {
  /** It will not begin again; may be told twice. */
  readonly onEnd: () => void
  /** Default 5 000. */
  readonly lingerMs?: number
}

export class SharedStream {
  readonly #options: SharedStreamOptions
  readonly #listeners = new Set<StreamListener>()
  readonly #stop = new AbortController()
  #picture: LivePicture | undefined
  #lingering: ReturnType<typeof setTimeout> | undefined

  constructor(options: SharedStreamOptions) {
    this.#options = options
    const { api, app, onEnd } = options
    const { signal } = this.#stop
    const onBroken = (isUnreachable: boolean): void => {
      this.#picture = undefined
      for (const each of this.#listeners) each.onBroken(isUnreachable)
    }
    void followStream({ api, app, signal, onBroken, onEvent: event => this.#tell(event) }).then(onEnd)
  }

  /** Returns what ends the listening. */
  join(listener: StreamListener): () => void {
    clearTimeout(this.#lingering)
    this.#listeners.add(listener)
    if (this.#picture) listener.onEvent({ name: 'picture', data: JSON.stringify(this.#picture) })
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#linger()
    }
  }

  #tell(event: ServerEvent): void {
    this.#picture = applyEvent(this.#picture, event)
    for (const each of this.#listeners) each.onEvent(event)
  }

  #linger(): void {
    const { lingerMs = LINGER_MS, onEnd } = this.#options
    this.#lingering = setTimeout(() => {
      onEnd() // at once: who comes now must not join one that ends
      this.#stop.abort()
    }, lingerMs)
  }
}
