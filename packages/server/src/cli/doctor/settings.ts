/** The settings: slips in their names, values that can't be read, secrets that can be guessed, doors that stand open. */
import { type Config, type SettingFault, unknownSettings } from '../../config.ts'
import { type Finding, ok, warning, wrong } from './finding.ts'

const DOC = 'docs/configuration.md describes it.'
/** Half of what 32 hexadecimal digits of a random number have, but in one of a million. */
const DISTINCT_CHARACTERS_MIN = 8
const PLACEHOLDERS = /change.?me|example|secret|password|123456|qwerty|default|replace/i
const NEW_SECRET = 'openssl rand -hex 32'

export interface Settings {
  readonly environment: Readonly<NodeJS.ProcessEnv>
  readonly faults: readonly SettingFault[]
  /** Without those that have a fault. */
  readonly config: Config
}

export function lookAtSettings({ environment, faults, config }: Settings): Finding[] {
  const findings = [
    ...faults.map(({ name, fault }) => wrong(name, fault, `Correct it; the server does not start. ${DOC}`)),
    ...unknownSettings(environment).map(it => {
      const [name = '', ...words] = it.split(' ')
      return warning(name, words.join(' '), 'Correct its name, or remove it: nobody reads it.')
    }),
    ...secretFindings(config),
    ...doorFindings(config),
  ]
  if (findings.length > 0) return findings
  const count = Object.keys(environment).filter(it => it.startsWith('ROOST_')).length
  return [ok('settings', count === 0 ? 'all are the defaults' : `${count} of ROOST_…, all are understood`)]
}

function secretFindings({ secret, bootstrapToken, databaseUrl }: Config): Finding[] {
  const findings: Finding[] = []
  if (secret !== undefined && isWeak(secret))
    findings.push(
      warning(
        'ROOST_SECRET',
        'looks like words or a pattern; whoever has a copy of the database can try such until credentials open',
        `Make the next installation one with ${NEW_SECRET}. This one's can't be exchanged: upload the credentials anew with it.`,
      ),
    )
  if (bootstrapToken !== undefined && isWeak(bootstrapToken))
    findings.push(
      warning(
        'ROOST_BOOTSTRAP_TOKEN',
        'looks like words or a pattern; it opens everything that the API can do',
        `Make another one: ${NEW_SECRET}.`,
      ),
    )
  if (databaseUrl !== undefined && secret === undefined)
    findings.push(
      warning(
        'ROOST_SECRET',
        'is not set, so the secret is a file in the data folder of this machine; other servers on the same database would not have it',
        'Set ROOST_SECRET to what the file "secret" in the data folder holds.',
      ),
    )
  return findings
}

/** Of a text whose makers meant it to be secret: whether it can be guessed. */
function isWeak(text: string): boolean {
  return new Set(text).size < DISTINCT_CHARACTERS_MIN || PLACEHOLDERS.test(text)
}

function doorFindings({ allowPrivateEndpoints }: Config): Finding[] {
  if (!allowPrivateEndpoints) return []
  return [
    warning(
      'ROOST_ALLOW_PRIVATE_ENDPOINTS',
      'is on: Web Push endpoints come from clients, and may now point into your own network',
      'Remove it, unless this installation is for tests.',
    ),
  ]
}
