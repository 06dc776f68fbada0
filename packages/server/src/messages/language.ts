/**
 * Which texts fit a device's language. RFC 4647 §3.4, "Lookup": the language loses its last part until something fits, and
 * a single letter goes with the part behind it.
 */

/** "pt_BR" → ["pt-br", "pt"]; lower-case, longest first. Devices send a hyphen or an underscore. */
export function fallbacksOf(language: string): string[] {
  const parts = language.toLowerCase().replaceAll('_', '-').split('-')
  const found: string[] = []
  while (parts.length > 0 && parts[0] !== '') {
    if (parts.length === 1 || parts.at(-1)?.length !== 1) found.push(parts.join('-'))
    parts.pop()
  }
  return found
}
