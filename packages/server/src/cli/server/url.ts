/** Where commands look for the server: where `roost serve` listens when it is started in the same environment. */
import { StartError } from '../../store/folder.ts'
import { plain } from '../plain.ts'

const PORT_DEFAULT = '7460'

export function defaultServerUrl({ ROOST_HOST, ROOST_PORT }: Readonly<NodeJS.ProcessEnv>): string {
  const port = ROOST_PORT === '0' ? PORT_DEFAULT : ROOST_PORT || PORT_DEFAULT // which free one it took, nobody knows here
  return `http://${reachable(ROOST_HOST || '127.0.0.1')}:${port}`
}

/** Who listens on all addresses is reached at its own. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** What an option says. Throws StartError. */
export function requireServerUrl(text: string, option = '--url'): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new StartError(
    `${option} is "${plain(text)}", which is no address of a server`,
    'Write it as http://127.0.0.1:7460 or https://push.example.com.',
  )
}
