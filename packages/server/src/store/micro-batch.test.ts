/** The turns that items take: who shares a run, who waits, and when each is answered. */
import { expect, test } from 'vitest'
import { MicroBatch } from './micro-batch.ts'

/** A run that ends when the test says so. */
interface Run {
  readonly items: readonly string[]
  finish(): void
  fail(error: Error): void
}

interface Held {
  readonly maxSize?: number
  readonly keysOf?: (item: string) => readonly string[]
  readonly besideFrom?: number
}

function heldBatch(options: Held = {}) {
  const runs: Run[] = []
  const batch = new MicroBatch<string, string>({
    maxSize: options.maxSize ?? 100,
    keysOf: options.keysOf ?? (() => []),
    ...(options.besideFrom === undefined ? {} : { besideFrom: options.besideFrom }),
    run: items =>
      new Promise((resolve, reject) => {
        runs.push({ items, finish: () => resolve(items.map(item => item.toUpperCase())), fail: reject })
      }),
  })
  return { batch, runs }
}

/** Lets everything that is ready run. */
const turn = () => new Promise(resolve => setImmediate(resolve))

async function finishAll(runs: Run[]): Promise<void> {
  for (let done = 0; done < runs.length; done++) {
    runs[done]?.finish()
    await turn()
  }
}

test('items of one turn share a run, and those that come during it share the next', async () => {
  const { batch, runs } = heldBatch()
  const first = ['a', 'b', 'c'].map(item => batch.add(item))
  await turn()
  const second = ['d', 'e'].map(item => batch.add(item))
  await turn()
  expect(runs.map(run => run.items)).toEqual([['a', 'b', 'c']])
  await finishAll(runs)
  expect(runs.map(run => run.items)).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e'],
  ])
  expect(await Promise.all([...first, ...second])).toEqual(['A', 'B', 'C', 'D', 'E'])
})

test('an item is answered only when its run has ended', async () => {
  const { batch, runs } = heldBatch()
  let isAnswered = false
  const added = batch.add('a').then(() => {
    isAnswered = true
  })
  await turn()
  expect(isAnswered).toBe(false)
  runs[0]?.finish()
  await added
  expect(isAnswered).toBe(true)
})

test('a run takes maxSize items at most', async () => {
  const { batch, runs } = heldBatch({ maxSize: 2 })
  const all = ['a', 'b', 'c', 'd', 'e'].map(item => batch.add(item))
  await turn()
  await finishAll(runs)
  await Promise.all(all)
  expect(runs.map(run => run.items)).toEqual([['a', 'b'], ['c', 'd'], ['e']])
})

test('items that share a key never share a run, and keep their order of arrival', async () => {
  const keysOf = (item: string) => [...item.slice(1)]
  const { batch, runs } = heldBatch({ keysOf })
  // 2 waits for 1 because of x, so 3 waits for 2 because of y, although y is in nobody's run.
  const all = ['1x', '2xy', '3y', '4z'].map(item => batch.add(item))
  await turn()
  await finishAll(runs)
  await Promise.all(all)
  expect(runs.map(run => run.items)).toEqual([['1x', '4z'], ['2xy'], ['3y']])
})

test('a lost database fails the items of that run alone, and the next run is tried', async () => {
  const { batch, runs } = heldBatch()
  const lost = Promise.allSettled(['a', 'b'].map(item => batch.add(item)))
  await turn()
  const later = batch.add('c')
  runs[0]?.fail(new Error('connection lost'))
  expect((await lost).map(it => it.status)).toEqual(['rejected', 'rejected'])
  await turn()
  runs[1]?.finish()
  expect(await later).toBe('C')
})

test('what collides with others to the end is halved, until only the item that they fight for is refused', async () => {
  const { batch, runs } = heldBatch()
  const all = Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map(item => batch.add(item)))
  await turn()
  const deadlock = Object.assign(new Error('deadlock detected'), { code: '40P01' })
  for (let n = 0; n < runs.length; n++) {
    if (runs[n]?.items.includes('d')) runs[n]?.fail(deadlock)
    else runs[n]?.finish()
    await turn()
  }
  expect(runs.map(run => run.items.join(''))).toEqual(['abcde', 'abc', 'de', 'd', 'e'])
  expect((await all).map(it => (it.status === 'fulfilled' ? it.value : it.reason))).toEqual([
    'A',
    'B',
    'C',
    deadlock,
    'E',
  ])
})

test('settled waits for everything that was added, refused or not', async () => {
  const { batch, runs } = heldBatch({ maxSize: 1 })
  const all = Promise.allSettled([batch.add('a'), batch.add('b')])
  let isSettled = false
  const settled = batch.settled().then(() => {
    isSettled = true
  })
  await turn()
  runs[0]?.finish()
  await turn()
  expect(isSettled).toBe(false)
  runs[1]?.fail(new Error('connection lost'))
  await settled
  expect((await all).map(it => it.status)).toEqual(['fulfilled', 'rejected'])
})

test('settled does not wait for what is added after it, or a busy server would never answer', async () => {
  const { batch, runs } = heldBatch()
  const first = batch.add('a')
  await turn()
  let isSettled = false
  void batch.settled().then(() => {
    isSettled = true
  })
  const second = batch.add('b')
  runs[0]?.finish()
  await first
  await turn()
  expect(isSettled).toBe(true)
  runs[1]?.finish()
  await second
})

test('settled is at once when nothing was added', async () => {
  await heldBatch().batch.settled()
})

test('a second run goes beside the first when enough items wait, and never a third', async () => {
  const { batch, runs } = heldBatch({ besideFrom: 2, maxSize: 3 })
  const all = [batch.add('a')]
  await turn()
  all.push(batch.add('b'))
  await turn()
  expect(runs.map(run => run.items)).toEqual([['a']])
  all.push(batch.add('c'))
  await turn()
  expect(runs.map(run => run.items)).toEqual([['a'], ['b', 'c']])
  all.push(...['d', 'e', 'f', 'g'].map(item => batch.add(item)))
  await turn()
  expect(runs).toHaveLength(2)
  await finishAll(runs)
  expect(runs.slice(2).map(run => run.items)).toEqual([['d', 'e', 'f'], ['g']])
  expect(await Promise.all(all)).toEqual(['A', 'B', 'C', 'D', 'E', 'F', 'G'])
})

test('an item waits for a run beside that holds its key, and what shares a key with it waits too', async () => {
  const { batch, runs } = heldBatch({ besideFrom: 1, keysOf: item => [...item.slice(1)] })
  const all = [batch.add('1x')]
  await turn()
  all.push(...['2xy', '3y', '4z'].map(item => batch.add(item)))
  await turn()
  expect(runs.map(run => run.items)).toEqual([['1x'], ['4z']])
  runs[1]?.finish()
  await turn()
  expect(runs).toHaveLength(2)
  await finishAll(runs)
  expect(runs.slice(2).map(run => run.items)).toEqual([['2xy'], ['3y']])
  expect(await Promise.all(all)).toEqual(['1X', '2XY', '3Y', '4Z'])
})
