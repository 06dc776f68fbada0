/** The times of a schedule in words: "every Monday and Friday at 09:00"; what no such saying fits stays cron. */
import { timesOf } from '../compose/cron.ts'
import type { Format } from '../i18n/format.ts'
import type { Translate } from '../i18n/translate.ts'
import type { TextKey } from '../texts/areas.ts'

/** A Sunday, as cron counts. */
const FIRST_SUNDAY = Date.UTC(2023, 0, 1)
const DAY_MS = 86_400_000

export function writeTimes(t: Translate<TextKey<'schedules'>>, format: Format, cron: string): string {
  const { rhythm, time, weekdays, day } = timesOf(cron)
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  const clock = new Intl.DateTimeFormat(format.tag, { timeStyle: 'short', timeZone: 'UTC' })
  const at = clock.format(FIRST_SUNDAY + (hour * 60 + minute) * 60_000)
  if (rhythm === 'daily') return t('times.daily', { at })
  if (rhythm === 'monthly') return t('times.monthly', { at, day })
  if (rhythm === 'own') return t('times.own', { cron })
  const names = new Intl.DateTimeFormat(format.tag, { weekday: 'long', timeZone: 'UTC' })
  const days = weekdays.map(each => names.format(FIRST_SUNDAY + each * DAY_MS))
  return t('times.weekly', { at, days: format.list(days) })
}
