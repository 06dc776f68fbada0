/** Values of evidence are of any kind; a time is a whole one, as the server writes all of them. */
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

export function isMoment(value: unknown): value is string {
  return typeof value === 'string' && MOMENT.test(value)
}
