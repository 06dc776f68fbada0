// Roost: calls on iOS, by PushKit and CallKit (docs/calls.md). iOS ends an app that reports no call for a VoIP push, and stops bringing them; so
// every push is reported at once, here and not in JavaScript, also one that is over, late, or for somebody else. TEMPLATE: not compiled by
// Roost's CI. Needs the background modes "Voice over IP" and "Remote notifications".
//
// For React Native with react-native-voip-push-notification; without it, hand the token to the SDK as `voip` in your own way.
// Keep one CallPushes for the life of the process: make it in application(_:didFinishLaunchingWithOptions:).
import CallKit
import PushKit

final class CallPushes: NSObject, PKPushRegistryDelegate, CXProviderDelegate {
    private let registry = PKPushRegistry(queue: .main)
    private let provider: CXProvider
    private let controller = CXCallController()
    /// The highest version that was seen of each call: an older one that comes later changes nothing.
    private var versions: [UUID: Int] = [:]
    private var ringing: [UUID: DispatchWorkItem] = [:]

    override init() {
        let configuration = CXProviderConfiguration()
        configuration.supportsVideo = true
        configuration.maximumCallGroups = 1
        configuration.supportedHandleTypes = [.generic]
        provider = CXProvider(configuration: configuration)
        super.init()
        provider.setDelegate(self, queue: .main)
        registry.delegate = self
        registry.desiredPushTypes = [.voIP]
    }

    func pushRegistry(_ registry: PKPushRegistry, didUpdate credentials: PKPushCredentials, for type: PKPushType) {
        RNVoipPushNotificationManager.didUpdate(credentials, forType: type.rawValue)
    }

    func pushRegistry(
        _ registry: PKPushRegistry, didReceiveIncomingPushWith payload: PKPushPayload, for type: PKPushType,
        completion: @escaping () -> Void
    ) {
        let call = PushedCall(payload.dictionaryPayload)
        let id = call?.id ?? UUID()
        let isRinging = call.map { isNew($0) && $0.state == "ringing" && $0.ringUntil > Date() && !isForeign($0) } ?? false
        report(id, call) { [self] in
            if let call, isRinging { stopAtEnd(of: call) } else { end(id, reason: reason(of: call)) }
            RNVoipPushNotificationManager.didReceiveIncomingPush(with: payload, forType: type.rawValue)
            completion()
        }
    }

    private func report(_ id: UUID, _ call: PushedCall?, then next: @escaping () -> Void) {
        let update = CXCallUpdate()
        update.remoteHandle = CXHandle(type: .generic, value: call?.caller ?? "")
        update.localizedCallerName = call?.caller
        update.hasVideo = call?.isVideo ?? false
        // An error says that it is reported already, or that the person is not to be disturbed: iOS is content with either.
        provider.reportNewIncomingCall(with: id, update: update) { _ in next() }
    }

    /// The end of the ring time is in the push: ringing stops by itself, whatever becomes of the network.
    private func stopAtEnd(of call: PushedCall) {
        let stop = DispatchWorkItem { [weak self] in self?.end(call.id, reason: .unanswered) }
        ringing[call.id]?.cancel()
        ringing[call.id] = stop
        DispatchQueue.main.asyncAfter(deadline: .now() + call.ringUntil.timeIntervalSinceNow, execute: stop)
    }

    private func end(_ id: UUID, reason: CXCallEndedReason) {
        ringing.removeValue(forKey: id)?.cancel()
        provider.reportCall(with: id, endedAt: nil, reason: reason)
    }

    private func isNew(_ call: PushedCall) -> Bool {
        guard call.version > versions[call.id] ?? 0 else { return false }
        versions[call.id] = call.version
        return true
    }

    private func isForeign(_ call: PushedCall) -> Bool {
        guard let userId = RoostShared.read()?.userId else { return false }
        return call.userId != userId
    }

    private func reason(of call: PushedCall?) -> CXCallEndedReason {
        switch call?.state {
        case "accepted", "answered_elsewhere": return .answeredElsewhere
        case "rejected", "busy": return .declinedElsewhere
        case "cancelled": return .remoteEnded
        default: return .unanswered
        }
    }

    // ── what the person does: one device wins, so the answer counts only when the server says so

    func provider(_ provider: CXProvider, perform action: CXAnswerCallAction) {
        ringing.removeValue(forKey: action.callUUID)?.cancel()
        say("accept", of: action.callUUID) { isTaken in
            if isTaken { action.fulfill() } else { action.fail() }
        }
    }

    func provider(_ provider: CXProvider, perform action: CXEndCallAction) {
        let wasRinging = ringing.removeValue(forKey: action.callUUID)
        wasRinging?.cancel()
        action.fulfill()
        if wasRinging != nil { say("reject", of: action.callUUID) { _ in } }
    }

    func providerDidReset(_ provider: CXProvider) {
        for it in ringing.values { it.cancel() }
        ringing = [:]
    }

    private func say(_ event: String, of id: UUID, completion: @escaping (Bool) -> Void) {
        guard let shared = RoostShared.read(),
              let hwid = shared.hwid.addingPercentEncoding(withAllowedCharacters: .alphanumerics),
              let url = URL(string: "\(shared.baseUrl)/v1/apps/\(shared.application)/devices/\(hwid)/calls/\(id.uuidString.lowercased())/\(event)")
        else { return completion(false) }
        var request = URLRequest(url: url, timeoutInterval: 10)
        request.httpMethod = "POST"
        request.setValue("Token \(shared.deviceToken)", forHTTPHeaderField: "Authorization")
        URLSession.shared.dataTask(with: request) { _, response, _ in
            let status = (response as? HTTPURLResponse)?.statusCode ?? 0
            DispatchQueue.main.async { completion((200..<300).contains(status)) }
        }.resume()
    }
}

/// `u.call` of a push.
private struct PushedCall {
    let id: UUID
    let state: String
    let version: Int
    let caller: String
    let userId: String?
    let isVideo: Bool
    let ringUntil: Date

    init?(_ payload: [AnyHashable: Any]) {
        guard let text = payload["u"] as? String,
              let data = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
              let call = data["call"] as? [String: Any],
              let id = (call["id"] as? String).flatMap(UUID.init(uuidString:)),
              let state = call["state"] as? String
        else { return nil }
        let dates = ISO8601DateFormatter()
        dates.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        self.id = id
        self.state = state
        version = call["version"] as? Int ?? 1
        caller = (call["caller"] as? [String: Any])?["name"] as? String ?? ""
        userId = call["userId"] as? String
        isVideo = call["media"] as? String == "video"
        ringUntil = (call["ringUntil"] as? String).flatMap(dates.date(from:)) ?? .distantPast
    }
}
