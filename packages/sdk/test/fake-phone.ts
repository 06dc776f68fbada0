/**
 * The native side of an app, on a phone of the simulator: it holds the token, hands over what comes, and shows what the app shows. The fakes of
 * the libraries (`fake-*.ts`) sit on it, each with its library's published types.
 */
import type { AcceptedPush, Simulator } from '@roost/simulator'
import type { KeyValueStorage } from '../src/mobile/key-value-store.ts'
import type { AppVisibility } from '../src/mobile/native-push.ts'

export interface FakePhoneOptions {
  readonly simulator: Simulator
  /** Makes a token of a stand-in. */
  readonly issueToken: () => string
}

export class FakePhone {
  readonly #options: FakePhoneOptions
  #token: string | undefined
  /** What the system hands to the app's library; undefined: the app is not there. */
  onPush: ((push: AcceptedPush) => void) | undefined
  onToken: ((token: string) => void) | undefined
  /** Undefined: the system gives a token. */
  tokenError: string | undefined
  isPermitted: boolean | undefined
  /** What the person answers when asked. */
  willPermit = true
  isInFront = true
  /** What has started the app; Android. */
  launchUrl: string | undefined
  badge = 0
  /** How often the app had its notifications taken from the screen. */
  cleared = 0
  /** Its native parts reject. */
  isLocked = false
  /** The app's storage takes nothing more. */
  isFull = false
  readonly visibilityListeners = new Set<(isInFront: boolean) => void>()
  /** The app's storage: it outlives the process. */
  readonly kept = new Map<string, string>()

  constructor(options: FakePhoneOptions) {
    this.#options = options
  }

  /** What the system answers to whoever asks for the token. */
  token(): string {
    if (this.tokenError !== undefined) throw new Error(this.tokenError)
    this.#token ??= this.#obtain()
    return this.#token
  }

  /** The system makes another one, and tells. */
  renewToken(): void {
    this.leave()
    this.#token = this.#obtain()
    this.onToken?.(this.#token)
  }

  askPerson(): boolean {
    this.isPermitted ??= this.willPermit
    return this.isPermitted
  }

  comeToFront(isInFront: boolean): void {
    this.isInFront = isInFront
    for (const it of this.visibilityListeners) it(isInFront)
  }

  leave(): void {
    if (this.#token !== undefined) this.#options.simulator.leave(this.#token)
  }

  get visibility(): AppVisibility {
    return {
      isInFront: async () => this.isInFront,
      onChange: listener => {
        this.visibilityListeners.add(listener)
        return () => this.visibilityListeners.delete(listener)
      },
    }
  }

  get storage(): KeyValueStorage {
    return {
      getItem: async key => this.kept.get(key) ?? null,
      setItem: async (key, value) => this.keep(key, value),
      removeItem: async key => void this.kept.delete(key),
    }
  }

  keep(key: string, value: string): void {
    if (this.isFull) throw new Error('The storage is full')
    this.kept.set(key, value)
  }

  clear(): void {
    if (this.isLocked) throw new Error('The phone is locked')
    this.cleared++
  }

  #obtain(): string {
    const token = this.#options.issueToken()
    this.#options.simulator.listen(token, push => this.onPush?.(push))
    return token
  }
}
