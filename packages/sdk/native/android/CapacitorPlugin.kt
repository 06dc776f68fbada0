// Roost: `share` and `show` for Capacitor. Call registerPlugin(RoostPlugin::class.java) in your MainActivity before super.onCreate. TEMPLATE: not
// compiled by Roost's CI.
package com.example.app

import com.getcapacitor.Plugin
import com.getcapacitor.PluginCall
import com.getcapacitor.PluginMethod
import com.getcapacitor.annotation.CapacitorPlugin
import kotlin.concurrent.thread

@CapacitorPlugin(name = "Roost")
class RoostPlugin : Plugin() {
    @PluginMethod
    fun share(call: PluginCall) {
        RoostNotifications.share(context, call.getString("json") ?: "{}")
        call.resolve()
    }

    @PluginMethod
    fun show(call: PluginCall) {
        thread {
            runCatching { RoostNotifications.show(context, call.getString("json") ?: "{}", RoostNotifications.Tap.EXTRAS) }
                .fold({ call.resolve() }, { call.reject(it.message ?: "show_failed") })
        }
    }
}
