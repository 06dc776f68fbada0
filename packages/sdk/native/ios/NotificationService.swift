// Roost: the notification service extension. iOS runs it for every alert of Roost (they carry mutable-content), also while the app is closed;
// it has about 30 seconds. TEMPLATE: not compiled by Roost's CI.
import UserNotifications

class NotificationService: UNNotificationServiceExtension {
    private var deliver: ((UNNotificationContent) -> Void)?
    private var content: UNMutableNotificationContent?

    override func didReceive(
        _ request: UNNotificationRequest,
        withContentHandler contentHandler: @escaping (UNNotificationContent) -> Void
    ) {
        deliver = contentHandler
        content = request.content.mutableCopy() as? UNMutableNotificationContent
        let userInfo = request.content.userInfo
        guard let shared = RoostShared.read() else { return finish() }
        if shared.isForeign(userInfo) { return finishForeign() }
        let group = DispatchGroup()
        group.enter()
        report(userInfo, shared) { group.leave() }
        group.enter()
        attach(userInfo, shared) { group.leave() }
        group.notify(queue: .main) { self.finish() }
    }

    /// The time is over: what there is is shown.
    override func serviceExtensionTimeWillExpire() {
        finish()
    }

    private func finish() {
        guard let content, let deliver else { return }
        self.deliver = nil
        deliver(content)
    }

    /// Only an app with Apple's entitlement com.apple.developer.usernotifications.filtering may keep a notification from the screen, by empty
    /// content; on others something is shown, so the words at least are nobody's.
    private func finishForeign() {
        let blank = UNMutableNotificationContent()
        blank.body = Bundle.main.object(forInfoDictionaryKey: "RoostForeignText") as? String ?? ""
        deliver?(blank)
        deliver = nil
    }

    private func report(_ userInfo: [AnyHashable: Any], _ shared: RoostShared, completion: @escaping () -> Void) {
        guard let hash = userInfo["p"] as? String else { return completion() }
        var fields: [String: Any] = ["hash": hash]
        if let key = userInfo["rk"] as? String { fields["receipt_key"] = key }
        shared.post("messageDeliveryEvent", fields, completion: completion)
    }

    private func attach(_ userInfo: [AnyHashable: Any], _ shared: RoostShared, completion: @escaping () -> Void) {
        guard let text = userInfo["attachment"] as? String, let url = URL(string: text), url.scheme == "https" else {
            return completion()
        }
        URLSession.shared.downloadTask(with: url) { file, response, error in
            do {
                guard let file else { throw error ?? URLError(.badServerResponse) }
                // The kind of file is told by its ending.
                let ending = url.pathExtension.isEmpty ? (response?.suggestedFilename as NSString?)?.pathExtension : url.pathExtension
                let target = FileManager.default.temporaryDirectory
                    .appendingPathComponent(UUID().uuidString)
                    .appendingPathExtension(ending ?? "jpg")
                try FileManager.default.moveItem(at: file, to: target)
                self.content?.attachments = [try UNNotificationAttachment(identifier: "image", url: target)]
                completion()
            } catch {
                self.reportFailure(userInfo, shared, reason: error.localizedDescription, completion: completion)
            }
        }.resume()
    }

    private func reportFailure(
        _ userInfo: [AnyHashable: Any], _ shared: RoostShared, reason: String, completion: @escaping () -> Void
    ) {
        guard let hash = userInfo["p"] as? String else { return completion() }
        let receipt = ["kind": "attachment_failed", "hash": hash, "reason": String(reason.prefix(100))]
        shared.post("postReceipts", ["receipts": [receipt]], completion: completion)
    }
}
