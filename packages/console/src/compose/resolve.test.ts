import { describe, expect, test } from 'vitest'
import { filledIn, shownOf, sourceOf, variableOfTag, variablesIn } from './resolve.ts'

const CONTENT = {
  title: 'Hello',
  body: 'For all',
  subtitle: 'Sub',
  languages: { pt: { title: 'Olá', body: '' }, 'pt-BR': { title: 'Oi' }, de: { body: 'Hallo' } },
  fcm: { title: 'Android', languages: { de: { title: 'Android auf Deutsch' } } },
  buttons: [{ title: 'Go' }],
}

describe('what a device shows', () => {
  test('is the longest language that fits, field by field, and else the text for all', () => {
    expect(shownOf(CONTENT, 'apns', 'pt-BR')).toMatchObject({ title: 'Oi', body: 'For all' })
    expect(shownOf(CONTENT, 'apns', 'pt_PT')).toMatchObject({ title: 'Olá', body: 'For all' })
    expect(shownOf(CONTENT, 'apns', 'fr')).toMatchObject({ title: 'Hello' })
  })

  test('is of the gateway before the languages for all, and of its own languages before that', () => {
    expect(shownOf(CONTENT, 'fcm', 'pt').title).toBe('Android')
    expect(shownOf(CONTENT, 'fcm', 'de')).toMatchObject({ title: 'Android auf Deutsch', body: 'Hallo' })
  })

  test('has a subtitle on iOS alone, and buttons there by the category of the app', () => {
    expect(shownOf(CONTENT, 'apns', undefined)).toMatchObject({ subtitle: 'Sub', buttons: [] })
    expect(shownOf(CONTENT, 'webpush', undefined)).toMatchObject({ subtitle: '', buttons: [{ title: 'Go' }] })
  })
})

test('a language that leaves a text out is told what stands in for it', () => {
  expect(sourceOf(CONTENT, 'pt', 'body')).toBe('all')
  expect(sourceOf(CONTENT, 'pt', 'title')).toBe('own')
  expect(
    sourceOf({ ...CONTENT, languages: { pt: { title: 'Olá' }, 'pt-BR': {} } }, 'pt-BR', 'title'),
  ).toEqual({
    language: 'pt',
  })
  expect(sourceOf({}, 'pt', 'title')).toBeUndefined()
})

test('variables are shown by their defaults, or by their names', () => {
  const defaults = { 'tags.Name': 'friend', 'tags.Home Town': 'town' }
  expect(filledIn('{{ tags["Home Town"] }}', defaults)).toBe('town')
  expect(filledIn('Hi {{ tags.Name }}, {{tags["First Name"]}}!', defaults)).toBe('Hi friend, [First Name]!')
  expect(filledIn('{{ tags.City | default: "your town" }}', {})).toBe('your town')
  expect(filledIn('{% if tags.Name %}Hi{% endif %} {{ user.id }}', {})).toBe('Hi [user.id]')
})

test('the variables of texts are found, each once', () => {
  const texts = [
    '{{ tags.Name }} {{ tags["First Name"] | upcase }}',
    '{{tags.Name}} {{ now }} {{ event.item }}',
  ]
  expect(variablesIn(texts)).toEqual(['tags.Name', 'tags.First Name', 'event.item'])
})

test('a tag with spaces is named in brackets', () => {
  expect(variableOfTag('Plan')).toBe('tags.Plan')
  expect(variableOfTag('First Name')).toBe('tags["First Name"]')
})
