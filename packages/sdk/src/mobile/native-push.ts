/**
 * What the client needs of a native push library. `react-native/` and `capacitor/` make it of the libraries that apps have already; an app
 * with another one writes these few functions itself.
 */

/** Takes the listener away again. */
export type Unsubscribe = () => void

/** What the person lets the app show. `provisional` and `ephemeral` are Apple's. */
export type Permission = 'granted' | 'provisional' | 'ephemeral' | 'denied' | 'not_determined'

/** A push as the system handed it over. */
export interface NativePushMessage {
  /** What the sender gave beside the words: on Android all of it, on iOS what stands beside `aps`. */
  readonly data: Readonly<Record<string, unknown>>
  /** What the system shows of it; undefined on Android, where the app shows it (docs/mobile.md). */
  readonly shown: ShownBySystem | undefined
}

export interface ShownBySystem {
  readonly title: string | undefined
  readonly subtitle: string | undefined
  readonly body: string | undefined
}

/** The person has tapped a notification, or one of its buttons. */
export interface NativeOpening extends NativePushMessage {
  /** The place of the button, or what the platform calls it; undefined: the notification itself. */
  readonly action: string | undefined
}

export interface NativePush {
  readonly platform: 'ios' | 'android'
  /**
   * Asks the system, never a memory of its own (R31), and never the person. Undefined: there can be none before the person was asked.
   * Rejects when the system gives none; the server is told why.
   */
  token(): Promise<string | undefined>
  /** The system has made another one. */
  onToken(listener: (token: string) => void): Unsubscribe
  permission(): Promise<Permission>
  /** Asks the person, if the system lets it. */
  requestPermission(): Promise<Permission>
  /**
   * Every push that comes to this process, in front or behind. The system may stop an app that is behind as soon as the listener's promise
   * settles.
   */
  onPush(listener: (message: NativePushMessage) => Promise<void>): Unsubscribe
  onOpening(listener: (opening: NativeOpening) => Promise<void>): Unsubscribe
  /** The notification whose tap has started the app; undefined: something else has. */
  launchedBy(): Promise<NativeOpening | undefined>
  /** Takes away all notifications of the app that are on the screen; left out where there is no way to. */
  clearShown?(): Promise<void>
  /** The app's icon; left out where there is nothing to set. */
  setBadge?(count: number): Promise<void>
}

/** Whether the app is in front. */
export interface AppVisibility {
  isInFront(): Promise<boolean>
  onChange(listener: (isInFront: boolean) => void): Unsubscribe
}
