import { expect, test } from 'vitest'
import type { Api } from '../api/client.ts'
import { type Ended, unregisterAll } from './unregister.ts'

/** Takes calls and answers how many were done; `fails` are the calls, counted from 1, that nothing answers. */
function startApi(fails: readonly number[]): { readonly api: Api; readonly taken: string[][] } {
  const taken: string[][] = []
  let calls = 0
  const answered = <T>(answer: () => unknown): Promise<T> => {
    calls++
    return fails.includes(calls) ? Promise.reject(new Error('no answer')) : Promise.resolve(answer() as T)
  }
  const api: Pick<Api, 'post' | 'get'> = {
    post: (_path, body) =>
      answered(() => {
        taken.push((body as { devices: { hwid: string }[] }).devices.map(({ hwid }) => hwid))
        return { id: `request ${taken.length}` }
      }),
    get: () => answered(() => ({ state: 'done', counts: { done: taken.at(-1)?.length } })),
  }
  return { api: api as Api, taken }
}

const HWIDS = Array.from({ length: 25_000 }, (_, i) => `device ${i}`)

test.each([[1], [2], [3], [4], [6]])(
  'what breaks off at call %i goes on there, and all of it can be taken back',
  async failing => {
    const { api, taken } = startApi([failing])
    const work = { api, app: 'A', signal: new AbortController().signal }
    let last: Ended | undefined
    const hear = (so: Ended): void => {
      last = so
    }
    await expect(unregisterAll(work, HWIDS, hear)).rejects.toThrow('no answer')
    expect(await unregisterAll(work, HWIDS, hear, last)).toEqual({
      named: 25_000,
      devices: 25_000,
      done: 25_000,
      others: 0,
      requests: ['request 1', 'request 2', 'request 3'],
    })
    expect(taken.flat()).toEqual(HWIDS)
  },
)
