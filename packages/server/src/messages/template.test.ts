import { describe, expect, test } from 'vitest'
import { Budget, compileText, MissingVariable, TemplateFault } from './template.ts'

const options = (isBlank = false) => ({ isBlank, budget: new Budget() })
const HUNDREDS = Array.from({ length: 300 }, (_, i) => `${i}`)

describe('a template', () => {
  test('puts values in, and knows which it needs', () => {
    const text = compileText(
      'Hi {{ tags["First Name"] | upcase }}{% if device.language == "de" %}!{% endif %}',
    )
    expect(text.variables).toEqual([
      ['tags', 'First Name'],
      ['device', 'language'],
    ])
    expect(text.render({ tags: { 'First Name': 'Ada' }, device: { language: 'de' } }, options())).toBe(
      'Hi ADA!',
    )
  })

  test('names the variable that has no value', () => {
    const text = compileText('Hi {{ tags.Name }}')
    expect(() => text.render({ tags: {} }, options())).toThrow(new MissingVariable('tags.Name'))
  })

  test('may ask for a variable that has no value, and give one in its place', () => {
    const text = compileText('{{ tags.Name | default: "friend" }}{% if tags.Vip %}*{% endif %}')
    expect(text.render({ tags: {} }, options())).toBe('friend')
  })

  test('names a variable by what is written, and not by what a device has', () => {
    const text = compileText('{{ tags[user.id] }}')
    expect(text.variables).toContainEqual(['tags', null])
    const render = () => text.render({ tags: {}, user: { id: 'somebody' } }, options())
    expect(render).toThrow(MissingVariable)
    expect(render).not.toThrow(/somebody/)
  })

  test('leaves nothing where a value is missing, when that is wished', () => {
    expect(compileText('Hi {{ tags.Name }}!').render({ tags: {} }, options(true))).toBe('Hi !')
  })

  test('shares its limits with the other texts of a notification', () => {
    const { budget } = options()
    const text = compileText('{% for i in (1..1000) %}x{% endfor %}')
    const render = () => text.render({}, { isBlank: false, budget })
    render()
    expect(() => Array.from({ length: 5 }, render)).toThrow(/more steps than/)
  })

  test('reads no property that a value only inherits', () => {
    expect(() => compileText('{{ tags.constructor }}').render({ tags: {} }, options())).toThrow(
      MissingVariable,
    )
  })

  test.each([
    '{% include "x" %}',
    '{% render "x" %}',
    '{% layout "x" %}',
    '{{ a | nofilter }}',
    '{% if %',
    '{{ a',
  ])('is refused when written as %s', text => {
    expect(() => compileText(text)).toThrow(TemplateFault)
  })

  test.each([
    [
      'loops in loops',
      '{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}',
    ],
    ['a range without end', '{% for a in (1..999999999) %}x{% endfor %}'],
    [
      'a text that doubles',
      '{% assign a = "ab" %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}',
    ],
    ['sorting again and again', '{% for a in (1..900) %}{{ l | sort | reverse | join }}{% endfor %}'],
    ['a wide date', '{{ "now" | date: "%99999999Y" }}'],
  ])('ends at its limits: %s', (_, text) => {
    const begun = process.cpuUsage().user
    expect(() => compileText(text).render({ l: HUNDREDS }, options())).toThrow(TemplateFault)
    expect(process.cpuUsage(undefined).user - begun).toBeLessThan(200_000)
  })
})
