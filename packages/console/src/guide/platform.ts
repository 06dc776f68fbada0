/** Which platform of the guide somebody is at. */
import type { Guide, GuidePlatform } from '@roost/protocol'

export type PlatformGuide = Guide['platforms'][number]

/** How many of its steps are done. */
export function doneOf({ steps }: PlatformGuide): { readonly done: number; readonly whole: number } {
  return { done: steps.filter(({ state }) => state === 'done').length, whole: steps.length }
}

function isDone(guide: PlatformGuide): boolean {
  const { done, whole } = doneOf(guide)
  return done === whole
}

/** The key of the web comes with the app: nobody has done anything for it yet. */
export function isBegun({ platform, steps }: PlatformGuide): boolean {
  return steps.some(({ step, state }) => state !== 'open' && !(platform === 'web' && step === 'credential'))
}

/**
 * The platform to begin with: the first that was begun and is not done, else the first that is not done. While nothing was begun the web, which asks
 * for nobody's account.
 */
export function platformToShow(platforms: Guide['platforms']): GuidePlatform {
  const toDo = platforms.filter(each => !isDone(each))
  const quickest = platforms.some(isBegun) ? undefined : toDo.find(({ platform }) => platform === 'web')
  return (toDo.find(isBegun) ?? quickest ?? toDo[0] ?? platforms[0])?.platform ?? 'ios'
}
