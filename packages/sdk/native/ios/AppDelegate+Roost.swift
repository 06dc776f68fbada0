// Roost: what the AppDelegate tells the libraries. Put these methods into your AppDelegate. TEMPLATE: not compiled by Roost's CI.

// ── React Native, for @react-native-community/push-notification-ios. In the bridging header: #import <RNCPushNotificationIOS.h>.
// In application(_:didFinishLaunchingWithOptions:), before it returns:
//     UNUserNotificationCenter.current().delegate = self
//     application.registerForRemoteNotifications()   // asks nobody; gives a token also before the person was asked
#if canImport(React)
import UIKit
import UserNotifications

extension AppDelegate: UNUserNotificationCenterDelegate {
    override func application(_ application: UIApplication, didRegisterForRemoteNotificationsWithDeviceToken token: Data) {
        RNCPushNotificationIOS.didRegisterForRemoteNotifications(withDeviceToken: token)
    }

    override func application(_ application: UIApplication, didFailToRegisterForRemoteNotificationsWithError error: Error) {
        RNCPushNotificationIOS.didFailToRegisterForRemoteNotificationsWithError(error)
    }

    /// Behind, for pushes with content-available.
    override func application(
        _ application: UIApplication, didReceiveRemoteNotification userInfo: [AnyHashable: Any],
        fetchCompletionHandler completionHandler: @escaping (UIBackgroundFetchResult) -> Void
    ) {
        RNCPushNotificationIOS.didReceiveRemoteNotification(userInfo, fetchCompletionHandler: completionHandler)
    }

    /// In front: the library hears of it here, and what is answered decides what iOS shows. Nothing is shown of what is for somebody else.
    func userNotificationCenter(
        _ center: UNUserNotificationCenter, willPresent notification: UNNotification,
        withCompletionHandler completionHandler: @escaping (UNNotificationPresentationOptions) -> Void
    ) {
        let userInfo = notification.request.content.userInfo
        let isRemote = notification.request.trigger is UNPushNotificationTrigger
        if isRemote { RNCPushNotificationIOS.didReceiveRemoteNotification(userInfo) }
        let isForeign = RoostShared.read()?.isForeign(userInfo) ?? false
        completionHandler(isForeign ? [] : [.banner, .list, .sound, .badge])
    }

    func userNotificationCenter(
        _ center: UNUserNotificationCenter, didReceive response: UNNotificationResponse,
        withCompletionHandler completionHandler: @escaping () -> Void
    ) {
        RNCPushNotificationIOS.didReceive(response)
        completionHandler()
    }
}
#endif

// ── Capacitor, for @capacitor/push-notifications; the rest the library does itself.
#if canImport(Capacitor)
import Capacitor
import UIKit

extension AppDelegate {
    func application(_ application: UIApplication, didRegisterForRemoteNotificationsWithDeviceToken deviceToken: Data) {
        NotificationCenter.default.post(name: .capacitorDidRegisterForRemoteNotifications, object: deviceToken)
    }

    func application(_ application: UIApplication, didFailToRegisterForRemoteNotificationsWithError error: Error) {
        NotificationCenter.default.post(name: .capacitorDidFailToRegisterForRemoteNotifications, object: error)
    }
}
#endif
