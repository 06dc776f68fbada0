/**
 * Writes docs/sdk-api.md from the sources of the SDK: what each entry exports, with its comments. Run it after one was changed:
 * npm run sdk-api
 *
 * TypeDoc 0.28 takes TypeScript up to 6.0, and would bring a compiler of its own. The parser of Vite, which is here, finds the declarations; their text is the sources' own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseAst } from 'vite'

const source = new URL('../packages/sdk/src/', import.meta.url)
const target = new URL('../docs/sdk-api.md', import.meta.url)

const ENTRIES = [
  ['@roost/sdk/web', 'web/index.ts'],
  ['@roost/sdk/react-native', 'react-native/index.ts'],
  ['@roost/sdk/capacitor', 'capacitor/index.ts'],
  ['@roost/sdk', 'core/index.ts'],
]

/** @typedef {{ name: string, text: string, comment: string, file: string }} Declaration */

/** @returns {string} The page. */
export function sdkApiPage() {
  /** @type {Map<string, string>} A declaration is written out where it comes first. */
  const written = new Map()
  const parts = ENTRIES.map(([entry, file]) => entryText(entry, exportsOf(new URL(file, source)), written))
  return `${[HEAD, ...parts].join('\n\n')}\n`
}

const HEAD = `# API of the SDK

Written by \`node scripts/write-sdk-api.mjs\` from the sources; a test says when it is stale. How to begin: a web page with
[packages/sdk/README.md](../packages/sdk/README.md), an app with [mobile.md](mobile.md).`

/** @param {string} entry @param {Declaration[]} declarations @param {Map<string, string>} written */
function entryText(entry, declarations, written) {
  const fresh = declarations.filter(({ name, file }) => !written.has(`${file}#${name}`))
  const known = declarations.filter(it => !fresh.includes(it))
  for (const { name, file } of fresh) written.set(`${file}#${name}`, entry)
  const elsewhere = known.map(({ name, file }) => `\`${name}\` (${written.get(`${file}#${name}`)})`)
  return [
    `## ${entry}`,
    ...(elsewhere.length > 0 ? [`Also, as above: ${elsewhere.sort().join(', ')}.`] : []),
    ...[...fresh].sort(byKindAndName).map(declarationText),
  ].join('\n\n')
}

/** Functions first: they are where one begins. */
function byKindAndName(a, b) {
  return Number(isShape(a)) - Number(isShape(b)) || (a.name < b.name ? -1 : 1)
}

function isShape({ text }) {
  return /^(interface|type) /.test(text)
}

/** @param {Declaration} declaration */
function declarationText({ name, text, comment }) {
  return [`### ${name}`, ...(comment === '' ? [] : [comment]), `\`\`\`ts\n${text}\n\`\`\``].join('\n\n')
}

/** @param {URL} file @returns {Declaration[]} */
function exportsOf(file) {
  const { code, body } = read(file)
  return body.flatMap(statement => {
    if (statement.type === 'ExportAllDeclaration') return exportsOf(new URL(statement.source.value, file))
    if (statement.type !== 'ExportNamedDeclaration') return []
    if (statement.source === null) return declared(statement, code, file)
    const found = exportsOf(new URL(statement.source.value, file))
    return statement.specifiers.map(({ local }) => {
      const declaration = found.find(({ name }) => name === local.name)
      if (declaration === undefined) throw new Error(`${file.pathname}: ${local.name} was not found`)
      return declaration
    })
  })
}

/** @type {Map<string, { code: string, body: any[] }>} */
const files = new Map()

function read(file) {
  const known = files.get(file.href)
  if (known !== undefined) return known
  const code = readFileSync(file, 'utf8')
  const found = { code, body: parseAst(code, { lang: 'ts' }).body }
  files.set(file.href, found)
  return found
}

/** @returns {Declaration[]} */
function declared(statement, code, file) {
  const { declaration, start } = statement
  if (declaration === null) return []
  const names = declaration.id
    ? [declaration.id.name]
    : declaration.declarations.map((/** @type {any} */ it) => it.id.name)
  const text = textOf(declaration, code)
  return names.map((/** @type {string} */ name) => ({
    name,
    text,
    comment: commentBefore(code, start),
    file: file.pathname,
  }))
}

/** Without what is inside: of a function and a class the head, of a constant with a type of its own that type. */
function textOf(declaration, code) {
  const { type, start, end } = declaration
  if (type === 'FunctionDeclaration') return code.slice(start, declaration.body.start).trim()
  if (type === 'ClassDeclaration') return classText(declaration, code)
  const [first] = declaration.declarations ?? []
  if (first?.id.typeAnnotation) return `const ${code.slice(first.id.start, first.id.typeAnnotation.end)}`
  return code.slice(start, end)
}

function classText({ body, start }, code) {
  const members = body.body
    .filter((/** @type {any} */ it) => it.key.type !== 'PrivateIdentifier')
    .map((/** @type {any} */ it) => `  ${code.slice(it.start, it.value?.body?.start ?? it.end).trim()}`)
  return `${code.slice(start, body.start)}{\n${members.join('\n')}\n}`
}

/** The comment that ends where the declaration begins, without its stars. */
function commentBefore(code, start) {
  const [, text] = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(code.slice(0, start)) ?? []
  if (text === undefined) return ''
  return text.replaceAll(/^\s*\* ?/gm, '').trim()
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(target, sdkApiPage())
