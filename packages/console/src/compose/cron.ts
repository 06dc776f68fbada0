/**
 * The times of a schedule as people say them, and as cron writes them; what no such saying fits stays cron.
 *
 * Five fields: minute, hour, day of the month, month, day of the week (0 is Sunday). Source: POSIX, crontab.
 */

export type Rhythm = 'daily' | 'weekly' | 'monthly' | 'own'

export interface Times {
  readonly rhythm: Rhythm
  /** "09:00" */
  readonly time: string
  /** 0 is Sunday. */
  readonly weekdays: readonly number[]
  readonly day: number
}

const PLAIN = /^(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\*|[0-6](?:,[0-6])*)$/

export function timesOf(cron: string): Times {
  const [, minute = '', hour = '', day = '*', weekdays = '*'] = PLAIN.exec(cron.trim()) ?? []
  const isTime = minute !== '' && Number(minute) < 60 && Number(hour) < 24
  const time = isTime ? `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}` : '09:00'
  const times = { time, weekdays: [1], day: 1 }
  if (!isTime || (day !== '*' && weekdays !== '*')) return { ...times, rhythm: 'own' }
  if (weekdays !== '*') return { ...times, rhythm: 'weekly', weekdays: weekdays.split(',').map(Number) }
  if (day === '*') return { ...times, rhythm: 'daily' }
  return Number(day) >= 1 && Number(day) <= 31
    ? { ...times, rhythm: 'monthly', day: Number(day) }
    : { ...times, rhythm: 'own' }
}

/** Undefined for what is written as cron, and while no day or time is chosen. */
export function cronOf({ rhythm, time, weekdays, day }: Times): string | undefined {
  const [hour, minute] = time.split(':').map(Number)
  if (rhythm === 'own' || hour === undefined || minute === undefined) return undefined
  if (Number.isNaN(hour) || Number.isNaN(minute)) return undefined
  if (rhythm === 'daily') return `${minute} ${hour} * * *`
  if (rhythm === 'monthly') return `${minute} ${hour} ${day} * *`
  return weekdays.length === 0
    ? undefined
    : `${minute} ${hour} * * ${weekdays.toSorted((a, b) => a - b).join(',')}`
}
