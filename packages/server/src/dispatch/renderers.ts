/**
 * Renderers of what is being sent, so that content without a variable is rendered once for a message, language and variant, and
 * not once for each of its hundreds of batches. A message's content never changes once it is being sent.
 */

import { KNOCKING } from '../hygiene/uninstalls/knocking.ts'
import { type ContentRenderer, rendererOf } from '../messages/experiments/render.ts'
import type { RenderCounts } from '../messages/render.ts'
import type { Batch } from './lease.ts'

/** A message has one for each of its gateways; a dozen campaigns at once are many. */
const KEPT_MAX = 32

export class Renderers {
  readonly #counts: RenderCounts
  /** In the order of their last use. */
  readonly #kept = new Map<string, ContentRenderer>()

  constructor(counts: RenderCounts) {
    this.#counts = counts
  }

  /** Throws TemplateFault for content that createMessage would refuse. */
  for(batch: Batch): ContentRenderer {
    const { messageId, provider, experiment, knock } = batch
    if (knock !== null) return KNOCKING
    const key = `${messageId} ${provider} ${JSON.stringify(experiment)}`
    const renderer = this.#kept.get(key) ?? rendererOf(batch, { gateway: provider, counts: this.#counts })
    this.#kept.delete(key)
    this.#kept.set(key, renderer)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break
      this.#kept.delete(oldest)
    }
    return renderer
  }
}
