/** What the server refuses beside the fields that it is about: `useFaults` to write them, `useFormFaults` for Mantine's forms. */
import { useEffect, useMemo } from 'react'
import { ApiProblem } from '../api/client.ts'
import { type Faults, type FieldOfCode, faultsOf } from '../api/faults.ts'
import { useLateTexts } from '../i18n/language.tsx'
import type { Translate } from '../i18n/translate.ts'
import type { TextKey } from '../texts/areas.ts'

const NONE: Faults = {}
const NO_CODES: FieldOfCode = {}

/** The texts of refusals, once one of `errors` needs them. */
export function useProblemTexts(...errors: readonly unknown[]): {
  readonly t: Translate<TextKey<'problems'>> | undefined
  readonly isSettled: boolean
} {
  return useLateTexts(errors.some(it => it instanceof ApiProblem) ? 'problems' : undefined)
}

/**
 * By path within the body ("to.users.0"); empty when it names none, and for the moment in which the texts are on their way.
 * `fieldOfCode` is for codes that are about one field alone, and stays the same.
 */
export function useFaults(error: unknown, fieldOfCode: FieldOfCode = NO_CODES): Faults {
  const { t, isSettled } = useProblemTexts(error)
  return useMemo(
    () => (isSettled ? faultsOf(error, t, fieldOfCode) : NONE),
    [error, t, isSettled, fieldOfCode],
  )
}

interface FormOfFaults {
  readonly getValues: () => object
  readonly setErrors: (faults: Record<string, string>) => void
}

interface FormFaultsOptions {
  readonly fieldOfCode?: FieldOfCode
  /** Where the fields of the form lie in the body: "content."; the body itself unless given. */
  readonly within?: string
}

/**
 * Puts them at the fields of a form, where they stay until the field is changed. Returns whether the fields say all of it, so that nothing
 * above them has to.
 */
export function useFormFaults(
  form: FormOfFaults,
  error: unknown,
  { fieldOfCode, within = '' }: FormFaultsOptions = {},
): boolean {
  const faults = useFaults(error, fieldOfCode)
  const { setErrors, getValues } = form
  const own = useMemo(
    () => Object.entries(faults).map(([place, words]) => [place.replace(within, ''), words] as const),
    [faults, within],
  )
  useEffect(() => {
    if (own.length > 0) setErrors(Object.fromEntries(own))
  }, [own, setErrors])
  return own.length > 0 && own.every(([field]) => Object.hasOwn(getValues(), field))
}
