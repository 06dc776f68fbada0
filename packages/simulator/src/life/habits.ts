/**
 * What people do with an app and their phones, as rates a day. Made up: they are higher than in life, so that a month of some
 * thousand people has enough of everything.
 */

/** What may happen on a day to somebody who has the app; of these one at most. */
export const HAPPENINGS = [
  'uninstall',
  'new-token',
  'new-phone',
  'forbid',
  'switch-off',
  'go-offline',
  'lose-phone',
] as const
export type Happening = (typeof HAPPENINGS)[number]

export type Rates = Readonly<Record<Happening, number>>

export const RATES: Rates = {
  uninstall: 0.01,
  'new-token': 0.003,
  'new-phone': 0.002,
  forbid: 0.002,
  'switch-off': 0.001,
  'go-offline': 0.004,
  'lose-phone': 0.0005,
}

/** Shares of people, and with which probability they open the app in a half of a day. */
export const HABITS: readonly { readonly share: number; readonly opens: number }[] = [
  { share: 0.15, opens: 0.45 },
  { share: 0.45, opens: 0.13 },
  { share: 0.4, opens: 0.02 },
]

/** Of those who remove the app: back half a day later, and back within a fortnight. */
export const BACK_AT_ONCE = 0.15
export const BACK_LATER = 0.3
/** Of those who come back or get another phone: the app's data, its hwid with it, come along. */
export const KEEPS_HWID = 0.5
/** Of those who forbid notifications, or switch them off: change their minds within three weeks. */
export const CHANGES_MIND = 0.5
