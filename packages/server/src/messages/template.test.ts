import { describe, expect, test } from 'vitest'
import { Budget, compileText, MissingVariable, ObjectShown, TemplateFault } from './template.ts'

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

  test.each([
    'Hi {{ tags.Name }}!',
    '{{tags.Name}}{{ tags.Age }} {{  user.id  }}',
    '{ {{ tags.Name }} }',
    '{{ tags.Name }}}',
    'a } b { {{ tags.Age }} %',
    '{{ tags.size }} {{ tags.first }} {{ tags.last }}',
    '{{- tags.Name -}} !',
    '{{ tags.Name.size }}',
    '{{ tags.List }} {{ tags.Flag }}',
    '{{ tags.toString }}',
    'nothing',
  ])('%s comes to what LiquidJS makes of it, by whichever way', text => {
    const tags = { Name: 'Ada $& "', Age: 36.5, size: 'L', first: 1, last: 2, List: ['a', 'b'], Flag: true }
    const scope = { tags, user: { id: 'u-1' } }
    const byLiquid = compileText(`{% comment %}{% endcomment %}${text}`)
    expect(compileText(text).render(scope, options(true))).toBe(byLiquid.render(scope, options(true)))
  })

  test('names the variable that has no value', () => {
    const text = compileText('Hi {{ tags.Name }}')
    expect(() => text.render({ tags: {} }, options())).toThrow(new MissingVariable('tags.Name'))
  })

  test('may ask for a variable that has no value, and give one in its place', () => {
    const text = compileText('{{ tags.Name | default: "friend" }}{% if tags.Vip %}*{% endif %}')
    expect(text.render({ tags: {} }, options())).toBe('friend')
  })

  test.each([
    '{% assign x = tags.Name %}{{ x | upcase }}',
    '{% assign x = tags.Name %}{% assign y = x %}Hi {{ y }}',
    '{% assign x = tags.Name | upcase %}{{ x }}',
    '{% assign x = "you" %}{% assign x = tags.Name %}{{ x }}',
    '{% capture x %}{{ tags.Name }}{% endcapture %}{{ x }}',
    '{{ tags.Name | upcase }}',
    '{{ "Hi " | append: tags.Name }}',
  ])('misses tags.Name also behind %s', text => {
    const compiled = compileText(text)
    expect(() => compiled.render({ tags: {} }, options())).toThrow(new MissingVariable('tags.Name'))
    expect(compiled.render({ tags: { Name: 'Ada' } }, options())).toMatch(/ada/i)
  })

  test.each([
    ['{% assign x = tags.Name %}{{ x | default: "friend" }}', 'friend'],
    ['{% assign x = tags.Name | default: "friend" %}{{ x }}', 'friend'],
    ['{% assign x = tags.Name %}{% if x %}{{ x }}{% else %}friend{% endif %}', 'friend'],
    ['{% assign x = tags.Name == "Ada" or tags.Friend == "y" %}{{ x }}', 'true'],
    ['{% assign x = nil %}friend{{ x }}', 'friend'],
  ])('may ask for what it kept of a variable without a value: %s', (text, shown) => {
    expect(compileText(text).render({ tags: { Friend: 'y' } }, options())).toBe(shown)
  })

  test.each(['{{ tags }}', '{% assign x = tags %}{% echo x %}', '{{ tags.List }}'])(
    'shows no object as text: %s',
    text => {
      const render = () => compileText(text).render({ tags: { List: [{ a: 1 }] } }, options())
      expect(render).toThrow(ObjectShown)
    },
  )

  test('goes through an object, writes it as JSON, and shows a list', () => {
    const text = compileText(
      '{% for it in tags %}{{ it }};{% endfor %}{{ tags | json }}{{ tags.L }}{{ empty }}',
    )
    expect(text.render({ tags: { L: ['a', 'b'] } }, options())).toBe('Lab;{"L":["a","b"]}ab')
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

  test('finds the branch of a case, of a word and of a list', () => {
    const word = compileText(
      '{% case tags.Tier %}{% when "gold", "silver" %}metal{% else %}none{% endcase %}',
    )
    expect([
      word.render({ tags: { Tier: 'silver' } }, options()),
      word.render({ tags: {} }, options()),
    ]).toEqual(['metal', 'none'])
    const list = compileText(
      '{% case tags.A %}{% when tags.B %}B{% when tags.C %}C{% else %}none{% endcase %}',
    )
    const render = (B: string[], C: string[]) => list.render({ tags: { A: ['x', 'y'], B, C } }, options())
    expect([render(['x'], ['x', 'y']), render(['x', 'z'], ['y'])]).toEqual(['C', 'none'])
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
    '{{ "a,b" | split: "," | where_exp: "x", "x == tags.Name" }}',
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
    [
      'searching a long list again and again',
      `{% assign a = "b,a," %}${'{% assign a = a | append: a %}'.repeat(11)}{% assign l = a | split: "," %}{% for i in (1..1000) %}{% if l contains "c" %}{% endif %}{% endfor %}`,
    ],
    [
      'comparing long lists again and again',
      `{% assign a = "b,a," %}${'{% assign a = a | append: a %}'.repeat(11)}{% assign l = a | split: "," %}{% assign m = a | split: "," %}{% for i in (1..900) %}{% case l %}{% when m %}{% endcase %}{% endfor %}`,
    ],
    ['a wide date', '{{ "now" | date: "%99999999Y" }}'],
  ])('ends at its limits: %s', (_, text) => {
    const begun = process.cpuUsage().user
    expect(() => compileText(text).render({ l: HUNDREDS }, options())).toThrow(TemplateFault)
    expect(process.cpuUsage(undefined).user - begun).toBeLessThan(200_000)
  })
})
