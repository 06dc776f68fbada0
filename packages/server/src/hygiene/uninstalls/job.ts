/** What uninstall tracking has to do every minute: days begin and end, deaths become conclusions, old days are forgotten. */
import type { Database } from '../../store/database.ts'
import { concludeDeaths } from './conclusions.ts'
import { closeDays, forgetDays, openDays } from './days.ts'

/** What was done, in a line; undefined when there was nothing to do. Safe to run twice, and in several processes at once. */
export async function trackUninstalls(db: Database, at: number): Promise<string | undefined> {
  const closed = await closeDays(db, at)
  const opened = await openDays(db, at)
  const { uninstalled, replaced } = await concludeDeaths(db, at)
  const forgotten = await forgetDays(db, at)
  if (closed.days + opened + uninstalled + replaced + forgotten === 0) return undefined
  const { days, pushed, accepted, dead } = closed
  return [
    ...(opened > 0 ? [`${opened} begun`] : []),
    ...(days > 0 ? [`${days} ended: ${pushed} pushed, ${accepted} accepted, ${dead} dead`] : []),
    ...(uninstalled + replaced > 0 ? [`${uninstalled} uninstalled, ${replaced} replaced`] : []),
    ...(forgotten > 0 ? [`${forgotten} forgotten`] : []),
  ].join('; ')
}
