/** What is wrong with a draft, beside the field where it is: as we see it, and as the server has answered. */
import type { Preview } from '@roost/protocol'
import { useCallback } from 'react'
import { ApiProblem } from '../api/client.ts'
import { type Faults, faultsOf } from '../api/faults.ts'
import { useTexts } from '../i18n/language.tsx'
import { useProblemTexts } from '../parts/use-faults.ts'
import type { Draft } from './draft.ts'
import type { FaultAt } from './field.tsx'
import { placeOf } from './remark-place.ts'
import { useRemark } from './remarks.ts'
import type { Asked } from './request.ts'

const FIELD_OF_CODE = {
  condition_invalid: 'to',
  segment_unknown: 'to',
  image_refused: 'content.image',
  schedule_name_taken: 'name',
  trigger_name_taken: 'name',
}

/** By the place in the message, whichever call the refusal answered; in the reader's language where its remarks have the values. */
export function useTold({ experiment }: Draft, errors: readonly unknown[]): Faults {
  const wordsOf = useRemark()
  const { t } = useProblemTexts(...errors)
  const variants = experiment.isOn ? experiment.variants.map(it => it.name.trim()) : []
  const faultsIn = (error: unknown): (readonly [string, string])[] => {
    const remarks = error instanceof ApiProblem ? (error.body.remarks ?? []) : []
    if (remarks.length === 0)
      return Object.entries(faultsOf(error, t, FIELD_OF_CODE)).map(([place, words]) => [
        place.replace(/^(?:message|send)\./, ''),
        words,
      ])
    return remarks.flatMap(remark => {
      const place = placeOf(remark, variants)
      return place === undefined ? [] : [[place, wordsOf(remark)] as const]
    })
  }
  return Object.fromEntries(errors.flatMap(faultsIn))
}

interface FaultWords {
  readonly draft: Draft
  readonly asked: Asked
  readonly isTried: boolean
  readonly told: Faults
  readonly preview: Preview | undefined
}

/** What is not there yet is no fault before somebody wants to send. */
export function useFaultWords({ draft, asked, isTried, told, preview }: FaultWords): FaultAt {
  const t = useTexts('compose')
  const wordsOf = useRemark()
  return useCallback(
    place => {
      const code = asked.faults[place]
      const isEarly = !isTried && (code === 'needed' || code === 'shown')
      if (code !== undefined && !isEarly) return t(`fault.${code}`)
      if (place === 'content.image' && draft.content.onBadImage === 'refuse') {
        const image = preview?.images.find(it => it.url === draft.content.words.image.trim())
        if (image?.fault && image.remark) return wordsOf(image.remark)
      }
      return told[place]
    },
    [asked, isTried, told, preview, draft, t, wordsOf],
  )
}
