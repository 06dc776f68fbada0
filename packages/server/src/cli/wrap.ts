/** Text for a terminal, which gives letters of East Asia two columns and marks above or below others none (UAX #11; wcwidth). */
import { plain } from './plain.ts'

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60]|\p{Emoji_Presentation}/u
const UNSEEN = /[\p{Mn}\p{Me}\p{Cf}]/u

export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += UNSEEN.test(character) ? 0 : WIDE.test(character) ? 2 : 1
  return columns
}

export function padColumns(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - columnsOf(text)))
}

/** In lines of so many columns at most, but for words that are longer. What does not show is written out. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = ['']
  for (const word of text
    .split(/\s+/)
    .map(plain)
    .flatMap(it => partsOf(it, width))) {
    const last = lines.at(-1) ?? ''
    if (last !== '' && columnsOf(last) + 1 + columnsOf(word) > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines
}

/** Chinese and Japanese have no blanks: what is wider than a line is broken where it is full. Other words stay whole. */
function partsOf(word: string, width: number): string[] {
  if (columnsOf(word) <= width || !WIDE.test(word)) return [word]
  const parts: string[] = ['']
  for (const character of word) {
    const last = parts.at(-1) ?? ''
    if (columnsOf(last + character) > width) parts.push(character)
    else parts[parts.length - 1] = last + character
  }
  return parts
}
