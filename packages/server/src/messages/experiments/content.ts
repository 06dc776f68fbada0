/** What the variants of a message show, looked at before it is accepted: each as if it were a message of its own. */
import { type Content, contentSchema, type NewMessage, PushError, wordOf } from '@roost/protocol'
import { type ImageProber, type ImageVerdict, judgeImages } from '../images.ts'
import { contentOf, hasRest } from './parts.ts'

type Asked = Pick<NewMessage, 'content' | 'experiment'>

interface NamedContent {
  readonly name: string
  readonly content: Content
  /** Of the variant that its pushes name; undefined for the message's own. */
  readonly place?: number
}

/** The message's own first, which lists show. */
export function contentsOf({ content, experiment }: Asked): readonly NamedContent[] {
  const variants = experiment?.variants ?? []
  return [
    { name: '', content },
    ...variants.map((it, place) => ({ name: it.name, content: contentOf(content, it), place })),
  ]
}

/** As `judgeImages` does for one content. */
export async function judgeAllImages(prober: ImageProber, asked: Asked): Promise<ImageVerdict> {
  const verdicts = await Promise.all(contentsOf(asked).map(it => judgeImages(prober, it.content)))
  return {
    refusal: verdicts.find(it => it.refusal !== undefined)?.refusal,
    remarks: [...new Map(verdicts.flatMap(it => it.remarks).map(it => [it.text, it])).values()],
  }
}

/** With the variant that it is in. */
export function inVariant(name: string, fault: PushError | undefined): PushError | undefined {
  if (fault === undefined || name === '') return fault
  const remarks = fault.remarks.map(it => ({ ...it, variant: name }))
  return new PushError(fault.code, `variant "${name}": ${fault.message}`, { remarks })
}

/** What an experiment can't be together with. */
export function refusalOfExperiment({ experiment, inbox, ...input }: NewMessage): string | undefined {
  if (experiment === undefined) return undefined
  const refusal = refusalOfVariants({ ...input, experiment })
  if (refusal !== undefined) return refusal
  if (inbox?.only === true)
    return 'body/inbox/only: nothing is pushed, so nothing would be known of the variants of an experiment'
  if (hasRest(experiment) && (input.localTime ?? input.bestHour) !== undefined)
    return 'body/experiment/winner: a message that goes by the clock of each device has no moment at which one could be found'
  return undefined
}

/** A variant is written over the message's content, so only the two together tell whether they show something, or are silent. */
function refusalOfVariants(asked: Asked): string | undefined {
  for (const { name, content } of contentsOf(asked)) {
    const issue = contentSchema.safeParse(content, { error: wordOf }).error?.issues[0]
    const place = issue?.path.map(it => `/${String(it)}`).join('')
    if (issue !== undefined)
      return `body/experiment/variants: "${name}" with the message's content${place === '' ? '' : `, ${place}`}: ${issue.message}`
  }
  return undefined
}
