// Roost: what the app and its notification service extension know in common.
// Add this file to both targets, and give both the same app group. TEMPLATE: not compiled by Roost's CI.
import Foundation

public struct RoostShared: Codable {
    /// Change it to your app group: it must begin with "group.".
    public static let appGroup = "group.com.example.app"
    private static let key = "roost.shared"

    public let baseUrl: String
    public let application: String
    public let deviceToken: String
    public let hwid: String
    /// Empty: nobody is logged in, as the app says. Nil: the app does not say who uses it.
    public let userId: String?

    public static func read() -> RoostShared? {
        guard let data = UserDefaults(suiteName: appGroup)?.data(forKey: key) else { return nil }
        return try? JSONDecoder().decode(RoostShared.self, from: data)
    }

    /// `json` as the SDK's `share` gives it.
    public static func write(json: String) {
        UserDefaults(suiteName: appGroup)?.set(Data(json.utf8), forKey: key)
    }

    /// R25: it is for somebody who is not logged in here.
    public func isForeign(_ userInfo: [AnyHashable: Any]) -> Bool {
        guard let meant = userInfo["ru"] as? String, let userId else { return false }
        return meant != userId
    }

    /// A receipt: `messageDeliveryEvent`, or `postReceipts` for kinds that have no call of their own. Counted once, however often it is sent.
    public func post(_ method: String, _ fields: [String: Any], completion: @escaping () -> Void) {
        guard let url = URL(string: "\(baseUrl)/json/1.3/\(method)") else { return completion() }
        var body = fields
        body["application"] = application
        body["hwid"] = hwid
        var request = URLRequest(url: url, timeoutInterval: 10)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("Token \(deviceToken)", forHTTPHeaderField: "Authorization")
        request.httpBody = try? JSONSerialization.data(withJSONObject: ["request": body])
        URLSession.shared.dataTask(with: request) { _, _, _ in completion() }.resume()
    }
}
