/** Pieces of work of which none may hold up the others. */

/** Does all of them, one after the other; throws afterwards what the one that failed did, or an AggregateError with what those did. */
export async function eachApart<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = []
  for (const item of items) await work(item).catch((error: unknown) => failures.push(error))
  if (failures.length > 1) throw new AggregateError(failures, failures.map(messageOf).join('; '))
  if (failures.length === 1) throw failures[0]
}

type Steps = Readonly<Record<string, () => Promise<unknown>>>
type Results<S extends Steps> = { [N in keyof S]: Awaited<ReturnType<S[N]>> }

/** Steps under their names. Gives back what each gave; throws as `eachApart`, with the names of those that failed. */
export async function stepsApart<S extends Steps>(steps: S): Promise<Results<S>> {
  const results: Record<string, unknown> = {}
  await eachApart(Object.entries(steps), async ([name, step]) => {
    results[name] = await step().catch((error: unknown) => {
      throw new Error(`${name}: ${messageOf(error)}`, { cause: error })
    })
  })
  return results as Results<S>
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
