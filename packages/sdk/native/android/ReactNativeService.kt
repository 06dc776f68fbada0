// Roost: the messaging service of a React Native app, over that of @react-native-firebase/messaging, whose receiver goes on telling JavaScript.
// TEMPLATE: not compiled by Roost's CI.
package com.example.app

import com.google.firebase.messaging.RemoteMessage
import io.invertase.firebase.common.SharedUtils
import io.invertase.firebase.messaging.ReactNativeFirebaseMessagingService

class RoostMessagingService : ReactNativeFirebaseMessagingService() {
    override fun onMessageReceived(message: RemoteMessage) {
        super.onMessageReceived(message)
        if (SharedUtils.isAppInForeground(this)) return // JavaScript decides there what is shown
        RoostNotifications.receive(this, message.data, RoostNotifications.Tap.URL)
    }
}
