/** The form of how old addresses may become: what is wrong with it, what of it has changed, and whether that takes anybody out. */
import type { AddressPolicy, AddressPolicyChange } from '@roost/protocol'

/** Fields of days, with the least that the server takes. */
export const DAY_FIELDS = {
  inactiveDays: 7,
  dormantDays: 1,
  fcmDeadDays: 30,
  otherDeadDays: 30,
  tombstoneDays: 30,
  eraseDays: 30,
} as const satisfies Readonly<Partial<Record<keyof AddressPolicy, number>>>
export type DayField = keyof typeof DAY_FIELDS
export const MOST_DAYS = 3650

/** As it is typed: empty for "never" or "not filled in yet". */
export type PolicyForm = Readonly<Record<DayField, number | ''>> &
  Pick<AddressPolicy, 'removeInactive' | 'sendToDormant'>

export function formOf({ eraseDays, ...policy }: AddressPolicy): PolicyForm {
  return { ...policy, eraseDays: eraseDays ?? '' }
}

export type PolicyFault = { readonly kind: 'missing' } | { readonly kind: 'range'; readonly least: number }

/** By field; empty when all is well. Only `eraseDays` may be empty: never. */
export function faultsOfPolicy(form: PolicyForm): Readonly<Partial<Record<DayField, PolicyFault>>> {
  const faults: Partial<Record<DayField, PolicyFault>> = {}
  for (const field of Object.keys(DAY_FIELDS) as DayField[]) {
    const value = form[field]
    const least = DAY_FIELDS[field]
    if (value === '') {
      if (field !== 'eraseDays') faults[field] = { kind: 'missing' }
    } else if (!Number.isInteger(value) || value < least || value > MOST_DAYS)
      faults[field] = { kind: 'range', least }
  }
  return faults
}

/** What differs from what is stored; of a form without faults. */
export function changeOf(form: PolicyForm, stored: AddressPolicy): AddressPolicyChange {
  const wanted: Readonly<Record<string, unknown>> = {
    ...form,
    eraseDays: form.eraseDays === '' ? null : form.eraseDays,
  }
  return Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => value !== stored[name as keyof AddressPolicy]),
  )
}

/** Whether the next run may take out somebody whom it would have left: this has to be tried before it is stored. */
export function mayRemoveMore(form: PolicyForm, stored: AddressPolicy): boolean {
  const isShorter = (field: 'inactiveDays' | 'fcmDeadDays' | 'otherDeadDays'): boolean =>
    form[field] !== '' && form[field] < stored[field]
  if (form.removeInactive && (!stored.removeInactive || isShorter('inactiveDays'))) return true
  if (isShorter('fcmDeadDays') || isShorter('otherDeadDays')) return true
  return form.eraseDays !== '' && (stored.eraseDays === null || form.eraseDays < stored.eraseDays)
}
