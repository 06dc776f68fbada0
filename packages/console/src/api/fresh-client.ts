/** TanStack Query's client, with one rule of its own: what was asked to be fresh is read after it was asked. */
import {
  type InvalidateOptions,
  type InvalidateQueryFilters,
  type Query,
  QueryClient,
} from '@tanstack/react-query'

export class FreshClient extends QueryClient {
  /**
   * Of the library, but for first reads that are on their way: it lets them go on and takes their answers for new ones (`Query.fetch` ends
   * a running read only where there is something to show meanwhile), though they may be of before. They are read once more.
   */
  override async invalidateQueries(
    // biome-ignore lint/suspicious/noExplicitAny: what the method of the library takes
    filters?: InvalidateQueryFilters<any>,
    options?: InvalidateOptions,
  ): Promise<void> {
    const firstReads = new Set<Query>(
      this.getQueryCache()
        .findAll({ ...filters, fetchStatus: 'fetching' })
        .filter(({ state }) => state.data === undefined),
    )
    await super.invalidateQueries(filters, options)
    if (firstReads.size > 0) await super.invalidateQueries({ predicate: it => firstReads.has(it) }, options)
  }
}
