/**
 * Writes docs/gateway-answers.md from the tables in docs/gateway-answers/. Run it after a table was changed:
 * node scripts/write-gateway-answers.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs'

const folder = new URL('../docs/gateway-answers/', import.meta.url)

/** What an outcome comes to, for the reader. Scopes: what has to wait. */
const OUTCOMES = {
  accepted: 'accepted',
  address_dead: '**address dead**: the address leaves the base',
  address_mismatch: 'mismatch: the address is doubted, not ended',
  message_fault: 'message fault: not repeated; the address is fine',
  credential_fault: 'credential fault: sending stops, messages wait',
  decided: 'decided by what is known of payload and token',
  'retry device': 'repeated later, this device only waits',
  'retry origin': 'repeated later, the service as a whole waits',
  'retry credential': 'repeated later, all that this credential sends waits',
}

/** What of a credential's work is stopped where it is not all of it. */
const PARTS = {
  environment: 'this environment',
  origin: 'this push service',
  apple: 'what goes to Apple',
  'apple or web': 'what goes to Apple or to browsers',
}

/** How a row says what the gateway answered. */
const COLUMNS = {
  apns: ['reason', row => `\`${row.reason}\``],
  fcm: ['code', row => `${row.code === null ? 'no JSON' : `\`${row.code}\``}${detailOf(row)}`],
  webpush: [
    'service and text',
    row =>
      `${row.service}${row.errno == null ? '' : ` ${row.errno}`}${row.says ? `: “${row.says.trim()}”` : ''}`,
  ],
  hms: [
    'code',
    row => `${row.code === null ? 'none' : `\`${row.code}\``}${row.case ? ` (${row.case})` : ''}`,
  ],
}

function detailOf({ field, apnsReason }) {
  if (field) return ` about \`${field}\``
  return apnsReason ? ` with Apple’s \`${apnsReason}\`` : ''
}

function outcomeOf({ outcome, part, clients }) {
  const where = part === undefined ? '' : ` (${PARTS[part]} only)`
  return `${OUTCOMES[outcome]}${where}${clients === undefined ? '' : ', after one more try with a fresh token'}`
}

export function pageOf(tables) {
  const parts = tables.map(({ gateway, name, source, note, rows }) => {
    const [title, answerOf] = COLUMNS[gateway]
    const lines = rows.map(
      row => `| ${row.status ?? 'any'} | ${answerOf(row)} | ${row.means} | ${outcomeOf(row)} |`,
    )
    return [
      `## ${name}`,
      '',
      `Source: ${source}.`,
      '',
      ...(note === undefined ? [] : [note, '']),
      `| status | ${title} | what it means | what Roost makes of it |`,
      '| --- | --- | --- | --- |',
      ...lines,
    ].join('\n')
  })
  return `# What gateways answer

Every documented refusal, and those that are only seen on the wire. The tables are data (\`gateway-answers/*.json\`): a test orders each row from
the stand-ins and holds the clients' outcome against it. Two rules stand above all rows: a fault of ours or of the gateway's never changes an
address, and an answer that is not known changes none either, unless its status is the gateway's word for "gone".

${parts.join('\n\n')}
`
}

export function readTables() {
  return ['apns', 'fcm', 'web-push', 'hms'].map(name =>
    JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')),
  )
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  writeFileSync(new URL('../gateway-answers.md', folder), pageOf(readTables()))
