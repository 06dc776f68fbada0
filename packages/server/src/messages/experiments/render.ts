/**
 * Rendering an experiment: a Renderer for each variant, and each device goes to that of its part. What has no template is
 * rendered once for each variant and language.
 *
 * A push says which variant it is of in the place of the version in the message's id, which is 7 in all of ours: devices send
 * it back in their receipts, whoever is logged in there by then. 8 is the first variant; the rest has the place after the last.
 */
import { hashOf } from '../../insight/receipts.ts'
import { type Needs, needsOf, type RecipientFacts } from '../facts.ts'
import { type Rendered, Renderer, type RendererOptions, type Rendering } from '../render.ts'
import { type BatchExperiment, contentOf, partOf, slotOf } from './parts.ts'

/** What a worker needs to make notifications. */
export interface ContentRenderer {
  readonly needs: Needs
  notificationFor(recipient: { readonly hwid: string; readonly facts: RecipientFacts | null }): Rendered
}

type OfBatch = Rendering & { readonly experiment: BatchExperiment | null }

/** Throws TemplateFault for content that createMessage would refuse. */
export function rendererOf(batch: OfBatch, options: RendererOptions): ContentRenderer {
  return batch.experiment === null
    ? new Renderer(batch, options)
    : new ExperimentRenderer({ ...batch, experiment: batch.experiment }, options)
}

class ExperimentRenderer implements ContentRenderer {
  readonly needs: Needs
  readonly #experiment: BatchExperiment
  readonly #renderers: readonly Renderer[]

  constructor(
    batch: Rendering & { readonly experiment: BatchExperiment },
    { texts = new Map(), ...options }: RendererOptions,
  ) {
    const { messageId, content, experiment } = batch
    this.#experiment = experiment
    this.#renderers = variantsOf(experiment).map(
      ({ variant, place }) =>
        new Renderer(
          {
            ...batch,
            content: contentOf(content, variant),
            hash: hashOf(messageId, place),
          },
          { ...options, texts },
        ),
    )
    const needs = this.#renderers.map(it => it.needs)
    this.needs = {
      ...needsOf(
        this.#renderers.flatMap(it => it.variables),
        {
          language: needs.some(it => it.language),
          badge: needs.some(it => it.badge),
          unread: needs.some(it => it.unread),
        },
      ),
      person: true,
    }
  }

  notificationFor(recipient: { readonly hwid: string; readonly facts: RecipientFacts | null }): Rendered {
    const place = placeOf(this.#experiment, recipient)
    const renderer = place === 'control' ? undefined : this.#renderers[this.#experiment.isRest ? 0 : place]
    return renderer?.notificationFor(recipient) ?? { kind: 'skip', reason: CONTROL_GROUP }
  }
}

export const CONTROL_GROUP = 'control_group'

/** Those that a batch may send. */
function variantsOf({ asked, chosen, isRest }: BatchExperiment) {
  const { variants } = asked
  if (!isRest) return variants.map((variant, place) => ({ variant, place }))
  return [{ variant: variants.find(it => it.name === chosen), place: variants.length }]
}

/**
 * Index of the variant, or after the last one of the rest. In a batch of the rest, all but the control group are; in another one
 * nobody is, whoever has logged in or out since it was planned.
 */
export function placeOf(
  { asked, seed, isRest }: BatchExperiment,
  { hwid, facts }: { readonly hwid: string; readonly facts: RecipientFacts | null },
): number | 'control' {
  const slot = slotOf(seed, facts?.person ?? hwid)
  const part = partOf(asked, slot)
  if (part.kind === 'control') return 'control'
  if (isRest) return asked.variants.length
  return part.kind === 'variant' ? part.index : slot % asked.variants.length
}
