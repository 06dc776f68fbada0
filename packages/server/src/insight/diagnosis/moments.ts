/** Times among what the diagnosis has found, told apart from words. */

/** PostgreSQL writes times in JSON as "…+00:00", all others write them as "…Z". */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$/

export function isMoment(value: unknown): value is string {
  return typeof value === 'string' && MOMENT.test(value) && !Number.isNaN(Date.parse(value))
}

/** A time as "…Z"; all else as it is. */
export function inZ<Value>(value: Value): Value | string {
  return isMoment(value) && !value.endsWith('Z') ? new Date(value).toISOString() : value
}
