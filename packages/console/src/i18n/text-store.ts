/**
 * Loads the texts of one area in one language when a page first needs them: a file each, so a bundle each.
 *
 * A load that failed is forgotten, so that the next try asks again (the network was away, or a new release has
 * replaced the files).
 */
/// <reference types="vite/client" />
import type { Area, TextsOf } from '../texts/areas.ts'
import type { Locale } from './locale.ts'

interface TextFile {
  readonly texts: Readonly<Record<string, string>>
}

const FILES = import.meta.glob<TextFile>('../texts/*/*.ts')

const loading = new Map<string, Promise<TextFile['texts']>>()
/** Every area that a page has asked for; they follow a change of the language together. */
const inUse = new Set<Area>()

/** The same promise each time. It says whether they are there, so that `use` of React waits for none that are. */
export function loadTexts<A extends Area>(locale: Locale, area: A): Promise<TextsOf<A>> {
  inUse.add(area)
  const key = keyOf(locale, area)
  const under = loading.get(key) ?? told(load(key), () => loading.delete(key))
  loading.set(key, under)
  return under as Promise<TextsOf<A>>
}

/** All that is shown, in another language, so that the switch draws once and shows no half. */
export async function loadLanguage(locale: Locale): Promise<void> {
  await Promise.all([...inUse].map(area => loadTexts(locale, area)))
}

async function load(key: string): Promise<TextFile['texts']> {
  const file = FILES[key]
  if (!file) throw new Error(`There is no file of texts ${key}`)
  return (await file()).texts
}

/**
 * A promise with its state as React reads it. Without it React waits a moment also for one that is fulfilled, and draws what
 * stands in for the page meanwhile. Source: react.dev, "use"; `trackUsedThenable` of react-reconciler.
 */
function told<T>(promise: Promise<T>, onFailed: () => void): Promise<T> {
  const state: { status?: string; value?: T; reason?: unknown } = promise as object
  state.status = 'pending'
  promise.then(
    value => Object.assign(state, { status: 'fulfilled', value }),
    (reason: unknown) => {
      Object.assign(state, { status: 'rejected', reason })
      onFailed()
    },
  )
  return promise
}

function keyOf(locale: Locale, area: Area): string {
  return `../texts/${locale}/${area}.ts`
}
