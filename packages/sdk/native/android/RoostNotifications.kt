// Roost: shows a push on Android, once and for whoever is logged in, and reports it. TEMPLATE: not compiled by Roost's CI.
// Needs androidx.core:core-ktx. Change the package to your app's.
package com.example.app

import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.net.Uri
import androidx.core.app.NotificationCompat
import androidx.core.app.NotificationManagerCompat
import org.json.JSONArray
import org.json.JSONObject
import java.net.HttpURLConnection
import java.net.URL

object RoostNotifications {
    private const val PREFERENCES = "roost"
    private const val SHARED = "shared"
    private const val SEEN = "seen"
    private const val SEEN_MAX = 200
    private const val CHANNEL = "messages"
    private const val TIMEOUT_MS = 8_000
    private const val PICTURE_MAX_BYTES = 5_000_000

    /** How a tap comes to the app: by an URL for React Native's Linking, by extras for Capacitor's plugin. */
    enum class Tap { URL, EXTRAS }

    /** `json` as the SDK's `share` gives it. When somebody else has logged in, what is on the screen goes. */
    fun share(context: Context, json: String) {
        val before = shared(context)?.text("userId", emptyIsText = true)
        preferences(context).edit().putString(SHARED, json).apply()
        if (before != shared(context)?.text("userId", emptyIsText = true)) NotificationManagerCompat.from(context).cancelAll()
    }

    /**
     * Not on the main thread: it fetches a picture and posts the receipt. `data` as Firebase gives it. Does nothing for a push that was shown,
     * that is for somebody else, or that has nothing to show.
     */
    fun receive(context: Context, data: Map<String, String>, tap: Tap) {
        if (data["pw_msg"] != "1" || isForeign(context, data["ru"]) || !claim(context, data["p"])) return
        if (data["header"] != null || data["title"] != null) notify(context, data, tap)
        report(context, data)
    }

    /** What the SDK gives to `show`, in its own names. */
    fun show(context: Context, json: String, tap: Tap) {
        val push = JSONObject(json)
        val hash = push.text("hash")
        if (!claim(context, hash)) return
        val data = mapOf(
            "pw_msg" to "1", "p" to hash, "rk" to push.text("receiptKey"), "header" to push.text("title"),
            "title" to push.text("body"), "b" to push.text("image"), "l" to push.text("url"),
            "pw_channel" to push.text("channel"), "pw_msg_tag" to push.text("tag"),
            "pw_actions" to push.optJSONArray("buttons")?.toString(), "u" to push.opt("data")?.toString(),
        )
        notify(context, data.mapNotNull { (name, value) -> value?.let { name to it } }.toMap(), tap)
    }

    private fun notify(context: Context, data: Map<String, String>, tap: Tap) {
        val channel = data["pw_channel"] ?: CHANNEL
        ensureChannel(context, channel)
        val picture = data["b"]?.let(::fetchPicture)
        val builder = NotificationCompat.Builder(context, channel)
            .setSmallIcon(context.applicationInfo.icon) // better: a white one of your own
            .setContentTitle(data["header"])
            .setContentText(data["title"])
            .setAutoCancel(true)
            .setOnlyAlertOnce(true) // one that takes the place of another makes no noise
            .setContentIntent(opening(context, data, null, tap))
        if (picture != null) {
            builder.setLargeIcon(picture)
                .setStyle(NotificationCompat.BigPictureStyle().bigPicture(picture).bigLargeIcon(null as Bitmap?))
        } else {
            builder.setStyle(NotificationCompat.BigTextStyle().bigText(data["title"]))
        }
        data["pw_badges"]?.toIntOrNull()?.let(builder::setNumber)
        buttonsOf(data).take(3).forEachIndexed { place, title ->
            builder.addAction(0, title, opening(context, data, place.toString(), tap))
        }
        val tag = data["pw_msg_tag"] ?: data["p"] ?: System.nanoTime().toString()
        try {
            NotificationManagerCompat.from(context).notify(tag, 0, builder.build())
        } catch (_: SecurityException) {
            // Android 13: the person has not allowed it; the SDK has told the server.
        }
    }

    private fun buttonsOf(data: Map<String, String>): List<String> {
        val buttons = runCatching { JSONArray(data["pw_actions"] ?: "[]") }.getOrDefault(JSONArray())
        return (0 until buttons.length()).mapNotNull { buttons.optJSONObject(it)?.text("title") }
    }

