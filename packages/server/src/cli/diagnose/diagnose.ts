/** What `roost diagnose` does: asks the server, and lays its answer out. */
import { type DiagnosisView, FINDING_VERDICTS, type FindingView, type ReachView } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { plain } from '../plain.ts'
import { ServerCaller, type ServerOptions } from '../server/caller.ts'
import { diagnosisPage, reachPage } from './page.ts'

const KINDS = ['device', 'token', 'user'] as const
type Kind = (typeof KINDS)[number]

export interface DiagnoseOptions extends ServerOptions {
  readonly message?: string
  readonly as?: Kind
  readonly lang: string
  readonly json?: boolean
  readonly hasColors: boolean
  /** IANA; of whoever reads it. */
  readonly timeZone: string
}

/** Throws StartError. */
export async function diagnoseFrom(
  who: string | undefined,
  options: DiagnoseOptions,
  print: (text: string) => void,
): Promise<void> {
  const server = new ServerCaller(options)
  if (who === undefined) {
    const reach = await readReach(server, options)
    return print(options.json ? JSON.stringify(reach) : reachPage(plain(reach), options))
  }
  const diagnosis = await ask(server, who, options)
  print(options.json ? JSON.stringify(diagnosis) : diagnosisPage(plain(diagnosis), options))
}

async function readReach(server: ServerCaller, { message, lang }: DiagnoseOptions): Promise<ReachView> {
  if (message === undefined)
    throw new StartError(
      'it is not said what to diagnose',
      'Give an hwid, a token or a user id, or --message <id>, or both.',
    )
  return server.json('GET', `/messages/${encodeURIComponent(message)}/reach?lang=${encodeURIComponent(lang)}`)
}

/** As each of the kinds, until a device is found; else what is said of each. */
async function ask(server: ServerCaller, who: string, options: DiagnoseOptions): Promise<DiagnosisView> {
  const { message, lang, as } = options
  const answers: DiagnosisView[] = []
  for (const kind of as === undefined ? KINDS.filter(it => fits(it, who)) : [as]) {
    const asked = { [kind]: who, lang, ...(message !== undefined && { message }) }
    const answer = await server.json<DiagnosisView>('POST', '/diagnose', asked)
    if (answer.devices.length > 0) return answer
    answers.push(answer)
  }
  const [first] = answers
  if (first === undefined)
    throw new StartError(`"${who}" is too long for an id`, 'Give --as token for a token.')
  return { ...first, findings: findingsOf(answers) }
}

/** Each once, the surest first. */
function findingsOf(answers: readonly DiagnosisView[]): FindingView[] {
  const byKey = new Map(answers.flatMap(it => it.findings.map(finding => [finding.message.key, finding])))
  return [...byKey.values()].sort(
    (one, other) => FINDING_VERDICTS.indexOf(one.verdict) - FINDING_VERDICTS.indexOf(other.verdict),
  )
}

const HWID_CHARACTERS = 256
const USER_ID_CHARACTERS = 256

/** A token may be longer than the others can be. */
function fits(kind: Kind, who: string): boolean {
  if (kind === 'token') return true
  return who.length <= (kind === 'device' ? HWID_CHARACTERS : USER_ID_CHARACTERS)
}
