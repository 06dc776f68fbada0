import { expect, test } from 'vitest'
import { type Api, ApiProblem } from '../api/client.ts'
import { type Ended, previewUndo, unregisterAll } from './unregister.ts'

/** A server whose answers to some calls, counted from 1, are lost on their way; `before`: the calls themselves are. */
function startApi(lost: { readonly before?: number; readonly after?: number }) {
  const requests = new Map<string, readonly string[]>()
  const undone: string[] = []
  let calls = 0
  const answered = <T>(answer: () => unknown): Promise<T> => {
    calls++
    if (calls === lost.before) return Promise.reject(new Error('no answer'))
    try {
      const answer_ = answer() as T
      return calls === lost.after ? Promise.reject(new Error('no answer')) : Promise.resolve(answer_)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }
  const api: Pick<Api, 'post' | 'get'> = {
    post: (path, body) =>
      answered(() => {
        if (path.endsWith('undo')) {
          undone.push((body as { from: string }).from)
          return { matched: 1, restorable: 1 }
        }
        const { id, devices } = body as { id: string; devices: { hwid: string }[] }
        if (!requests.has(id))
          requests.set(
            id,
            devices.map(({ hwid }) => hwid),
          )
        return { id }
      }),
    get: path =>
      answered(() => {
        const id = path.replace(/^.*bulk-requests\/|\?.*$/g, '')
        const entries = requests.get(id)
        if (entries === undefined) throw unknown()
        return { state: 'done', counts: { done: entries.length }, createdAt: '2026-11-02T10:00:00Z' }
      }),
  }
  const work = { api: api as Api, app: 'A', signal: new AbortController().signal }
  return { work, requests, undone }
}

const unknown = () =>
  new ApiProblem({
    status: 404,
    code: 'bulk_request_unknown',
    detail: '',
    remedy: '',
    requestId: undefined,
  })

const HWIDS = Array.from({ length: 25_000 }, (_, i) => `device ${i}`)
const BREAKS = [1, 2, 3, 4, 5, 6].flatMap(call => [{ before: call }, { after: call }])

test.each(BREAKS)(
  'what breaks off at %o goes on there, each device is named once, and all of it can be taken back',
  async lost => {
    const { work, requests } = startApi(lost)
    let last: Ended | undefined
    const hear = (so: Ended): void => {
      last = so
    }
    await expect(unregisterAll(work, HWIDS, hear)).rejects.toThrow('no answer')
    expect(last?.requests, 'what the server may have taken is known').toEqual(
      expect.arrayContaining([...requests.keys()]),
    )
    expect(await unregisterAll(work, HWIDS, hear, last)).toEqual({
      named: 25_000,
      devices: 25_000,
      done: 25_000,
      others: 0,
      requests: [...requests.keys()],
    })
    expect([...requests.values()].flat()).toEqual(HWIDS)
  },
)

test('a call that never came to the server leaves nothing to take back', async () => {
  const { work, requests, undone } = startApi({})
  const ended = await unregisterAll(work, HWIDS.slice(0, 3), () => {})
  const never = 'a call that broke off'
  expect(await previewUndo(work, [...ended.requests, never])).toEqual({ matched: 1, restorable: 1 })
  expect([requests.size, undone.length]).toEqual([1, 1])
})
