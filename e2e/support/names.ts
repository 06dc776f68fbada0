/**
 * The real services' names, found at the stand-ins by one process: see `map-names.mjs`.
 */
export interface NamesOptions {
  /** Origin of a stand-in by the host that the process asks for. */
  readonly names: Readonly<Record<string, string>>
}

/** What the environment of the process must hold, beside the trust in the stand-ins' authority. */
export function namesEnvironment({ names }: NamesOptions): Record<string, string> {
  const places = Object.entries(names).map(([name, origin]) => [name, new URL(origin).host])
  return {
    NODE_OPTIONS: `--import=${new URL('map-names.mjs', import.meta.url).href}`,
    ROOST_TEST_NAMES: JSON.stringify(Object.fromEntries(places)),
  }
}
