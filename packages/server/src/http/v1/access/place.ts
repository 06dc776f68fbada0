/** What is served twice: for the installation, and for each app. */
import { z } from 'zod'

export interface Place {
  readonly isApp: boolean
  readonly path: '' | '/apps/:app'
  /** For people. */
  readonly name: string
}

export const PLACES: readonly Place[] = [
  { isApp: false, path: '', name: 'the installation' },
  { isApp: true, path: '/apps/:app', name: 'an app' },
]

/** Fields for the parameters of a path. */
export function placeParams({ isApp }: Place): { readonly app?: z.ZodString } {
  return isApp ? { app: z.string() } : {}
}
