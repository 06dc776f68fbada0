import { expect, test } from 'vitest'
import { createTokenEvents } from './token-events.ts'

test('whoever asks gets the token that follows, and listeners hear of a change alone', async () => {
  const tokens = createTokenEvents()
  const heard: string[] = []
  tokens.onToken(it => heard.push(it))
  expect(await tokens.ask(async () => tokens.gotToken('one'))).toBe('one')
  tokens.gotToken('one') // systems tell it again
  tokens.gotToken('two')
  expect(heard).toEqual(['two'])
  expect(tokens.last).toBe('two')
})

test('an error that follows rejects, and so does a request that fails', async () => {
  const tokens = createTokenEvents()
  await expect(tokens.ask(async () => tokens.gotError(new Error('no entitlement')))).rejects.toThrow(
    'no entitlement',
  )
  await expect(tokens.ask(() => Promise.reject(new Error('no module')))).rejects.toThrow('no module')
  expect(tokens.last).toBeUndefined()
})
