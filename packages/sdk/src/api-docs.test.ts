import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

test('docs/sdk-api.md is what the sources export', async () => {
  const script = new URL('../../../scripts/write-sdk-api.mjs', import.meta.url).href
  const { sdkApiPage } = (await import(script)) as { sdkApiPage(): string }
  const page = await readFile(new URL('../../../docs/sdk-api.md', import.meta.url), 'utf8')
  expect(page, 'run npm run sdk-api').toBe(sdkApiPage())
})
