/**
 * A text of the catalogue as it is told. Its times are typed, so that whoever shows it writes them on the reader's own clock; in the
 * text itself they stand in UTC, and say so. A parameter is a time if the whole of it is one.
 */
import type { Pieces } from '@roost/protocol'
import { writeMoment } from '../../../time.ts'
import { inZ, isMoment } from '../moments.ts'
import { fillIn, type Spoken } from './texts.ts'

type Parameters = Readonly<Record<string, string | number>>

export interface Told {
  readonly text: string
  readonly pieces: (string | { at: string })[]
}

export function tell(template: string, parameters: Parameters, { lang }: Pick<Spoken, 'lang'>): Told {
  const pieces = cut(template, parameters)
  return { text: writePieces(pieces, at => writeMoment(at, { lang, timeZone: 'UTC' })), pieces }
}

function cut(template: string, parameters: Parameters): Told['pieces'] {
  const pieces: Told['pieces'] = []
  let from = 0
  for (const { 0: word, 1: name = '', index } of template.matchAll(/\{(\w+)\}/g)) {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    if (!isMoment(value)) continue
    pieces.push(fillIn(template.slice(from, index), parameters), { at: inZ(value) })
    from = index + word.length
  }
  pieces.push(fillIn(template.slice(from), parameters))
  return pieces.filter(it => it !== '')
}

export function writePieces(pieces: Pieces, write: (at: string) => string): string {
  return pieces.map(it => (typeof it === 'string' ? it : write(it.at))).join('')
}
