// Roost: `share` and `show` for React Native. Add RoostPackage to the packages of your MainApplication. TEMPLATE: not compiled by Roost's CI.
package com.example.app

import com.facebook.react.ReactPackage
import com.facebook.react.bridge.NativeModule
import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.ReactApplicationContext
import com.facebook.react.bridge.ReactContextBaseJavaModule
import com.facebook.react.bridge.ReactMethod
import com.facebook.react.uimanager.ViewManager
import kotlin.concurrent.thread

class RoostModule(private val context: ReactApplicationContext) : ReactContextBaseJavaModule(context) {
    override fun getName() = "Roost"

    @ReactMethod
    fun share(json: String, promise: Promise) {
        RoostNotifications.share(context, json)
        promise.resolve(null)
    }

    @ReactMethod
    fun show(json: String, promise: Promise) {
        thread {
            runCatching { RoostNotifications.show(context, json, RoostNotifications.Tap.URL) }
                .fold({ promise.resolve(null) }, { promise.reject("show_failed", it) })
        }
    }
}

class RoostPackage : ReactPackage {
    override fun createNativeModules(context: ReactApplicationContext): List<NativeModule> = listOf(RoostModule(context))
    override fun createViewManagers(context: ReactApplicationContext): List<ViewManager<*, *>> = emptyList()
}
