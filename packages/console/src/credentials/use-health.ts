/** The words of a credential's health, once there is something to say. */
import { useFormat, useLateTexts } from '../i18n/language.tsx'
import { type HealthWords, sayHealth } from './health.ts'

type Say = (problem: Parameters<typeof sayHealth>[0]) => HealthWords | undefined

/** Says nothing for the moment in which the texts are on their way. */
export function useHealthWords({ isNeeded }: { readonly isNeeded: boolean }): Say {
  const { t: health, isSettled } = useLateTexts(isNeeded ? 'credentialHealth' : undefined)
  const format = useFormat()
  return problem => (isSettled ? sayHealth(problem, { health, format }) : undefined)
}
