/** Lists that the server gives page by page: each answer has a `next`, which the next call takes as `after`. */
import { keepPreviousData, type QueryKey, type UseQueryResult, useInfiniteQuery } from '@tanstack/react-query'
import { useApi } from './use-api.ts'

export interface Pages<Row> {
  /** All rows so far. */
  readonly query: UseQueryResult<readonly Row[]>
  readonly hasMore: boolean
  readonly isMoreComing: boolean
  readonly askMore: () => void
}

export interface AskedPages<Page, Row> {
  readonly key: QueryKey
  /** Of the page after this cursor; undefined: of the first. */
  readonly pathAfter: (after: string | undefined) => string
  readonly rowsOf: (page: Page) => readonly Row[]
  /** ms; unless told, what is shown is asked for once more by what changes it alone. */
  readonly refetchInterval?: number
}

/** While another question of the same kind is under way, the rows of the last one stay. */
export function usePages<Page extends { readonly next: string | null }, Row>({
  key,
  pathAfter,
  rowsOf,
  refetchInterval = 0,
}: AskedPages<Page, Row>): Pages<Row> {
  const api = useApi()
  const found = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => api.get<Page>(pathAfter(pageParam), { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: page => page.next ?? undefined,
    select: ({ pages }) => pages.flatMap(rowsOf) as readonly Row[],
    placeholderData: keepPreviousData,
    refetchInterval: refetchInterval || false,
  })
  return {
    query: found as unknown as UseQueryResult<readonly Row[]>,
    hasMore: found.hasNextPage,
    isMoreComing: found.isFetchingNextPage,
    askMore: () => void found.fetchNextPage(),
  }
}
