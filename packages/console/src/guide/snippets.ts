/**
 * Code to put into an app, with the address of this server and the app's code in it. The device token is told once, when the app is made,
 * or made anew as an API token; the guide never knows it.
 *
 * Methods and fields are those of the device protocol. Source: docs/device-api.md.
 */
import type { GuidePlatform } from '@roost/protocol'

export interface SnippetInput {
  /** Ends in a slash. */
  readonly baseUrl: string
  readonly app: string
}

export interface Snippet {
  readonly language: string
  readonly code: string
}

export const TOKEN_PLACEHOLDER = 'DEVICE_TOKEN'

export function snippetFor(platform: GuidePlatform, input: SnippetInput): Snippet {
  return SNIPPETS[platform](input)
}

const SNIPPETS: Readonly<Record<GuidePlatform, (input: SnippetInput) => Snippet>> = {
  ios: input => ({ language: 'Swift', code: swift(input) }),
  android: input => ({
    language: 'Kotlin',
    code: kotlin({
      ...input,
      deviceType: 3,
      service: 'FirebaseMessagingService',
      device: 'Settings.Secure.ANDROID_ID',
    }),
  }),
  web: input => ({ language: 'HTML', code: html(input) }),
  huawei: input => ({
    language: 'Kotlin',
    code: kotlin({
      ...input,
      deviceType: 17,
      service: 'HmsMessageService',
      device: 'Settings.Secure.ANDROID_ID',
    }),
  }),
}

/** In a debug build from Xcode the token is of the sandbox. */
function swift({ baseUrl, app }: SnippetInput): string {
  return `func application(_ application: UIApplication,
                 didRegisterForRemoteNotificationsWithDeviceToken token: Data) {
    #if DEBUG
    let gateway = "sandbox"
    #else
    let gateway = "production"
    #endif
    var call = URLRequest(url: URL(string: "${baseUrl}json/1.3/registerDevice")!)
    call.httpMethod = "POST"
    call.setValue("Token ${TOKEN_PLACEHOLDER}", forHTTPHeaderField: "Authorization")
    call.httpBody = try? JSONSerialization.data(withJSONObject: ["request": [
        "application": "${app}",
        "hwid": UIDevice.current.identifierForVendor!.uuidString,
        "device_type": 1,
        "gateway": gateway,
        "push_token": token.map { String(format: "%02x", $0) }.joined(),
    ]])
    URLSession.shared.dataTask(with: call).resume()
}`
}

interface KotlinInput extends SnippetInput {
  readonly deviceType: number
  readonly service: string
  readonly device: string
}

function kotlin({ baseUrl, app, deviceType, service, device }: KotlinInput): string {
  return `class PushService : ${service}() {
    override fun onNewToken(token: String) {
        val request = JSONObject()
            .put("application", "${app}")
            .put("hwid", Settings.Secure.getString(contentResolver, ${device}))
            .put("device_type", ${deviceType})
            .put("push_token", token)
        thread {
            val call = URL("${baseUrl}json/1.3/registerDevice").openConnection() as HttpURLConnection
            call.doOutput = true
            call.setRequestProperty("Authorization", "Token ${TOKEN_PLACEHOLDER}")
            call.outputStream.use { it.write(JSONObject().put("request", request).toString().toByteArray()) }
            call.responseCode
        }
    }
}`
}

function html({ baseUrl, app }: SnippetInput): string {
  return `<script type="module">
  import { createRoost } from '/roost-web.js'

  const roost = createRoost({
    baseUrl: '${baseUrl.replace(/\/$/, '')}',
    application: '${app}',
    deviceToken: '${TOKEN_PLACEHOLDER}',
  })
  await roost.start() // on every page view; never asks for permission

  document.querySelector('#notify').onclick = () => roost.subscribe()
</script>`
}
