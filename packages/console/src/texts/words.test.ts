/** One word per thing in each language: what has come to be called in two ways, and the word that it keeps. */
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'

/** By language: the word that is not used, and what stands in its place. */
const INSTEAD: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ja: {
    宛先: 'アドレス',
    端末: 'デバイス',
    資格情報: '認証情報',
    静音: 'おやすみ時間',
    送信停止時間: 'おやすみ時間',
    静かな時間帯: 'おやすみ時間',
  },
  pt: { 'Horas de silêncio': 'Horário de silêncio' },
  zh: { 凭证: '凭据', 静默时段: '免打扰时段' },
}

test.each(Object.entries(INSTEAD))('in %s a thing is called by one word', async (locale, instead) => {
  const found: string[] = []
  for (const area of readdirSync(new URL(locale, import.meta.url))) {
    const { texts } = (await import(`./${locale}/${area}`)) as { texts: Readonly<Record<string, string>> }
    for (const [key, text] of Object.entries(texts))
      for (const [word, kept] of Object.entries(instead))
        if (text.includes(word)) found.push(`${area} ${key}: ${word} is called ${kept}`)
  }
  expect(found).toEqual([])
})
