// Roost: `share` and `show` for the SDK. Keep the half for what your app is made with. TEMPLATE: not compiled by Roost's CI.
import Foundation
import UserNotifications

enum RoostNative {
    /// `json`: a push as the SDK gives it to `show`. One with the tag of a shown one takes its place.
    static func show(json: String, completion: @escaping (Error?) -> Void) {
        guard let push = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] else {
            return completion(nil)
        }
        let content = UNMutableNotificationContent()
        content.title = push["title"] as? String ?? ""
        content.subtitle = push["subtitle"] as? String ?? ""
        content.body = push["body"] as? String ?? ""
        content.sound = .default
        // The names of a push of Apple's, so that a tap is read as of one.
        var userInfo: [String: Any] = [:]
        if let hash = push["hash"] { userInfo["p"] = hash }
        if let key = push["receiptKey"] { userInfo["rk"] = key }
        if let url = push["url"] { userInfo["l"] = url }
        if let data = push["data"], let text = try? JSONSerialization.data(withJSONObject: data, options: .fragmentsAllowed) {
            userInfo["u"] = String(decoding: text, as: UTF8.self)
        }
        content.userInfo = userInfo
        let tag = push["tag"] as? String ?? UUID().uuidString
        let request = UNNotificationRequest(identifier: tag, content: content, trigger: nil)
        UNUserNotificationCenter.current().add(request, withCompletionHandler: completion)
    }
}

// ── React Native: also needs RoostModule.m with
//      #import <React/RCTBridgeModule.h>
//      @interface RCT_EXTERN_MODULE(Roost, NSObject)
//      RCT_EXTERN_METHOD(share:(NSString *)json resolver:(RCTPromiseResolveBlock)resolve rejecter:(RCTPromiseRejectBlock)reject)
//      RCT_EXTERN_METHOD(show:(NSString *)json resolver:(RCTPromiseResolveBlock)resolve rejecter:(RCTPromiseRejectBlock)reject)
//      @end
#if canImport(React)
import React

@objc(Roost)
class Roost: NSObject {
    @objc static func requiresMainQueueSetup() -> Bool { false }

    @objc func share(_ json: String, resolver resolve: RCTPromiseResolveBlock, rejecter reject: RCTPromiseRejectBlock) {
        RoostShared.write(json: json)
        resolve(nil)
    }

    @objc func show(
        _ json: String, resolver resolve: @escaping RCTPromiseResolveBlock, rejecter reject: @escaping RCTPromiseRejectBlock
    ) {
        RoostNative.show(json: json) { error in
            if let error { reject("show_failed", error.localizedDescription, error) } else { resolve(nil) }
        }
    }
}
#endif

// ── Capacitor: register it in your bridge's view controller with bridge?.registerPluginInstance(RoostPlugin()).
#if canImport(Capacitor)
import Capacitor

@objc(RoostPlugin)
public class RoostPlugin: CAPPlugin, CAPBridgedPlugin {
    public let identifier = "RoostPlugin"
    public let jsName = "Roost"
    public let pluginMethods: [CAPPluginMethod] = [
        CAPPluginMethod(name: "share", returnType: CAPPluginReturnPromise),
        CAPPluginMethod(name: "show", returnType: CAPPluginReturnPromise),
    ]

    @objc func share(_ call: CAPPluginCall) {
        RoostShared.write(json: call.getString("json") ?? "{}")
        call.resolve()
    }

    @objc func show(_ call: CAPPluginCall) {
        RoostNative.show(json: call.getString("json") ?? "{}") { error in
            if let error { call.reject(error.localizedDescription) } else { call.resolve() }
        }
    }
}
#endif
