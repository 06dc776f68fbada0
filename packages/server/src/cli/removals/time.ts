/** Times of options. */
import { StartError } from '../../store/folder.ts'

/** ms; undefined when it was not said. Throws StartError. */
export function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = Date.parse(text)
  if (Number.isNaN(ms))
    throw new StartError(`${option}: "${text}" is no time`, 'Write it as 2027-01-31T12:00:00Z.')
  return ms
}
