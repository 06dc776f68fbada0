import { CREDENTIAL_PROBLEMS } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import { createFormat } from '../i18n/format.ts'
import { LOCALES } from '../i18n/locale.ts'
import { createTranslate } from '../i18n/translate.ts'
import { sayHealth } from './health.ts'

const problem = {
  code: 'apns_key_refused',
  severity: 'error',
  message: 'its English',
  remedy: 'its English remedy',
  values: { part: 'sandbox', reason: 'InvalidProviderToken' },
} as const

async function textsOf(locale: string) {
  const { texts } = (await import(`../texts/${locale}/credentialHealth.ts`)) as {
    readonly texts: Readonly<Record<string, string>>
  }
  return { health: createTranslate(locale, texts), format: createFormat(locale) }
}

test('a refusal is told with its environment and the gateway’s own word', async () => {
  expect(sayHealth(problem, await textsOf('pt'))).toEqual({
    what: expect.stringMatching(/^A Apple recusa a chave: .* \(sandbox\) \[InvalidProviderToken\]$/),
    remedy: expect.stringContaining('substitua a credencial'),
    lang: undefined,
  })
})

test('what Roost has found itself has no word of a gateway beside it', async () => {
  const expired = {
    ...problem,
    code: 'certificate_expired',
    values: { part: '', reason: 'certificate_expired' },
  }
  expect(sayHealth(expired, await textsOf('en')).what).toBe(
    'The certificate has expired; Apple takes no push with it. Messages wait.',
  )
})

test('what has no text is told in the server’s words, and so is all where the texts can’t be had', async () => {
  const told = { what: 'its English', remedy: 'its English remedy', lang: 'en' }
  const texts = await textsOf('ru')
  expect(sayHealth({ ...problem, code: 'of_a_newer_server' }, texts)).toEqual(told)
  expect(sayHealth(problem, { ...texts, health: undefined })).toEqual(told)
})

describe.each(LOCALES)('in %s', locale => {
  test.each(Object.entries(CREDENTIAL_PROBLEMS))(
    '%s and what mends it have a sentence',
    async (code, names) => {
      const values = Object.fromEntries(
        names.map(name => [
          name,
          name === 'days' ? 2 : name === 'expiresAt' ? '2026-11-24T14:00:00.000Z' : 'x',
        ]),
      )
      const said = sayHealth({ ...problem, code, values }, await textsOf(locale))
      expect(said.lang).toBeUndefined()
      expect(said.what).not.toMatch(/[{}]|its English/)
      expect(said.remedy).not.toMatch(/[{}]|its English/)
    },
  )
})
