/** What begins like this, as a pattern of LIKE: no character of it is a wildcard. */
export function beginningOf(text: string): string {
  return `${text.replace(/[\\%_]/g, '\\$&')}%`
}
