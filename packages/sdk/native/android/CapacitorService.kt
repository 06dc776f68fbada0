// Roost: the messaging service of a Capacitor app, over that of @capacitor/push-notifications. TEMPLATE: not compiled by Roost's CI.
package com.example.app

import androidx.lifecycle.Lifecycle
import androidx.lifecycle.ProcessLifecycleOwner
import com.capacitorjs.plugins.pushnotifications.MessagingService
import com.google.firebase.messaging.RemoteMessage

class RoostMessagingService : MessagingService() {
    override fun onMessageReceived(message: RemoteMessage) {
        super.onMessageReceived(message)
        // JavaScript decides what is shown while the app is in front.
        if (ProcessLifecycleOwner.get().lifecycle.currentState.isAtLeast(Lifecycle.State.STARTED)) return
        RoostNotifications.receive(this, message.data, RoostNotifications.Tap.EXTRAS)
    }
}
