/** Messages as the stream tells them: laid over what was read, and when that makes a list or a report another one. */
import type { LivePicture, MessageSummary } from '@roost/protocol'

/** As it was told last; what isn't told stays as it was read. */
export function withTold<Read extends MessageSummary>(read: Read, live: LivePicture | undefined): Read {
  const told = live?.messages.find(({ id }) => id === read.id)
  return told ? { ...read, ...told } : read
}

/** Changes when a message has come, or one is in another state: then the list is another one. '' while nothing is told. */
export function markOfList(live: LivePicture | undefined): string {
  return live === undefined ? '' : `told ${live.messages.map(({ id, state }) => `${id} ${state}`).join()}`
}

/** Changes with each number that a report shows. */
export function markOfNumbers({ state, counts, finishedAt }: MessageSummary): string {
  return `${state} ${finishedAt} ${Object.values(counts).join(' ')}`
}
