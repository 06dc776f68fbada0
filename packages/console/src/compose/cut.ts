/**
 * Where phones and desktops cut a text, so that a writer sees what nobody will read.
 *
 * How much fits depends on the screen, the font and its size, so these are the shortest of the common ones, counted in
 * letters of middling width; those of East Asian scripts, and emoji, are twice as wide.
 * Sources: Apple, Human Interface Guidelines, "Notifications" (four lines on the lock screen); Android, "Create an
 * expandable notification" (one line collapsed); Microsoft, "Adaptive content for toast notifications" (two lines of
 * title, four of text). Columns are measured on an iPhone SE, a Pixel 7, Windows 11 and macOS 14 in their default sizes.
 */

export const PLACES = ['iphone', 'android', 'androidOpen', 'windows', 'macos'] as const
export type Place = (typeof PLACES)[number]

export interface Room {
  readonly lines: number
  /** Of a line. */
  readonly columns: number
}

export const ROOM: Readonly<
  Record<Place, { readonly title: Room; readonly subtitle?: Room; readonly body: Room }>
> = {
  iphone: {
    title: { lines: 1, columns: 34 },
    subtitle: { lines: 1, columns: 36 },
    body: { lines: 4, columns: 40 },
  },
  android: { title: { lines: 1, columns: 38 }, body: { lines: 1, columns: 44 } },
  androidOpen: { title: { lines: 2, columns: 38 }, body: { lines: 10, columns: 44 } },
  windows: { title: { lines: 2, columns: 40 }, body: { lines: 4, columns: 46 } },
  macos: { title: { lines: 1, columns: 36 }, body: { lines: 2, columns: 42 } },
}

export interface Cut {
  /** With an ellipsis where it is cut. */
  readonly shown: string
  readonly isCut: boolean
}

/** What of a text can be read there; where its lines end is left to the screen. */
export function cutText(text: string, { lines, columns }: Room): Cut {
  const whole = lines === 1 ? text.replace(/\s*\n\s*/g, ' ') : text
  let rest = whole
  for (let line = 1; line < lines && rest !== ''; line++) rest = firstLine(rest, columns).rest
  const last = firstLine(rest, columns)
  if (last.rest === '') return { shown: whole, isCut: false }
  const before = whole.slice(0, whole.length - rest.length)
  return { shown: `${before}${prefixOf(rest.split('\n')[0] ?? '', columns - 1).trimEnd()}…`, isCut: true }
}

interface Line {
  readonly text: string
  readonly rest: string
}

/** Up to a line's end, or as many words as fit; of one that is longer than the line, as many letters. */
function firstLine(text: string, columns: number): Line {
  const end = text.indexOf('\n')
  const line = end < 0 ? text : text.slice(0, end)
  const fits = prefixOf(line, columns)
  if (fits.length === line.length) return { text: line, rest: end < 0 ? '' : text.slice(end + 1) }
  const space = fits.length < line.length && line[fits.length] === ' ' ? fits.length : fits.lastIndexOf(' ')
  const at = space > 0 ? space : fits.length
  return { text: line.slice(0, at), rest: text.slice(at).replace(/^ +/, '') }
}

function prefixOf(text: string, columns: number): string {
  let width = 0
  let prefix = ''
  for (const { segment } of graphemes(text)) {
    width += widthOf(segment)
    if (width > columns) break
    prefix += segment
  }
  return prefix
}

const SEGMENTER = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** What a reader takes for one letter is never cut in two. */
function graphemes(text: string): Iterable<Intl.SegmentData> {
  return SEGMENTER.segment(text)
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uff60]|\p{Emoji_Presentation}/u

/** In columns. */
export function widthOf(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : 1
}
