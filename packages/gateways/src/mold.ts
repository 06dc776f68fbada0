/**
 * Payloads of notifications that differ in their words alone (`Notification.likeness`): what all of them share is made into JSON
 * once, with marks where the words belong, and for each device the words are put in.
 */
import type { Notification } from './notification.ts'

type Word = 'title' | 'subtitle' | 'body'

/** Whoever writes just this into a message has its words put there, too. */
const MARK_OF = (word: Word) => `roost.word.${word}.7f3a9c`
const MARK = /"roost\.word\.(title|subtitle|body)\.7f3a9c"/

/** Messages and languages that are sent at once have a mold each; a likeness that is gone takes its own along. */
export class Molds<Shared> {
  readonly #make: (marked: Notification) => Made<Shared> | undefined
  readonly #molds = new WeakMap<object, Mold<Shared> | 'none'>()

  /** `make`: the JSON and whatever else all of a likeness share; undefined where there is a fault, which is to be told in full. */
  constructor(make: (marked: Notification) => Made<Shared> | undefined) {
    this.#make = make
  }

  /** Undefined for a notification that is like no other, or that no mold can be made of. */
  fill(notification: Notification): Made<Shared> | undefined {
    const { likeness } = notification
    if (likeness === undefined) return undefined
    const mold = this.#molds.get(likeness) ?? this.#cast(likeness, notification)
    return mold === 'none' ? undefined : { json: filled(mold, notification), shared: mold.shared }
  }

  #cast(likeness: object, notification: Notification): Mold<Shared> | 'none' {
    const made = this.#make(marked(notification))
    const mold = made === undefined ? 'none' : moldOf(made)
    this.#molds.set(likeness, mold)
    return mold
  }
}

export interface Made<Shared> {
  readonly json: string
  readonly shared: Shared
}

interface Mold<Shared> {
  /** One more than words. */
  readonly parts: readonly string[]
  readonly words: readonly Word[]
  readonly shared: Shared
}

function marked(notification: Notification): Notification {
  const mark = (word: Word) => (notification[word] === undefined ? undefined : MARK_OF(word))
  return { ...notification, title: mark('title'), subtitle: mark('subtitle'), body: mark('body') }
}

function moldOf<Shared>({ json, shared }: Made<Shared>): Mold<Shared> {
  const pieces = json.split(MARK)
  return {
    parts: pieces.filter((_, i) => i % 2 === 0),
    words: pieces.filter((_, i) => i % 2 === 1) as Word[],
    shared,
  }
}

function filled({ parts, words }: Mold<unknown>, notification: Notification): string {
  let json = parts[0] as string
  for (let i = 0; i < words.length; i++)
    json += JSON.stringify(notification[words[i] as Word] ?? '') + (parts[i + 1] as string)
  return json
}
