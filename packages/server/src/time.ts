/** The clock that is passed in wherever time matters, so that tests move it instead of sleeping; and times as people read them. */
export { type Clock, systemClock } from '@roost/gateways'

export interface Reader {
  readonly lang: string
  /** IANA */
  readonly timeZone: string
}

/** "Nov 22, 2026, 13:18 UTC": to the minute, with the name of its zone. */
export function writeMoment(at: string, { lang, timeZone }: Reader): string {
  return new Intl.DateTimeFormat(lang, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone,
    timeZoneName: 'short',
  }).format(new Date(at))
}
