/**
 * What the palette finds in the base of the open app: devices and users by keys alone (docs/look-ups.md), messages by what they say, segments
 * by name. Each of them is asked for once typing has paused; the answers of the text before stay until the new ones are there.
 */
import { useDebouncedValue } from '@mantine/hooks'
import type { FoundDevice, FoundDevices, SegmentView } from '@roost/protocol'
import { path, query } from '../api/client.ts'
import { useAnswer } from '../api/use-api.ts'

const ASK_AFTER_MS = 80
/** From so many characters on it may be the name of something. */
const CHARACTERS_MIN = 2
const DEVICES_SHOWN = 6
export const SHOWN_OF_EACH = 5
const FRESH_MS = 10_000

export interface FoundMessage {
  readonly id: string
  readonly title: string | null
  readonly campaign: string | null
  readonly createdAt: string
}

export interface Finds {
  readonly devices: readonly FoundDevice[]
  readonly users: readonly string[]
  readonly messages: readonly FoundMessage[]
  readonly segments: readonly Pick<SegmentView, 'id' | 'name' | 'code'>[]
  /** Something is still being asked for. */
  readonly isAsking: boolean
}

const NONE: readonly never[] = []

/** Nothing without an app. */
export function useFinds(app: string | undefined, text: string): Finds {
  const [settled] = useDebouncedValue(text, ASK_AFTER_MS)
  const isWanted = app !== undefined && text.length >= CHARACTERS_MIN
  const isAsked = app !== undefined && settled.length >= CHARACTERS_MIN
  const common = { enabled: isAsked, staleTime: FRESH_MS }
  const devices = useAnswer<FoundDevices>({
    key: [app, 'devices', 'palette', settled],
    path: path`v1/apps/${app ?? ''}/look-up` + query({ text: settled, limit: DEVICES_SHOWN }),
    ...common,
  })
  const messages = useAnswer<{ readonly messages: readonly FoundMessage[] }>({
    key: [app, 'messageList', 'palette', settled],
    path: path`v1/apps/${app ?? ''}/messages` + query({ text: settled, limit: SHOWN_OF_EACH }),
    ...common,
  })
  const segments = useAnswer<{ readonly segments: readonly SegmentView[] }>({
    key: [app, 'segments'],
    path: path`v1/apps/${app ?? ''}/segments`,
    ...common,
  })
  const found = isAsked && isWanted ? (devices.data?.devices ?? NONE) : NONE
  return {
    devices: found,
    users: usersOf(found),
    messages: (isAsked ? messages.data?.messages : undefined) ?? NONE,
    segments: (isAsked ? segments.data?.segments : undefined)?.filter(it => isNamed(it, text)) ?? NONE,
    isAsking:
      isWanted && (text !== settled || devices.isFetching || messages.isFetching || segments.isLoading),
  }
}

/** Those by whose name a device was found, each once. */
export function usersOf(devices: readonly FoundDevice[]): readonly string[] {
  const named = devices.filter(({ by }) => by === 'user' || by === 'user_beginning')
  return [...new Set(named.flatMap(({ userId }) => userId ?? []))]
}

function isNamed({ name, code }: Pick<SegmentView, 'name' | 'code'>, text: string): boolean {
  const wanted = text.toLocaleLowerCase()
  return name.toLocaleLowerCase().includes(wanted) || code.toLocaleLowerCase().startsWith(wanted)
}