    /** The app's first screen, explicitly: no other app gets what stands in it. */
    private fun opening(context: Context, data: Map<String, String>, action: String?, tap: Tap): PendingIntent {
        val intent = requireNotNull(context.packageManager.getLaunchIntentForPackage(context.packageName))
        intent.addFlags(Intent.FLAG_ACTIVITY_CLEAR_TOP or Intent.FLAG_ACTIVITY_SINGLE_TOP)
        when (tap) {
            Tap.URL -> intent.setAction(Intent.ACTION_VIEW).setData(urlOf(data, action))
            Tap.EXTRAS -> {
                intent.putExtra("google.message_id", data["p"]) // what the plugin knows a push by
                data.forEach { (name, value) -> intent.putExtra(name, value) }
                action?.let { intent.putExtra("roost_action", it) }
            }
        }
        val flags = PendingIntent.FLAG_IMMUTABLE or PendingIntent.FLAG_UPDATE_CURRENT
        return PendingIntent.getActivity(context, "${data["p"]}/$action".hashCode(), intent, flags)
    }

    /** Read by the SDK's mobile/opening-url.ts. */
    private fun urlOf(data: Map<String, String>, action: String?): Uri {
        val push = Uri.encode(JSONObject(data).toString())
        return Uri.parse("roost://open?push=$push&action=${Uri.encode(action ?: "")}")
    }

    private fun ensureChannel(context: Context, id: String) {
        val manager = context.getSystemService(NotificationManager::class.java)
        if (manager.getNotificationChannel(id) != null) return // the app's own, with its name
        manager.createNotificationChannel(NotificationChannel(id, id, NotificationManager.IMPORTANCE_HIGH))
    }

    private fun fetchPicture(text: String): Bitmap? = runCatching {
        require(text.startsWith("https://"))
        val connection = URL(text).openConnection() as HttpURLConnection
        connection.connectTimeout = TIMEOUT_MS
        connection.readTimeout = TIMEOUT_MS
        connection.inputStream.use { stream ->
            val bytes = stream.readNBytesUpTo(PICTURE_MAX_BYTES)
            BitmapFactory.decodeByteArray(bytes, 0, bytes.size)
        }
    }.getOrNull()

    /** Lost when there is no network: the SDK reports, too, when the app runs, and the server counts once. */
    private fun report(context: Context, data: Map<String, String>) {
        val hash = data["p"] ?: return
        val shared = shared(context) ?: return
        val request = JSONObject()
            .put("application", shared.getString("application"))
            .put("hwid", shared.getString("hwid"))
            .put("hash", hash)
        data["rk"]?.let { request.put("receipt_key", it) }
        runCatching {
            val url = URL("${shared.getString("baseUrl")}/json/1.3/messageDeliveryEvent")
            val connection = url.openConnection() as HttpURLConnection
            connection.requestMethod = "POST"
            connection.doOutput = true
            connection.connectTimeout = TIMEOUT_MS
            connection.readTimeout = TIMEOUT_MS
            connection.setRequestProperty("Content-Type", "application/json")
            connection.setRequestProperty("Authorization", "Token ${shared.getString("deviceToken")}")
            connection.outputStream.use { it.write(JSONObject().put("request", request).toString().toByteArray()) }
            connection.responseCode
        }
    }

    /** R25. Without a user in `shared` the app does not say who uses it. */
    private fun isForeign(context: Context, meant: String?): Boolean {
        val userId = shared(context)?.text("userId", emptyIsText = true)
        return meant != null && userId != null && meant != userId
    }

    /** False for what was shown before. */
    @Synchronized
    private fun claim(context: Context, hash: String?): Boolean {
        if (hash == null) return true
        val seen = preferences(context).getString(SEEN, "").orEmpty().split(' ').filter { it.isNotEmpty() }
        if (hash in seen) return false
        preferences(context).edit().putString(SEEN, (seen + hash).takeLast(SEEN_MAX).joinToString(" ")).commit()
        return true
    }

    private fun shared(context: Context): JSONObject? =
        preferences(context).getString(SHARED, null)?.let { runCatching { JSONObject(it) }.getOrNull() }

    private fun preferences(context: Context) = context.getSharedPreferences(PREFERENCES, Context.MODE_PRIVATE)

    private fun JSONObject.text(name: String, emptyIsText: Boolean = false): String? =
        if (isNull(name)) null else optString(name).takeIf { emptyIsText || it.isNotEmpty() }

    private fun java.io.InputStream.readNBytesUpTo(limit: Int): ByteArray {
        val bytes = java.io.ByteArrayOutputStream()
        val chunk = ByteArray(16_384)
        while (bytes.size() < limit) {
            val read = read(chunk)
            if (read < 0) break
            bytes.write(chunk, 0, read)
        }
        return bytes.toByteArray()
    }
}
