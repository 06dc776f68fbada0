/** Who is connected to this process: all connections, and of each device the one that counts. */
import type { Channel, Member } from './channel.ts'
import { keyOf, type Place } from './presence.ts'
import { Pulse } from './pulse.ts'

/** Fifty thousand pings at once would be one turn, in which nobody else is served. */
export const STEPS_OF_HEARTBEAT = 300

export class Roster {
  /** Also those that have not said `hello`. */
  readonly open = new Pulse<Channel>(STEPS_OF_HEARTBEAT)
  readonly #members = new Map<string, Channel>()
  /** Their `hello` is being taken. */
  readonly #arriving = new Map<string, Channel>()

  /** Nobody has been let in. */
  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  /** A connection of the device that can be sent to, also while its `hello` is being taken. */
  find(place: Place): Channel | undefined {
    return this.#arriving.get(keyOf(place)) ?? this.findMember(place)
  }

  findMember(place: Place): Channel | undefined {
    return this.#members.get(keyOf(place))
  }

  isMember(channel: Channel): boolean {
    return channel.member !== undefined && this.findMember(channel.member) === channel
  }

  /** It is found here before it is in the database, since what is to be sent is told once. */
  arrive(channel: Channel, member: Member): void {
    channel.member = member
    this.#arriving.set(keyOf(member), channel)
  }

  /** It counts from now on, in the place of the device's former one. */
  admit(channel: Channel, member: Member): void {
    this.#members.set(keyOf(member), channel)
  }

  endArrival(channel: Channel, member: Member): void {
    if (this.#arriving.get(keyOf(member)) === channel) this.#arriving.delete(keyOf(member))
  }

  /** Gives back whose it was, when it counted. */
  remove(channel: Channel): Member | undefined {
    this.open.delete(channel)
    if (!this.isMember(channel) || channel.member === undefined) return undefined
    this.#members.delete(keyOf(channel.member))
    return channel.member
  }
}
