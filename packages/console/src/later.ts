/**
 * Parts that most visits begin without. They are fetched when the page has come to rest, so that they are there at once when they are
 * wanted, and also when the server has been replaced by a newer release meanwhile, which has no such files any more.
 */
import { lazy } from 'react'

const loadPalette = () => import('./shell/palette.tsx')
const loadDrawer = () => import('./shell/drawer.tsx')
const loadSessionOver = () => import('./session/session-over.tsx')

export const Palette = lazy(async () => ({ default: (await loadPalette()).Palette }))
export const MenuDrawer = lazy(async () => ({ default: (await loadDrawer()).MenuDrawer }))
export const SessionOver = lazy(async () => ({ default: (await loadSessionOver()).SessionOver }))

/** What can't be fetched now is asked for again when it is wanted. */
export async function fetchLater(): Promise<void> {
  await atRest()
  await Promise.allSettled([loadPalette(), loadDrawer(), loadSessionOver()])
}

/** Safari has no `requestIdleCallback`. */
function atRest(): Promise<void> {
  return new Promise(done => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => done(), { timeout: 2000 })
    else setTimeout(done, 200)
  })
}
