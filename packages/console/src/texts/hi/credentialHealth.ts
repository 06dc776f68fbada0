import type { TextsOf } from '../areas.ts'

export const texts: TextsOf<'credentialHealth'> = {
  apns_bundle_id_wrong:
    'इस ऐप के डिवाइसों का बंडल आईडी इस क्रेडेंशियल से अलग है। Apple क्रेडेंशियल को स्वीकार करता है, इसलिए जाँच ठीक है; डिवाइस बने रहते हैं और संदेश रुके रहते हैं।',
  'apns_bundle_id_wrong.remedy':
    'क्रेडेंशियल को Xcode में ऐप के बंडल आईडी वाले से बदलें (.p8 कुंजी वही फ़ाइल हो सकती है), या उस ऐप के सर्टिफ़िकेट से।',
  apns_environment_wrong:
    'Apple इस क्रेडेंशियल के परिवेश में किसी भी डिवाइस को नहीं जानता। क्रेडेंशियल ठीक है, इसलिए जाँच भी; डिवाइस बने रहते हैं और संदेश रुके रहते हैं।',
  'apns_environment_wrong.remedy':
    'दूसरे परिवेश का क्रेडेंशियल अपलोड करें: Xcode से इंस्टॉल किए बिल्ड सैंडबॉक्स के हैं, TestFlight और App Store के प्रोडक्शन के। या डिवाइसों को उनके सही परिवेश के साथ रजिस्टर करें।',
  fcm_project_wrong:
    'इस ऐप के डिवाइस इस सर्विस अकाउंट से अलग Firebase प्रोजेक्ट के हैं। Google अकाउंट को स्वीकार करता है, इसलिए जाँच ठीक है; डिवाइस बने रहते हैं और संदेश रुके रहते हैं।',
  'fcm_project_wrong.remedy':
    'इसे उस प्रोजेक्ट के सर्विस अकाउंट से बदलें जिसका नाम ऐप की google-services.json में है (project_id)।',
  vapid_key_wrong:
    'ब्राउज़रों ने किसी दूसरी VAPID कुंजी से सदस्यता ली है; उन तक सिर्फ़ वही पहुँचती है। सदस्यताएँ बनी रहती हैं और संदेश रुके रहते हैं।',
  'vapid_key_wrong.remedy':
    'वह कुंजी जोड़ी अपलोड करें जिसकी सार्वजनिक कुंजी से साइट सदस्यता लेती है (applicationServerKey)।',
  content_unreadable: 'इस क्रेडेंशियल का सहेजा हुआ डेटा अब उपयोग नहीं हो सकता।',
  'content_unreadable.remedy': 'इसे फिर से अपलोड करें।',
  certificate_expired: 'सर्टिफ़िकेट की अवधि समाप्त हो गई है; Apple इससे कोई पुश नहीं लेता। संदेश रुके रहते हैं।',
  apns_key_refused:
    'Apple कुंजी को अस्वीकार करता है: वह रद्द कर दी गई, या कुंजी आईडी और टीम आईडी उसकी नहीं हैं, या ऐप किसी दूसरी टीम का है।',
  apns_key_of_other_environment: 'कुंजी सिर्फ़ दूसरे परिवेश के लिए बनाई गई थी।',
  'apns_key_of_other_environment.remedy':
    'developer.apple.com पर इस परिवेश के लिए कुंजी बनाएँ और इसके साथ अपलोड करें।',
  apns_topic_refused: 'Apple इस क्रेडेंशियल से इस बंडल आईडी पर पुश करने नहीं देता।',
  'apns_topic_refused.remedy':
    'बंडल आईडी को Xcode के ऐप से मिलाएँ; कुछ ही टॉपिक की कुंजी या किसी दूसरे ऐप का सर्टिफ़िकेट सिर्फ़ उन्हीं के काम आता है।',
  apns_certificate_of_other_environment: 'यह सर्टिफ़िकेट इस परिवेश के काम नहीं आता।',
  'apns_certificate_of_other_environment.remedy':
    'developer.apple.com पर “Sandbox & Production” का सर्टिफ़िकेट बनाएँ और अपलोड करें।',
  apns_certificate_refused: 'Apple सर्टिफ़िकेट को अस्वीकार करता है: वह रद्द कर दिया गया, या पुश के लिए नहीं है।',
  clock_wrong: 'Apple अभी-अभी हस्ताक्षरित टोकन को समाप्त मानता है: इस सर्वर की घड़ी ग़लत है।',
  'clock_wrong.remedy': 'सर्वर की घड़ी ठीक करें (NTP); क्रेडेंशियल ख़ुद ठीक हो सकता है।',
  apns_forbidden: 'Apple इस कुंजी से पुश करने की अनुमति नहीं देता।',
  fcm_api_disabled: 'इस प्रोजेक्ट में Firebase Cloud Messaging API (V1) बंद है।',
  'fcm_api_disabled.remedy': 'इसे चालू करें: Firebase कंसोल → प्रोजेक्ट सेटिंग → Cloud Messaging।',
  fcm_permission_missing: 'सर्विस अकाउंट इस प्रोजेक्ट में संदेश नहीं भेज सकता।',
  'fcm_permission_missing.remedy':
    'Google Cloud कंसोल → IAM में उसे “Firebase Cloud Messaging API Admin” भूमिका दें।',
  fcm_key_refused:
    'Google कुंजी को अस्वीकार करता है: वह या उसका सर्विस अकाउंट हटा दिया गया, या इस सर्वर की घड़ी कुछ मिनट ग़लत है।',
  'fcm_key_refused.remedy':
    'Firebase कंसोल → प्रोजेक्ट सेटिंग → सर्विस अकाउंट में नई निजी कुंजी बनाएँ और इसे बदलें; सर्वर की घड़ी जाँचें।',
  fcm_project_unknown: 'Google उस प्रोजेक्ट को नहीं जानता जिसका नाम फ़ाइल में है।',
  'fcm_project_unknown.remedy': 'उस Firebase प्रोजेक्ट का सर्विस अकाउंट अपलोड करें जिससे ऐप बना है।',
  fcm_third_party_refused: 'Firebase में रखी APNs कुंजी या वेब पुश कुंजी अस्वीकार हुई है; Android पर असर नहीं है।',
  'fcm_third_party_refused.remedy': 'उसे Firebase कंसोल → प्रोजेक्ट सेटिंग → Cloud Messaging में बदलें।',
  hms_permission_missing: 'Huawei इस ऐप को भेजने नहीं देता: Push Kit बंद है, या ऐप आईडी किसी दूसरे प्रोजेक्ट का है।',
  'hms_permission_missing.remedy':
    'AppGallery Connect → My projects → Push Kit में Push Kit चालू करें और ऐप आईडी मिलाएँ।',
  hms_client_refused: 'Huawei क्लाइंट आईडी और सीक्रेट को अस्वीकार करता है।',
  'hms_client_refused.remedy':
    'दोनों को AppGallery Connect → Project settings → App information → OAuth 2.0 client ID से फिर कॉपी करें और क्रेडेंशियल बदलें।',
  refused: 'गेटवे इस क्रेडेंशियल को अस्वीकार करता है।',
  'refused.remedy': 'इसे वैसा ही फिर से अपलोड करें जैसा विक्रेता ने दिया था; तब तक संदेश रुके रहते हैं।',
  certificate_expiring:
    'सर्टिफ़िकेट {days, plural, =1 {एक दिन के भीतर} one {# दिन में} other {# दिनों में}} समाप्त हो जाएगा: {moment}।',
  credential_paused: 'इस क्रेडेंशियल से कुछ नहीं भेजा जाता।',
  'credential_paused.remedy': '“क्रेडेंशियल” पेज पर इसकी सामग्री बदलें।',
  'renew.remedy':
    'developer.apple.com पर नया “Apple Push Notification service SSL” सर्टिफ़िकेट बनाएँ और इसे उससे बदलें, या .p8 कुंजी पर जाएँ, जो समाप्त नहीं होती। ऐप को नए रिलीज़ की ज़रूरत नहीं।',
  'compare.remedy':
    'कुंजी आईडी, टीम आईडी और बंडल आईडी को developer.apple.com (Keys; Membership; Identifiers) से मिलाएँ, देखें कि कुंजी रद्द नहीं हुई, और क्रेडेंशियल बदलें।',
  'environment.production': 'प्रोडक्शन',
  'environment.sandbox': 'सैंडबॉक्स',
}
