/**
 * Roost for this app. Import it first in index.js, before anything is registered: a push may start the app behind, and this module has to set its
 * handler then.
 */
import 'react-native-get-random-values'
import AsyncStorage from '@react-native-async-storage/async-storage'
import PushNotificationIOS from '@react-native-community/push-notification-ios'
import * as messaging from '@react-native-firebase/messaging'
import {
  applePush,
  appStateVisibility,
  createMobileRoost,
  firebasePush,
  type MobileRoost,
  nativeModule,
  type RoostNativeModule,
  voipTokens,
} from '@roost/sdk/react-native'
import { AppState, Linking, NativeModules, PermissionsAndroid, Platform } from 'react-native'
import VoipPushNotification from 'react-native-voip-push-notification'

const isIos = Platform.OS === 'ios'

export const roost: MobileRoost = createMobileRoost({
  baseUrl: 'https://push.example.org',
  application: 'ABCDE-12345',
  deviceToken: 'the device token of the application',
  appVersion: '1.0.0',
  device: {
    model: Platform.OS === 'android' ? Platform.constants.Model : 'iPhone',
    osVersion: String(Platform.Version),
  },
  push: isIos
    ? applePush(PushNotificationIOS)
    : firebasePush(messaging, { permissions: PermissionsAndroid, links: Linking }),
  storage: AsyncStorage,
  visibility: appStateVisibility(AppState),
  apnsEnvironment: __DEV__ ? 'sandbox' : 'production',
  ...(isIos && { voip: voipTokens(VoipPushNotification) }),
  // The native parts; without them leave it out (docs/mobile.md).
  ...nativeModule(NativeModules.Roost as RoostNativeModule),
  unreadBadge: true,
  onOpen: ({ url }) => {
    if (url?.startsWith('https://')) void Linking.openURL(url)
  },
  onError: error => console.warn('Roost', error.message),
})
