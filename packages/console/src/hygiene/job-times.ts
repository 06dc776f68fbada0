/** When a job runs, as people say it. */
const DAILY = /^(\d{1,2}) (\d{1,2}) \* \* \*$/

/** 'minute', or for one that runs daily the time of today's run, whose hour is the reader's; undefined of all else. */
export function timesOfJob(cron: string, nowMs: number): 'minute' | Date | undefined {
  if (cron === '* * * * *') return 'minute'
  const [, minute, hour] = DAILY.exec(cron) ?? []
  if (minute === undefined || hour === undefined) return undefined
  const today = new Date(nowMs)
  today.setUTCHours(Number(hour), Number(minute), 0, 0)
  return today
}

const KEPT_MS = 30 * 24 * 60 * 60_000

/** Whether runs have been on record for less time than they are kept for. */
export function isNew(since: string, nowMs: number): boolean {
  // the server’s clock may be some minutes off
  return Date.parse(since) > nowMs - KEPT_MS + 60 * 60_000
}
